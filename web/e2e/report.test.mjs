// The report of `hemiola compare` in a browser: drawn from made-up figures, it fetches nothing, says
// which measures are not to be trusted, plays, and keeps the blind test blind until its end.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { launch } from './harness.mjs';

const kSets = ['reference', 'real', 'shuffled', 'random', 'ngram', 'symbolic', 'audiolm'];
const kHash = 'ab'.repeat(32);

// Half a second of a tone.
function wav(pitch) {
  const samples = 8000, bytes = Buffer.alloc(44 + 2 * samples);
  bytes.write('RIFF', 0); bytes.writeUInt32LE(36 + 2 * samples, 4); bytes.write('WAVEfmt ', 8);
  bytes.writeUInt32LE(16, 16); bytes.writeUInt16LE(1, 20); bytes.writeUInt16LE(1, 22);
  bytes.writeUInt32LE(16000, 24); bytes.writeUInt32LE(32000, 28); bytes.writeUInt16LE(2, 32);
  bytes.writeUInt16LE(16, 34); bytes.write('data', 36); bytes.writeUInt32LE(2 * samples, 40);
  for (let i = 0; i < samples; ++i) bytes.writeInt16LE(Math.round(8000 * Math.sin(i * pitch / 2546)), 44 + 2 * i);
  return bytes.toString('base64');
}
function madeUp() {
  const estimate = (mean) => ({ mean, low: mean - 0.01, high: mean + 0.01, pieces: 200 });
  const order = (trusted) => ({ trusted, pairs: [{ nearer: 'real', farther: 'random', holds: trusted, apart: trusted ? false : null }] });
  const row = { fad: 1.5, fad_inf: 1, fad_inf_interval: [0.8, 1.2], fad_inf_r2: 0.9, kad: 2, kad_interval: [1, 3], n_gen: 200, frames_gen: 500 };
  const each = (make) => Object.fromEntries(kSets.map((name) => [name, make(name)]));
  const metrics = (name) => ({ pieces: 200, metrics: { [name]: { ...estimate(0.5), overlap: 0.9 } } });
  const report = {
    format: 'hemiola comparison', version: 1,
    settings: { count: 200, seed: 0, styles: false, ngram_order: 5, known: 10, axes: 128, loops: 'loops', model: 'last', model_card: '<b>card</b>', model_sha256: kHash, loops_sha256: kHash },
    sets: each(() => ({ pieces: 200, music_seconds: 1600, sha256: kHash })),
    distances: { musicnn: { dimensions: 128, sets: each(() => row), orders: { fad: order(true), fad_inf: order(true), kad: order(true) } },
      lyra: { dimensions: 64, sets: each(() => row), orders: { fad: order(false), fad_inf: order(false), kad: order(true) } } },
    absent_embeddings: { vggish: 'not there' },
    notes: { sets: each(() => metrics('polyphony')), orders: { polyphony: order(true) } },
    time: { sets: each(() => metrics('on_grid')), orders: { on_grid: order(true) } },
    novelty: { embedding: 'musicnn', sound: each(() => ({ ...estimate(0.05), near: 0.05 })),
      notes: each(() => ({ copies: 0.01, longest_run: estimate(9), longest_run_share: estimate(0.1), copied_bars: estimate(0.02) })) },
    training: { seed: { steps: 200, tokens: 1e6, seconds: 100, processor_seconds: 190, curve: [[1, 8], [200, 2]], held_out: [[200, 2.1]] } },
    timing: { date: '2026-01-01T00:00:00Z', threads: 2, speeds: { symbolic: { music_seconds: 1600, writing_seconds: 300, sound_seconds: 40, real_time_factor: 4.7, real_time_factor_writing: 5.3 } } },
  };
  delete report.notes.sets.audiolm;
  delete report.novelty.notes.audiolm;
  const media = Object.fromEntries(kSets.slice(1).map((name, i) => [name, [1, 2].map((k) => ({
    name: `00${k}`, seconds: 0.5, sound: wav(200 + 50 * i + 10 * k), mel: Buffer.alloc(64 * 25, 90 * k).toString('base64'),
    ...(name === 'audiolm' ? {} : { tracks: ['piano', 'drums'], notes: [[0, 0, 0.2, 60], [1, 0.1, 0.1, 36]] }) }))]));
  return { report, media };
}

