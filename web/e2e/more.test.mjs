// What the first file of tests leaves out: log-in, sound to take away, accompaniment, projects,
// MIDI keyboards, light and dark, and a whole session on a phone.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { startServer } from './harness.mjs';
import {
  dialog, download, downloaded, json, kept, kLong, kTest, notesOf, openFile, openTune, selectBars, shownPiece,
  studio, tune, until, withPage, writeSomething, written,
} from './page.mjs';

test('a server for others asks for its token, once', kTest, async () => {
  // Beyond loopback where files can be opened safely here; else as if it were.
  const others = studio.info.isolation.level === 'full' ? ['--host', '0.0.0.0'] : ['--login'];
  const server = await startServer([...others, '--token', 'open sesame']);
  try {
    await withPage(async (page) => {
      const box = dialog(page, 'Log in');
      await box.getByLabel(/^Token/).fill('open sesami');
      await box.getByRole('button', { name: 'Log in' }).click();
      await box.getByRole('alert').getByText('That is not the token.').waitFor();
      await box.getByLabel(/^Token/).fill(' open sesame ');
      await page.keyboard.press('Enter');
      await box.waitFor({ state: 'detached' });
      await writeSomething(page);
      await page.waitForSelector('.take[data-shown]', { timeout: kLong });
      await written(page);
      assert.match((await download(page, 'MIDI')).name, /\.mid$/);
      await page.reload();
      await page.waitForSelector('.take[data-shown]');
      assert.equal(await box.count(), 0);
      // Closed unanswered, it comes again with the next thing that is asked for.
      await page.context().clearCookies();
      await page.reload();
      await box.waitFor();
      await page.keyboard.press('Escape');
      await writeSomething(page);
      await box.waitFor();
    }, { url: server.url.replace('0.0.0.0', '127.0.0.1') });
  } finally {
    await server.stop();
  }
});

test('WAV, FLAC and MP3 sound as long as the piece', kTest, async (t) => {
  if (!studio.info.capabilities.render) {
    t.skip('this server has no soundfont');
    return;
  }
  await withPage(async (page) => {
    await openTune(page);
    const { name, seconds } = await shownPiece(page);
    for (const [format, start] of [['WAV', 'RIFF'], ['FLAC', 'fLaC'], ['MP3', /^(ID3|\xff[\xe2-\xff])/]]) {
      const file = await download(page, format);
      assert.equal(file.name, `${name}.${format.toLowerCase()}`);
      const bytes = readFileSync(file.path);
      assert.match(bytes.toString('latin1', 0, 4), new RegExp(start), format);
      const heard = await page.evaluate(async (base64) => {
        const data = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
        const sound = await new OfflineAudioContext(2, 1, 44100).decodeAudioData(data.buffer);
        const loudest = (from, to) => sound.getChannelData(0)
          .subarray(from * sound.sampleRate, to * sound.sampleRate)
          .reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
        return { seconds: sound.duration, first: loudest(0, 1), last: loudest(sound.duration - 3, sound.duration - 1) };
      }, bytes.toString('base64'));
      assert.ok(heard.seconds >= seconds && heard.seconds < seconds + 6, `${format}: ${heard.seconds} s of ${seconds}`);
      assert.ok(heard.first > 0.02 && heard.last > 0.002, `${format}: ${JSON.stringify(heard)}`);
      await page.waitForSelector('.popover-panel', { state: 'detached' });
    }
  });
});

