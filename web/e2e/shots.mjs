// Pictures of every view, to be looked at: node e2e/shots.mjs [NAME...], into e2e/.out/.
import { mkdirSync, writeFileSync } from 'node:fs';
import { wavFile } from './files.mjs';
import { launch, startServer } from './harness.mjs';

const out = new URL('.out/', import.meta.url).pathname;
mkdirSync(out, { recursive: true });
const wanted = process.argv.slice(2);
const server = process.env.HEMIOLA_URL ? null : await startServer();
const url = process.env.HEMIOLA_URL ?? server.url;
const microphone = `${out}microphone.wav`;
writeFileSync(microphone, wavFile([0, 2, 4, 5, 7, 5, 4, 2, 0, 4, 7, 4].map((step, i) => [i * 0.5, 0.45, 60 + step])));
const browser = await launch({ microphone });

async function shoot(name, { width = 1440, height = 900, dark = false, scale = 1 } = {}, run) {
  if (wanted.length > 0 && !wanted.includes(name)) return;
  const context = await browser.newContext({
    viewport: { width, height }, colorScheme: dark ? 'dark' : 'light', deviceScaleFactor: scale,
    permissions: ['microphone'],
  });
  const page = await context.newPage();
  page.on('console', (m) => { if (m.type() === 'error' || m.type() === 'warning') console.log(name, m.type(), m.text()); });
  page.on('pageerror', (e) => console.log(name, 'pageerror', e.message));
  try {
    await page.goto(url);
    await page.waitForSelector('.welcome, .roll', { timeout: 10000 });
    await run(page);
    await page.waitForTimeout(200);
  } catch (error) {
    console.log(name, String(error).split('\n').slice(0, 3).join(' | '));
  }
  await page.screenshot({ path: `${out}${name}.png` });
  await context.close();
}

async function piece(page, bars = 8) {
  await page.getByRole('button', { name: 'Write something' }).click();
  await page.waitForSelector('.take[data-shown]', { state: 'attached', timeout: 30000 });
  await page.waitForTimeout(300);
}

await shoot('empty', {}, async () => {});
await shoot('empty-dark', { dark: true }, async () => {});
await shoot('writing', {}, async (page) => {
  await page.getByRole('button', { name: 'Write something' }).click();
  await page.waitForTimeout(700);
});
await shoot('piece', {}, async (page) => { await piece(page); });
await shoot('piece-dark', { dark: true }, async (page) => { await piece(page); });
await shoot('selection', {}, async (page) => {
  await piece(page);
  const roll = await page.locator('.roll').boundingBox();
  await page.mouse.move(roll.x + roll.width * 0.3, roll.y + 30);
  await page.mouse.down();
  await page.mouse.move(roll.x + roll.width * 0.5, roll.y + 30, { steps: 5 });
  await page.mouse.up();
});
await shoot('compare', {}, async (page) => {
  await piece(page);
  await page.keyboard.press('Space');
  await page.locator('.roll').focus();
  await page.keyboard.press(']');
  await page.keyboard.press('v');
  await page.locator('.variation-count').waitFor({ timeout: 40000 });
  await page.waitForSelector('.writing', { state: 'detached', timeout: 30000 });
  await page.locator('.take').first().hover();
  await page.locator('.take').first().locator('.take-actions button').first().click();
});
await shoot('help', {}, async (page) => { await page.keyboard.press('?'); await page.waitForSelector('dialog'); });
await shoot('type', {}, async (page) => {
  await page.getByRole('button', { name: /Type numbers/ }).click();
  await page.locator('.typing-text').fill('1=G 3/4 q=108\n| 3 2 1 | 5, - - | {1_ 2_ 3_} 4 5 | 5 - - |');
  await page.waitForTimeout(600);
});
await shoot('play', {}, async (page) => {
  await page.getByRole('button', { name: /^Play On/ }).click();
  for (const key of 'adghg') { await page.keyboard.down(key); await page.waitForTimeout(150); await page.keyboard.up(key); }
});
await shoot('record', {}, async (page) => {
  await page.getByRole('button', { name: /Record/ }).click();
  await page.locator('.record-button').click();
  await page.waitForTimeout(2500);
});
await shoot('recorded', {}, async (page) => {
  await page.getByRole('button', { name: /Record/ }).click();
  await page.locator('.record-button').click();
  await page.waitForTimeout(2500);
  await page.locator('.record-button').click();
  await page.waitForSelector('audio');
});
await shoot('beats', {}, async (page) => {
  await page.getByRole('button', { name: /Record/ }).click();
  await page.locator('.record-button').click();
  await page.waitForTimeout(6500);
  await page.locator('.record-button').click();
  await page.getByRole('button', { name: 'Find the notes' }).click();
  await page.getByRole('dialog', { name: 'Where are the beats?' }).waitFor({ timeout: 60000 });
  await page.waitForTimeout(1500);
});
await shoot('sheet', {}, async (page) => {
  await piece(page);
  await page.getByRole('button', { name: 'Sheet', exact: true }).click();
  await page.waitForSelector('.sheet-page', { timeout: 30000 });
});
await shoot('wave', {}, async (page) => {
  await piece(page);
  await page.getByRole('button', { name: 'Wave', exact: true }).click();
  await page.waitForSelector('.spectrum', { timeout: 30000 });
  await page.waitForTimeout(800);
});
await shoot('phone', { width: 390, height: 844, scale: 2 }, async (page) => { await piece(page); });
await shoot('phone-empty', { width: 390, height: 844, scale: 2 }, async () => {});
await shoot('phone-sheet', { width: 390, height: 844, scale: 2, dark: true }, async (page) => {
  await piece(page);
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.waitForTimeout(300);
});
await shoot('projector', { width: 2560, height: 1440 }, async (page) => { await piece(page); });

await browser.close();
await server?.stop();