let folder, browser, page;
const problems = [], requests = [];
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hemiola-report-'));
  const part = (name) => readFileSync(new URL(`../../src/compare/page/report.${name}`, import.meta.url), 'utf8');
  const { report, media } = madeUp();
  const json = (value) => JSON.stringify(value).replaceAll('<', '\\u003c');
  const put = (html, mark, text) => html.replace(mark, () => text);
  let html = part('html');
  for (const [mark, text] of [['/*style*/', part('css')], ['/*script*/', part('js')], ['/*report*/', json(report)], ['/*media*/', json(media)]]) html = put(html, mark, text);
  const file = join(folder, 'report.html');
  writeFileSync(file, html);
  browser = await launch();
  page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => { if (message.type() === 'error') problems.push(message.text()); });
  page.on('request', (request) => { if (!/^(file|data|blob):/.test(request.url())) requests.push(request.url()); });
  await page.goto(pathToFileURL(file).href);
});
after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

test('every part is drawn and nothing is fetched', async () => {
  for (const id of ['cards', 'panels', 'sets', 'distance-tables', 'note-table', 'time-table', 'novelty-table', 'cost-table', 'curves', 'order-table', 'settings']) {
    assert.ok((await page.locator(`#${id}`).innerHTML()).length > 50, id);
  }
  assert.match(await page.locator('#lead').innerText(), /musicnn; by lyra it does not/);
  assert.equal(await page.locator('#panels .badge.bad').count(), 1);
  assert.match(await page.locator('#settings').innerText(), /<b>card<\/b>/); // text, not markup
  assert.equal(await page.locator('.piece').count(), 12);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false);
  assert.deepEqual(problems, []);
  assert.deepEqual(requests, []);
});

test('a piece plays, another stops it', async () => {
  const pieces = page.locator('.piece');
  await pieces.nth(0).locator('button').click();
  await page.waitForFunction(() => document.querySelectorAll('.piece.playing').length === 1);
  await pieces.nth(1).locator('button').click();
  assert.equal(await page.locator('.piece.playing').count(), 1);
  await page.waitForFunction(() => document.querySelectorAll('.piece.playing').length === 0);
});

test('the blind test hides what is which, and keeps and saves the votes', async () => {
  const booth = page.locator('#booth');
  await booth.scrollIntoViewIfNeeded();
  for (let trial = 0; trial < 12; ++trial) {
    const text = await booth.innerText();
    for (const name of ['Hemiola', 'AudioLM', 'Real music', 'Random']) assert.ok(!text.includes(name), text);
    const vote = booth.locator('[data-choice="a"]');
    assert.ok(await vote.isDisabled());
    await booth.locator('[data-side="a"]').click();
    assert.ok(await vote.isDisabled());
    await booth.locator('[data-side="b"]').click();
    if (trial === 0) await booth.locator('[data-choice="none"]').click();
    else if (trial === 1) await page.keyboard.press('2');
    else await vote.click();
  }
  assert.match(await booth.innerText(), /12 votes in this browser/);
  assert.match(await booth.innerText(), /Hemiola|AudioLM/);
  const download = page.waitForEvent('download');
  await page.locator('#save-votes').click();
  const saved = JSON.parse(readFileSync(await (await download).path(), 'utf8'));
  assert.equal(saved.votes.length, 12);
  assert.equal(saved.votes[0].choice, 'none');
  assert.equal(saved.votes[1].choice, 'b');
  for (const vote of saved.votes) assert.notEqual(vote.a.set, vote.b.set);
  await page.reload();
  assert.equal(await page.evaluate(() => JSON.parse(Object.values(localStorage)[0]).length), 12);
});

test('on a narrow screen nothing is cut off', async () => {
  await page.setViewportSize({ width: 390, height: 800 });
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false);
  assert.deepEqual(problems, []);
});