test('the waveform model goes on from the piece, beside the notes as they sound', kTest, async (t) => {
  if (!studio.info.capabilities.waveform || !studio.info.capabilities.render) {
    t.skip('this server has no waveform model, or no soundfont');
    return;
  }
  await withPage(async (page) => {
    await openTune(page);
    await page.getByRole('button', { name: 'Wave', exact: true }).click();
    const pane = page.getByRole('region', { name: /^Waveform model/ });
    const play = pane.getByRole('button', { name: /^Play: / });
    await page.getByRole('region', { name: /^Notes, played/ }).getByRole('button', { name: /^Play: / }).waitFor({ timeout: kLong });
    const seconds = pane.getByLabel('New seconds');
    await seconds.fill('60');
    await seconds.blur();
    await page.evaluate(() => addEventListener('click', () => {
      window.clicked = performance.now();
      window.listenAnew();
    }, { capture: true, once: true }));
    // The worker is slowed down, and then held, or all would be written in two seconds.
    let ticks = 0;
    const slowed = setInterval(() => studio.server.signalWorkers('--audiolm', ticks++ % 4 ? 'SIGSTOP' : 'SIGCONT'), 25);
    try {
      await pane.getByRole('button', { name: 'Write as sound' }).click();
      await pane.getByText(/s so far/).waitFor();
    } finally {
      clearInterval(slowed);
    }
    // It is heard while it is written, and where it is: the button is Pause.
    studio.server.signalWorkers('--audiolm', 'SIGSTOP');
    await until(page, () => window.heard() !== null);
    t.diagnostic(`click to sound ${Math.round(await page.evaluate(() => window.heard() - window.clicked))} ms`);
    await pane.getByRole('button', { name: /^Pause: / }).waitFor();
    await pane.getByText(/s so far/).waitFor();
    // A page that is opened anew goes on where it is.
    await page.reload();
    await page.waitForSelector('.take[data-shown]');
    await page.getByRole('button', { name: 'Wave', exact: true }).click();
    await pane.getByText(/s so far/).waitFor();
    await play.click();
    await pane.getByRole('button', { name: 'Stop', exact: true }).click();
    studio.server.signalWorkers('--audiolm', 'SIGCONT');
    await pane.getByRole('button', { name: 'Write another' }).waitFor({ timeout: kLong });
    // What was written when it was stopped is kept, and goes on sounding to its end, which may be far.
    const { jobs } = await json('/jobs');
    const stopped = jobs.find((job) => job.kind === 'waveform');
    assert.equal(stopped.state, 'cancelled');
    assert.equal(stopped.sound.recipe.complete, false);
    assert.ok(stopped.sound.seconds > stopped.sound.prompt_seconds && stopped.sound.seconds < stopped.sound.prompt_seconds + 60, JSON.stringify(stopped.sound.seconds));
    const pause = pane.getByRole('button', { name: /^Pause: / });
    if (await pause.isVisible()) await pause.click();
    await play.waitFor();

    await seconds.fill('4');
    await seconds.blur();
    await pane.getByLabel('Seed').fill('5');
    await pane.getByRole('button', { name: 'Write another' }).click();
    await pane.getByText(/took/).waitFor({ timeout: kLong });
    const newest = (await json('/jobs')).jobs.find((job) => job.kind === 'waveform').sound;
    const sound = await page.evaluate(async (url) => {
      const data = await (await fetch(url)).arrayBuffer();
      const buffer = await new OfflineAudioContext(1, 1, 16000).decodeAudioData(data);
      const last = buffer.getChannelData(0).subarray(-3 * 16000);
      return { seconds: buffer.duration, level: Math.sqrt(last.reduce((sum, x) => sum + x * x, 0) / last.length) };
    }, newest.url);
    assert.ok(sound.seconds > 5 && sound.level > 0.005 && sound.level < 0.5, JSON.stringify(sound));
    for (const [format, start] of [['WAV', 'RIFF'], ['FLAC', 'fLaC'], ['MP3', /^(ID3|\xff[\xe2-\xff])/]]) {
      const file = await downloaded(page, () => pane.getByRole('link', { name: `Download ${format}` }).click());
      const bytes = readFileSync(file.path);
      assert.match(bytes.toString('latin1', 0, 4), new RegExp(start), format);
    }
    assert.match(newest.novelty.verdict, /^(new|copy)$/);
    await pane.getByRole('button', { name: newest.novelty.verdict === 'new' ? 'New' : 'Known', exact: true }).click();
    await pane.getByText(newest.novelty.nearest.piece).waitFor();
    await page.keyboard.press('Escape');
    await pane.getByRole('button', { name: 'Recipe' }).click();
    await pane.getByText('temperature').first().waitFor();
    await page.keyboard.press('Escape');
    // It is still there when the page comes back.
    await page.reload();
    await page.waitForSelector('.take[data-shown]');
    await page.getByRole('button', { name: 'Wave', exact: true }).click();
    await play.click({ timeout: kLong });
    await until(page, () => /00:[01][1-9]/.test(document.querySelector('section[aria-label^="Waveform"] .clip-time').textContent));
    // The space bar is about the sound that was heard last; the notes in the header end it.
    await page.locator('h2').first().click();
    await page.keyboard.press('Space');
    await play.waitFor();
    await page.keyboard.press('Space');
    await pane.getByRole('button', { name: /^Pause: / }).waitFor();
    await page.getByRole('button', { name: 'Play', exact: true }).first().click();
    await play.waitFor();
  });
});

