// Pictures of every view at the widths of a desk, a projector, a tablet and a phone, light and dark, to
// be looked at: node e2e/shots.mjs [PART-OF-A-NAME...], into e2e/.out/. `node e2e/shots.mjs wave-390-dark`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { wavFile } from './files.mjs';
import { launch, startServer } from './harness.mjs';

const kSizes = [[1440, 900], [1920, 1080], [1024, 768], [390, 844]];
const kLong = 30_000 * Number(process.env.HEMIOLA_E2E_PATIENCE ?? 1);
const out = new URL('.out/', import.meta.url).pathname;
mkdirSync(out, { recursive: true });
const wanted = process.argv.slice(2);
const server = process.env.HEMIOLA_URL ? null : await startServer();
const url = process.env.HEMIOLA_URL ?? server.url;
const microphone = `${out}microphone.wav`;
writeFileSync(microphone, wavFile([0, 2, 4, 5, 7, 5, 4, 2, 0, 4, 7, 4].map((step, i) => [i * 0.5, 0.45, 60 + step])));
const browser = await launch({ microphone });

// `run` brings the page to the view; `narrow`: it is on a phone, where panels are sheets.
const views = {
  empty: async () => {},
  writing: async (page) => {
    await page.getByRole('button', { name: 'Write something' }).click();
    await page.waitForTimeout(700);
  },
  piece: async (page) => { await piece(page); },
  selection: async (page) => {
    await piece(page);
    const roll = await page.locator('.roll').boundingBox();
    await page.mouse.move(roll.x + 48 + roll.width * 0.2, roll.y + 30);
    await page.mouse.down();
    await page.mouse.move(roll.x + 48 + roll.width * 0.4, roll.y + 30, { steps: 5 });
    await page.mouse.up();
  },
  compare: async (page, narrow) => {
    await piece(page);
    await page.keyboard.press('Space');
    await page.locator('.roll').focus();
    await page.keyboard.press(']');
    await page.keyboard.press('v');
    await page.locator('.variation-count').waitFor({ state: 'attached', timeout: kLong });
    await page.waitForSelector('.writing', { state: 'detached', timeout: kLong });
    if (narrow) await page.getByRole('button', { name: 'Takes', exact: true }).click();
    await page.locator('.take:not([data-shown])').first().hover();
    await page.locator('.take:not([data-shown]) .take-actions button').first().click();
  },
  takes: async (page, narrow) => {
    await piece(page);
    if (narrow) await page.getByRole('button', { name: 'Takes', exact: true }).click();
  },
  tracks: async (page, narrow) => {
    await piece(page);
    if (narrow) await page.getByRole('button', { name: 'Tracks', exact: true }).click();
  },
  settings: async (page, narrow) => {
    await piece(page);
    if (narrow) await page.getByRole('button', { name: 'Settings', exact: true }).click();
    await page.locator('.more summary').click();
  },
  download: async (page) => {
    await piece(page);
    await page.getByRole('button', { name: 'Download' }).click();
  },
  recipe: async (page, narrow) => {
    await piece(page);
    if (narrow) await page.getByRole('button', { name: 'Takes', exact: true }).click();
    await page.getByRole('button', { name: 'Recipe' }).click();
  },
  help: async (page) => { await page.keyboard.press('?'); await page.waitForSelector('dialog'); },
  type: async (page) => {
    await page.getByRole('button', { name: /Type numbers/ }).click();
    await page.locator('.typing-text').fill('1=G 3/4 q=108\n| 3 2 1 | 5, - - | 1_ 2_ 3 5 | 5 - - |');
    await page.waitForTimeout(600);
  },
  'type-wrong': async (page) => {
    await page.getByRole('button', { name: /Type numbers/ }).click();
    await page.locator('.typing-text').fill('1=G 3/4 | 3 2 9 |');
    await page.waitForTimeout(600);
  },
  play: async (page) => {
    await page.getByRole('button', { name: /^Play On/ }).click();
    for (const key of 'adghg') { await page.keyboard.down(key); await page.waitForTimeout(150); await page.keyboard.up(key); }
  },
  record: async (page) => {
    await page.getByRole('button', { name: /Record/ }).click();
    await page.locator('.record-button').click();
    await page.waitForTimeout(2500);
  },
  recorded: async (page) => {
    await page.getByRole('button', { name: /Record/ }).click();
    await page.locator('.record-button').click();
    await page.waitForTimeout(2500);
    await page.locator('.record-button').click();
    await page.waitForSelector('audio');
  },
  beats: async (page) => {
    await page.getByRole('button', { name: /Record/ }).click();
    await page.locator('.record-button').click();
    await page.waitForTimeout(6500);
    await page.locator('.record-button').click();
    await page.getByRole('button', { name: 'Find the notes' }).click();
    await page.getByRole('dialog', { name: 'Where are the beats?' }).waitFor({ timeout: kLong });
    await page.waitForTimeout(1500);
  },
  sheet: async (page) => {
    await piece(page);
    await page.getByRole('button', { name: 'Sheet', exact: true }).click();
    await page.waitForSelector('.sheet-page', { timeout: kLong });
  },
  wave: async (page) => {
    await piece(page);
    await page.getByRole('button', { name: 'Wave', exact: true }).click();
    await page.waitForSelector('.clip-controls', { timeout: kLong });
    await page.waitForTimeout(800);
  },
  'wave-writing': async (page) => {
    await views.wave(page);
    const pane = page.getByRole('region', { name: /^Waveform model/ });
    await pane.getByLabel('New seconds').fill('20');
    await pane.getByRole('button', { name: /^Write (as sound|another)/ }).click();
    await pane.locator('.clip-controls').waitFor({ timeout: kLong });
    await page.waitForTimeout(1500);
    await pane.scrollIntoViewIfNeeded();
  },
  'wave-both': async (page) => {
    await views.wave(page);
    const pane = page.getByRole('region', { name: /^Waveform model/ });
    await pane.getByLabel('New seconds').fill('6');
    await pane.getByRole('button', { name: /^Write (as sound|another)/ }).click();
    await pane.getByText(/took/).waitFor({ timeout: kLong });
    await page.waitForTimeout(1500);
  },
  error: async (page) => {
    await page.locator('input[type="file"]').setInputFiles({
      name: 'broken.mid', mimeType: 'application/octet-stream',
      buffer: Buffer.concat([Buffer.from('MThd'), Buffer.alloc(40, 0xee)]),
    });
    await page.getByRole('alert').waitFor();
  },
};

