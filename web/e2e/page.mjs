// What the tests of the page share: one server and one browser for each file of tests, a page for
// each test, and the words in which they are written.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { downloads, isFirefox, kListen, launch, startServer } from './harness.mjs';
import { midiFile, wavFile } from './files.mjs';

// HEMIOLA_E2E_PATIENCE=5 waits five times as long, on a machine that has other things to do.
export const kPatience = Number(process.env.HEMIOLA_E2E_PATIENCE ?? 1);
export const kTest = { timeout: 60_000 * kPatience };
export const kLong = 30_000 * kPatience;

// Three quarters of a scale in 4/4 at 120, four bars.
export const tune = [0, 2, 4, 5, 7, 5, 4, 2, 0, 4, 7, 4, 0, 2, 4, 0].map((step, i) => [i * 0.5, 0.45, 60 + step]);
export const tuneMidi = midiFile(tune.map(([onset, duration, pitch]) =>
  [onset * 960, Math.round(duration * 960), pitch, 80]));

const kPictures = new URL('.out/', import.meta.url).pathname;  // of what failed
let failures = 0;
// Of the file of tests that imports this.
export const studio = { server: null, browser: null, info: null };
const microphone = join(tmpdir(), `hemiola-microphone-${process.pid}.wav`);

before(async () => {
  mkdirSync(kPictures, { recursive: true });
  writeFileSync(microphone, wavFile(tune));
  studio.server = await startServer();
  studio.browser = await launch({ microphone });
  studio.info = await json('/info');
});

after(async () => {
  await studio.browser?.close();
  await studio.server?.stop();
  rmSync(microphone, { force: true });
  rmSync(downloads, { recursive: true, force: true });
});

// A page of its own for each test; whatever it complains of fails the test. `prepare` runs in the
// page before its own scripts; `url`: of another server than the usual one.
export async function withPage(run, {
  soundfont = false, scheme = 'light', viewport, url = studio.server.url, prepare, touch = false,
} = {}) {
  const context = await studio.browser.newContext({
    viewport: viewport ?? { width: 1280, height: 800 }, colorScheme: scheme, hasTouch: touch,
    reducedMotion: 'reduce', ...(isFirefox ? {} : { permissions: ['microphone'] }),
  });
  const page = await context.newPage();
  page.setDefaultTimeout(kLong);
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() !== 'error') return;
    // Refusals are shown to the person in words; the browser notes them as well.
    if (!/Failed to load resource/.test(message.text())) complaints.push(message.text());
  });
  if (!soundfont) await page.route('**/soundfont.sf3', (route) => route.abort());
  await page.addInitScript(kListen);
  if (prepare) await page.addInitScript(prepare);
  try {
    await page.goto(url);
    await page.waitForSelector('.welcome .write');
    await run(page);
    assert.deepEqual(complaints, []);
  } catch (error) {
    await page.screenshot({ path: join(kPictures, `failed-${process.pid}-${++failures}.png`) }).catch(() => {});
    throw error;
  } finally {
    await context.close();
  }
}

// Asks the page again and again; Playwright's own waiting needs what the page's policy forbids.
export async function until(page, condition, argument) {
  const end = Date.now() + kLong;
  while (!(await page.evaluate(condition, argument))) {
    if (Date.now() > end) throw new Error(`waited in vain for ${condition}`);
    await page.waitForTimeout(50);
  }
}

export const writeSomething = (page) => page.getByRole('button', { name: 'Write something' }).click();
export const written = (page) => page.waitForSelector('.header .write:not(.stop)', { timeout: kLong });
export const shownTake = (page) => page.locator('.take[data-shown] [data-take]').getAttribute('data-take');
export const kept = (page) => page.waitForSelector('.saving[data-state="saved"]', { timeout: kLong });
export const json = async (path) => (await fetch(`${studio.server.url}/api/v1${path}`)).json();
export const shownPiece = async (page) => json(`/pieces/${await shownTake(page)}`);
export const openFile = (page, name, buffer) => page.locator('input[type="file"]').setInputFiles({
  name, mimeType: 'application/octet-stream', buffer,
});
export async function openTune(page) {
  await openFile(page, 'scale.mid', tuneMidi);
  await page.waitForSelector('.take[data-shown]', { state: 'attached' });
}
export const notesOf = (piece) => piece.view.tracks.map((track) => track.notes);
export const dialog = (page, name) => page.getByRole('dialog', { name });

// What drives Firefox clicks twice, but never doubly.
export const doubleClick = (page, x, y) => (isFirefox
  ? page.evaluate(([clientX, clientY]) => document.elementFromPoint(clientX, clientY)
    .dispatchEvent(new MouseEvent('dblclick', { bubbles: true, clientX, clientY })), [x, y])
  : page.mouse.dblclick(x, y));

// What a choice of the download menu gives.
export async function download(page, name) {
  await page.getByRole('button', { name: 'Download' }).click();
  return downloaded(page, () => page.getByRole('button', { name: new RegExp(`^${name}`) }).click());
}

// The file that comes of `act`.
export async function downloaded(page, act) {
  if (!isFirefox) {
    const [file] = await Promise.all([page.waitForEvent('download', { timeout: kLong }), act()]);
    return { name: file.suggestedFilename(), path: await file.path() };
  }
  // What drives Firefox does not tell of downloads: they are looked for where they lie.
  rmSync(downloads, { recursive: true, force: true });
  mkdirSync(downloads);
  await act();
  for (const end = Date.now() + kLong; Date.now() < end; await page.waitForTimeout(100)) {
    const files = readdirSync(downloads).filter((name) => !name.endsWith('.part'));
    if (files.length === 1 && statSync(join(downloads, files[0])).size > 0) {
      return { name: files[0], path: join(downloads, files[0]) };
    }
  }
  throw new Error('nothing was downloaded');
}

export async function selectBars(page, first, last) {
  await page.locator('.roll').focus();
  await page.keyboard.press('Home');
  for (let i = 0; i < first; ++i) await page.keyboard.press(']');
  if (last > first) {
    const roll = await page.locator('.roll').boundingBox();
    const bars = (await page.locator('.roll-area table tbody tr').count());
    const width = (roll.width - 48 - 24) / bars;
    await page.keyboard.down('Shift');
    await page.mouse.click(roll.x + 48 + width * (last - 0.5), roll.y + 30);
    await page.keyboard.up('Shift');
  }
}