test('an accompaniment is a track more, and changes nothing else', kTest, async () => {
  await withPage(async (page) => {
    await openTune(page);
    const before = await shownPiece(page);
    await selectBars(page, 1, 4);
    await page.keyboard.press('a');
    await page.getByRole('group', { name: 'Accompany' }).getByRole('button', { name: 'Bass', exact: true }).click();
    await page.waitForSelector('.write.stop');
    await written(page);
    const after = await shownPiece(page);
    assert.equal(after.origin.kind, 'accompanied');
    assert.equal(after.parent, before.id);
    assert.equal(after.bars, before.bars);
    assert.equal(after.tracks.length, 2);
    assert.deepEqual(notesOf(after)[0], notesOf(before)[0]);
    assert.ok(notesOf(after)[1].length > 0, 'it plays something');
    assert.ok(after.view.tracks[1].program >= 32 && after.view.tracks[1].program < 40, 'a bass');
    await page.keyboard.press('Control+z');
    await until(page, (id) => document.querySelector('.take[data-shown] [data-take]')?.dataset.take === id, before.id);
  });
});

test('a project opens again with its takes, notes and recipe', kTest, async () => {
  await withPage(async (page) => {
    await writeSomething(page);
    await page.waitForSelector('.take[data-shown]', { timeout: kLong });
    await written(page);
    await page.locator('.roll').focus();
    await page.keyboard.press('Control+a');
    await page.keyboard.press('Shift+ArrowUp');
    await kept(page);
    const before = await shownPiece(page);
    const first = await json(`/pieces/${before.parent}`);
    const file = await download(page, 'Project with everything');
    assert.match(file.name, /\.hemiola\.json$/);
    await page.getByRole('button', { name: 'New piece' }).click();
    await page.waitForSelector('.welcome');
    const bytes = readFileSync(file.path);
    await openFile(page, file.name, bytes);
    await page.waitForSelector('.take[data-shown]');
    const after = await shownPiece(page);
    assert.notEqual(after.id, before.id);
    assert.equal(after.name, before.name);
    assert.deepEqual(notesOf(after), notesOf(before));
    const again = await json(`/pieces/${after.parent}`);
    assert.deepEqual(notesOf(again), notesOf(first));
    assert.deepEqual(again.recipe, first.recipe);
    assert.equal(again.origin.kind, 'generated');

    await page.getByRole('button', { name: 'New piece' }).click();
    await openFile(page, 'cut.hemiola.json', bytes.subarray(0, bytes.length / 2));
    assert.match(await page.getByRole('alert').textContent(), /cut\.hemiola\.json/);
  });
});

// A MIDI keyboard that can be plugged in, in place of the browser's.
function fakeMidi() {
  const access = Object.assign(new EventTarget(), { inputs: new Map() });
  const keys = Object.assign(new EventTarget(), { id: 'keys', name: 'Grand 88', state: 'connected' });
  navigator.requestMIDIAccess = async () => {
    if (window.midiRefused) throw new DOMException('no', 'NotAllowedError');
    return access;
  };
  const changed = () => access.dispatchEvent(Object.assign(new Event('statechange'), { port: keys }));
  window.plugIn = () => { access.inputs.set(keys.id, keys); changed(); };
  window.pullOut = () => { access.inputs.delete(keys.id); changed(); };
  window.midi = (...bytes) =>
    keys.dispatchEvent(Object.assign(new Event('midimessage'), { data: new Uint8Array(bytes) }));
}

test('what is played on MIDI keys becomes a piece', kTest, async () => {
  await withPage(async (page) => {
    await page.getByRole('button', { name: /^Play On/ }).click();
    const box = dialog(page, 'Play');
    await page.evaluate(() => { window.midiRefused = true; });
    await box.getByRole('button', { name: 'Connect MIDI keys' }).click();
    await box.getByText('does not let this page use MIDI').waitFor();
    await page.evaluate(() => { window.midiRefused = false; });
    await box.getByRole('button', { name: 'Connect MIDI keys' }).click();
    await box.getByText('No MIDI keyboard found').waitFor();
    await page.evaluate(() => window.plugIn());
    await box.getByText('Grand 88').waitFor();
    for (const [pitch, velocity] of [[60, 100], [64, 40], [67, 90]]) {
      await page.evaluate(([p, v]) => window.midi(0x91, p, v), [pitch, velocity]);
      await page.waitForSelector('.keyboard [data-down]');
      await page.waitForTimeout(180);
      // Some keyboards say the end of a note as one without loudness.
      await page.evaluate((p) => window.midi(...(p === 64 ? [0x91, p, 0] : [0x81, p, 0])), pitch);
    }
    await until(page, () => window.heard() !== null);
    await page.evaluate(() => { window.midi(0xf8); window.midi(0xb1, 64, 127); window.midi(0x91, 72, 80); });
    await page.evaluate(() => window.pullOut());
    await box.getByText('No MIDI keyboard found').waitFor();
    await page.waitForSelector('.keyboard [data-down]', { state: 'detached' });
    await box.getByRole('button', { name: 'Keep it' }).click();
    await page.waitForSelector('.take[data-shown]');
    assert.deepEqual(notesOf(await shownPiece(page))[0].map((note) => [note[2], note[3]]),
                     [[60, 100], [64, 40], [67, 90], [72, 80]]);
  }, { prepare: fakeMidi });
});