// One is written, and opened again for the views after that.
async function piece(page) {
  const kept = page.locator('.take [data-take]').first();
  await page.waitForTimeout(300);
  if (await kept.count() > 0) await kept.evaluate((take) => take.click());
  else await page.getByRole('button', { name: 'Write something' }).click();
  await page.waitForSelector('.take[data-shown]', { state: 'attached', timeout: kLong });
  await page.waitForTimeout(300);
}

async function shoot(name, run, { width, height, scheme }) {
  if (wanted.length > 0 && !wanted.some((part) => name.includes(part))) return;
  const narrow = width < 600;
  const context = await browser.newContext({
    viewport: { width, height }, colorScheme: scheme, deviceScaleFactor: narrow ? 2 : 1,
    permissions: ['microphone'],
  });
  const page = await context.newPage();
  page.on('console', (m) => { if (m.type() === 'error' || m.type() === 'warning') console.log(name, m.type(), m.text()); });
  page.on('pageerror', (e) => console.log(name, 'pageerror', e.message));
  try {
    await page.goto(url);
    await page.waitForSelector('.welcome, .roll', { timeout: kLong });
    await run(page, narrow);
    await page.waitForTimeout(200);
  } catch (error) {
    console.log(name, String(error).split('\n').slice(0, 3).join(' | '));
  }
  await page.screenshot({ path: `${out}${name}.png` });
  await context.close();
}

for (const [view, run] of Object.entries(views)) {
  for (const [width, height] of kSizes) {
    for (const scheme of ['light', 'dark']) await shoot(`${view}-${width}-${scheme}`, run, { width, height, scheme });
  }
}
await shoot('piece-2560-light', views.piece, { width: 2560, height: 1440, scheme: 'light' });

await browser.close();
await server?.stop();