test('light or dark as the system says, until one is chosen', kTest, async () => {
  const lightness = (page) => page.evaluate(() => {
    const canvas = document.createElement('canvas').getContext('2d');
    const of = (colour) => {
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b] = canvas.getImageData(0, 0, 1, 1).data;
      return (r + g + b) / 765;
    };
    const roll = document.querySelector('.roll canvas') ?? document.querySelector('canvas.roll');
    const [r, g, b] = roll.getContext('2d').getImageData(roll.width - 8, roll.height - 8, 1, 1).data;
    return { page: of(getComputedStyle(document.body).backgroundColor), roll: (r + g + b) / 765 };
  });
  await withPage(async (page) => {
    await openTune(page);
    await page.waitForTimeout(200);
    const dark = await lightness(page);
    assert.ok(dark.page < 0.3 && dark.roll < 0.3, JSON.stringify(dark));
    await page.emulateMedia({ colorScheme: 'light' });
    await page.waitForTimeout(200);
    const light = await lightness(page);
    assert.ok(light.page > 0.8 && light.roll > 0.8, JSON.stringify(light));
    await page.getByRole('button', { name: 'Light or dark' }).click();
    await page.reload();
    await page.waitForSelector('.take[data-shown]');
    await page.waitForTimeout(200);
    const chosen = await lightness(page);
    assert.ok(chosen.page < 0.3 && chosen.roll < 0.3, JSON.stringify(chosen));
  }, { scheme: 'dark' });
});

test('a phone does all of it, and nothing sticks out', kTest, async () => {
  await withPage(async (page) => {
    const fits = async (what) => assert.deepEqual(await page.evaluate(() => [
      document.documentElement.scrollWidth <= innerWidth,
      ...[...document.querySelectorAll('dialog[open], .popover-panel, .selection-bar')]
        .map((box) => box.getBoundingClientRect())
        .filter((box) => box.left < -0.5 || box.right > innerWidth + 0.5 || box.bottom > innerHeight + 0.5)
        .map((box) => `${box.left} to ${box.right}, down to ${box.bottom}`),
    ]), [true], what);
    await fits('empty');
    for (const [button, title] of [[/^Record Sing/, 'Record'], [/^Play On/, 'Play'], [/^Type numbers/, 'Type numbers']]) {
      await page.getByRole('button', { name: button }).tap();
      await dialog(page, title).waitFor();
      await fits(title);
      await dialog(page, title).getByRole('button', { name: 'Close' }).tap();
    }
    await page.getByRole('button', { name: 'Write something' }).tap();
    await page.waitForSelector('.take[data-shown]', { state: 'attached', timeout: kLong });
    await written(page);
    const before = await shownPiece(page);
    await until(page, () => window.heard() !== null);

    // A bar is chosen with a finger on the ruler, and written anew.
    const roll = await page.locator('.roll').boundingBox();
    await page.touchscreen.tap(roll.x + 60, roll.y + 30);
    await page.getByRole('toolbar', { name: /^bar 1/ }).waitFor();
    await fits('selection');
    await page.getByRole('button', { name: 'Rewrite' }).tap();
    await page.waitForSelector('.write.stop');
    await written(page);
    const after = await shownPiece(page);
    assert.deepEqual([after.origin.kind, after.origin.first_bar, after.origin.last_bar], ['infilled', 1, 1]);
    assert.equal(after.bars, before.bars);

    for (const name of ['Takes', 'Tracks', 'Settings']) {
      await page.getByRole('button', { name, exact: true }).tap();
      await page.waitForTimeout(250);
      await fits(name);
      if (name === 'Takes') {
        await page.getByRole('button', { name: 'Recipe' }).tap();
        await page.getByText('Seed').first().waitFor();
        await fits('recipe');
        await page.keyboard.press('Escape');
      }
      await page.getByRole('button', { name, exact: true }).tap();
    }
    await page.getByRole('button', { name: 'Download' }).tap();
    await fits('download');
    await page.keyboard.press('Escape');
    for (const name of ['Sheet', 'Wave']) {
      await page.getByRole('button', { name, exact: true }).tap();
      await page.waitForSelector(name === 'Sheet' ? '.sheet-page .note' : '.sound-pane', { timeout: kLong });
      await fits(name);
    }
  }, { viewport: { width: 390, height: 800 }, touch: true });
});
