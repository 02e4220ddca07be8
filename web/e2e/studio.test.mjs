// The studio as a person uses it: the real server, the bundled model, a real browser. One command:
//   HEMIOLA_BIN=../build/release/hemiola npm run e2e
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { wavFile } from './files.mjs';
import { isFirefox } from './harness.mjs';
import {
  dialog, doubleClick, download, kLong, kPatience, kTest, kept, notesOf, openFile, openTune, selectBars, shownPiece,
  shownTake, studio, tune, until, withPage, writeSomething, written,
} from './page.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

test('one click makes music, heard while it is written', kTest, async (t) => {
  await withPage(async (page) => {
    // Instruments are there, as they are after a few seconds on any page; then one click.
    await until(page, () => performance.getEntriesByType('resource')
      .some((entry) => entry.name.endsWith('soundfont.sf3') && entry.responseEnd > 0));
    await page.waitForTimeout(2500);
    await page.evaluate(() => addEventListener('click', () => {
      window.clicked = performance.now();
      window.listenAnew();
      const watch = () => {
        const writing = document.querySelector('.write.stop') !== null;
        window.stopSeen ||= writing;
        const rows = document.querySelectorAll('.take[data-shown]').length;
        if (rows > 0 && !window.shown) window.shown = performance.now();
        if (!window.shown || window.heard() === null) requestAnimationFrame(watch);
      };
      watch();
    }, { capture: true, once: true }));
    await writeSomething(page);
    await until(page, () => window.heard() !== null);
    await written(page);
    const { clicked, heard, shown, stopSeen } = await page.evaluate(() => ({
      clicked: window.clicked, heard: window.heard(), shown: window.shown, stopSeen: window.stopSeen,
    }));
    t.diagnostic(`click to first sound ${Math.round(heard - clicked)} ms, to 8 bars ${Math.round(shown - clicked)} ms`);
    assert.ok(stopSeen, 'the button was Stop while it wrote');
    const piece = await shownPiece(page);
    assert.ok(piece.notes > 0);
    assert.equal(piece.bars, 8);
    assert.equal(await page.locator('.roll-area table tbody tr').count(), piece.bars);
    assert.ok(piece.recipe.seed.length > 0);
  }, { soundfont: true });
});

test('stopping keeps what is there', kTest, async () => {
  await withPage(async (page) => {
    await page.getByLabel('Bars', { exact: true }).fill('500');
    await writeSomething(page);
    // Only whole bars are kept: after these notes one must have ended, however slowly they come.
    await until(page, () => {
      const done = document.querySelector('.write-bar')?.style.transform;
      if (!/^[1-9]\d+ notes/.test(document.querySelector('.writing-status')?.textContent ?? '')) return false;
      window.doneThen ??= done;
      return done !== window.doneThen;
    });
    assert.equal(await page.getByRole('button', { name: 'Stop' }).isEnabled(), true);
    await page.keyboard.press('Escape');
    await written(page);
    const piece = await shownPiece(page);
    assert.ok(piece.bars >= 1 && piece.bars < 500, `${piece.bars} bars`);
    assert.ok(piece.notes > 0);
    assert.equal(piece.recipe.complete, false);
  });
});

test('a MIDI file is opened and gone on from, its own notes untouched', kTest, async () => {
  await withPage(async (page) => {
    await openTune(page);
    const before = await shownPiece(page);
    assert.equal(before.notes, tune.length);
    await page.getByRole('button', { name: /^Write 8 more bars/ }).click();
    await page.waitForSelector('.write.stop');
    await written(page);
    const after = await shownPiece(page);
    assert.equal(after.parent, before.id);
    assert.equal(after.bars, before.bars + 8);
    const end = before.bars * 96;
    const old = after.view.tracks.flatMap((track) => track.notes.filter((note) => note[0] < end));
    assert.deepEqual(old, notesOf(before).flat());
    assert.ok(after.notes > before.notes);
  });
});

test('selected bars are written anew, the others stay', kTest, async () => {
  await withPage(async (page) => {
    await openTune(page);
    const before = await shownPiece(page);
    await selectBars(page, 2, 3);
    await page.getByRole('toolbar', { name: 'bars 2–3' }).getByRole('button', { name: 'Rewrite' }).click();
    await page.waitForSelector('.write.stop');
    await written(page);
    const after = await shownPiece(page);
    assert.deepEqual([after.origin.kind, after.origin.first_bar, after.origin.last_bar], ['infilled', 2, 3]);
    const outside = (piece) => notesOf(piece)[0].filter((note) => note[0] < 96 || note[0] >= 288);
    assert.deepEqual(outside(after), outside(before));
  });
});

test('variations are stepped through in place while playing', kTest, async () => {
  await withPage(async (page) => {
    await openTune(page);
    await selectBars(page, 3, 3);
    await page.keyboard.press('v');
    await page.waitForSelector('.write.stop');
    await written(page);
    // All of them are there a moment after the first, which is shown.
    await until(page, () => / of 3$/.test(document.querySelector('.variation-count')?.textContent ?? ''));
    assert.equal(await page.locator('.variation-count').textContent(), '1 of 3');
    if (await page.getByRole('button', { name: 'Play', exact: true }).count() > 0) await page.keyboard.press('Space');
    await page.waitForSelector('.play-button[aria-label="Pause"]');
    const before = await page.locator('.clock-time').textContent();
    await page.locator('.roll').focus();
    await page.keyboard.press('ArrowDown');
    await until(page, () => document.querySelector('.variation-count')?.textContent === '2 of 3');
    assert.equal(await page.locator('.play-button').getAttribute('aria-label'), 'Pause');
    assert.ok(await page.locator('.clock-time').textContent() >= before, 'it goes on in time');
    // One of them laid over the other.
    const other = page.locator('.take:not([data-shown])', { hasText: 'rewritten' }).first();
    await other.hover();
    await other.getByRole('button', { name: /^Compare/ }).click();
    assert.match(await page.locator('.comparison').textContent(), /of 4 bars alike/);
  });
});

test('edits, undo, reload, and a download that comes back with the same notes', kTest, async () => {
  await withPage(async (page) => {
    await openTune(page);
    const imported = await shownPiece(page);
    await page.locator('.roll').focus();
    await page.keyboard.press('Control+a');
    await page.keyboard.press('ArrowUp');           // all a semitone up
    await page.keyboard.press('Shift+ArrowUp');     // and an octave
    await kept(page);
    const raised = notesOf(await shownPiece(page))[0];
    assert.deepEqual(raised, notesOf(imported)[0].map(([o, d, p, v]) => [o, d, p + 13, v]));

    await page.keyboard.press('Control+z');
    await page.keyboard.press('Control+z');
    await until(page, (id) => document.querySelector('.take[data-shown] [data-take]')?.dataset.take === id,
                               imported.id);
    await page.keyboard.press('Control+Shift+Z');
    // A note drawn with a double-click, where there is none.
    const roll = await page.locator('.roll').boundingBox();
    await doubleClick(page, roll.x + roll.width * 0.5, roll.y + 90);
    await kept(page);
    const edited = await shownPiece(page);
    assert.equal(edited.notes, tune.length + 1);

    await page.reload();
    await page.waitForSelector('.take[data-shown]');
    assert.equal(await shownTake(page), edited.id);
    assert.equal(await page.locator('.roll-area table tbody tr').count(), edited.bars);
    await page.locator('.roll').focus();
    await page.keyboard.press('Control+z');         // undo goes back beyond the reload
    await page.keyboard.press('Control+Shift+Z');
    await kept(page);

    const bytes = readFileSync((await download(page, 'MIDI')).path);
    await page.getByRole('button', { name: 'New piece' }).click();
    await page.waitForSelector('.welcome');
    await openFile(page, 'again.mid', bytes);
    await page.waitForSelector('.take[data-shown]');
    const again = await shownPiece(page);
    assert.notEqual(again.id, edited.id);
    assert.deepEqual(notesOf(again), notesOf(edited));
  });
});

test('an edit that was not yet sent survives a reload', kTest, async () => {
  await withPage(async (page) => {
    await openTune(page);
    await page.route('**/api/v1/pieces', (route) =>
      (route.request().method() === 'POST' ? route.abort() : route.continue()));
    await page.locator('.roll').focus();
    await page.keyboard.press('Control+a');
    await page.keyboard.press('Delete');
    await page.waitForSelector('.saving[data-state="unsaved"], .saving[data-state="failed"]');
    await page.waitForTimeout(300);
    await page.reload();
    await page.waitForSelector('.roll-area table tbody tr', { state: 'attached' });
    const cells = await page.locator('.roll-area table tbody tr td:last-child').allTextContents();
    assert.ok(cells.every((text) => text === 'rest'), cells.join('|'));
    await page.locator('.roll').focus();
    await page.keyboard.press('Control+z');
    await until(page, () =>
      document.querySelector('.roll-area table tbody td:last-child')?.textContent !== 'rest');
  });
});

test('numbers are typed, drawn, heard and kept', kTest, async () => {
  await withPage(async (page) => {
    await page.getByRole('button', { name: /^Type numbers/ }).click();
    const typed = page.getByRole('textbox', { name: 'Numbered notation' });
    await typed.pressSequentially('1=G 3/4 | 1 2 ');
    await until(page, () => window.heard() !== null);
    await typed.pressSequentially('9 |');
    await page.waitForSelector('#typing-state.wrong:not(:empty)');
    assert.match(await page.locator('#typing-state').textContent(), /Line 1, character 1\d/);
    await typed.fill('1=G 3/4 q=90 | 1 2 3 | 5 - - |');
    await until(page, () => /^2 bars, 4 notes/.test(document.querySelector('#typing-state').textContent));
    await dialog(page, 'Type numbers').getByRole('button', { name: 'Keep it' }).click();
    await page.waitForSelector('.take[data-shown]');
    const piece = await shownPiece(page);
    assert.deepEqual(notesOf(piece)[0].map((note) => note[2]), [67, 69, 71, 74]);
    assert.equal(piece.metre, '3/4');
  });
});

test('what is played on the computer keys becomes a piece', kTest, async () => {
  await withPage(async (page) => {
    await page.getByRole('button', { name: /^Play On/ }).click();
    for (const key of ['a', 's', 'd', 'f', 'x']) {
      await page.keyboard.down(key);
      await page.waitForTimeout(160);
      await page.keyboard.up(key);
    }
    await page.keyboard.press('a');  // an octave higher now
    await page.keyboard.press('Backspace');
    await dialog(page, 'Play').getByRole('button', { name: 'Keep it' }).click();
    await page.waitForSelector('.take[data-shown]');
    const piece = await shownPiece(page);
    assert.deepEqual(notesOf(piece)[0].map((note) => note[2]), [60, 62, 64, 65]);
  });
});

test('a recording becomes notes with beats that can be set, and is gone on from', { timeout: 90_000 * kPatience }, async (t) => {
  if (!studio.info.capabilities.transcribe) {
    t.skip('this server cannot transcribe');
    return;
  }
  await withPage(async (page) => {
    await page.getByRole('button', { name: /^Record Sing/ }).click();
    const box = dialog(page, 'Record');
    await box.getByRole('button', { name: 'Record' }).click();
    await page.waitForTimeout(8500);
    assert.ok(Number(await box.getByRole('meter').getAttribute('value')) >= 0);
    await box.getByRole('button', { name: 'Stop' }).click();
    await page.waitForSelector('audio[aria-label="Your recording"]');
    await box.getByRole('button', { name: 'Find the notes' }).click();
    await dialog(page, 'Where are the beats?').waitFor({ timeout: 2 * kLong });
    const heard = await shownPiece(page);
    const pitches = new Set(heard.view.tracks.flatMap((track) => track.notes.map((note) => note[2])));
    for (const pitch of isFirefox ? [83] : [60, 64, 67]) assert.ok(pitches.has(pitch), `${pitch} was heard in ${[...pitches]}`);

    await page.getByRole('spinbutton', { name: 'Tempo' }).last().fill('120');
    await until(page, (id) => document.querySelector('.take[data-shown] [data-take]')?.dataset.take !== id,
                               heard.id);
    await dialog(page, 'Where are the beats?').getByRole('button', { name: 'Good' }).click();
    const aligned = await shownPiece(page);
    assert.equal(Math.round(aligned.tempo), 120);
    await page.getByRole('button', { name: /^Write 8 more bars/ }).click();
    await page.waitForSelector('.write.stop');
    await written(page);
    const after = await shownPiece(page);
    assert.equal(after.bars, aligned.bars + 8);
  });
});

test('a recording is refused in words where it cannot be understood', kTest, async (t) => {
  if (studio.info.capabilities.transcribe) {
    t.skip('this server can transcribe');
    return;
  }
  await withPage(async (page) => {
    await page.getByRole('button', { name: /^Record Sing/ }).click();
    assert.match(await dialog(page, 'Record').textContent(), /cannot turn sound into notes/);
    await page.keyboard.press('Escape');
    await openFile(page, 'tune.wav', wavFile(tune));
    assert.match(await page.getByRole('alert').textContent(), /cannot turn sound into notes/);
  });
});

test('a broken file gets a helpful message and harms nothing', kTest, async () => {
  await withPage(async (page) => {
    await openFile(page, 'broken.mid', Buffer.concat([Buffer.from('MThd'), Buffer.alloc(40, 0xee)]));
    const alert = page.getByRole('alert');
    await alert.waitFor();
    const text = await alert.textContent();
    assert.match(text, /broken\.mid/);
    assert.ok(text.length > 50, text);
    await alert.getByRole('button', { name: 'Close' }).click();
    await openFile(page, 'empty.mid', Buffer.alloc(0));
    await page.getByText('That file is empty').waitFor();
    await page.waitForSelector('.welcome .write:not(:disabled)');
  });
});

test('the sheet is engraved and the sound rendered', kTest, async () => {
  await withPage(async (page) => {
    await openTune(page);
    await page.getByRole('button', { name: 'Sheet', exact: true }).click();
    await page.waitForSelector('.sheet-page .note', { timeout: kLong });
    assert.equal(await page.locator('.sheet-page .note').count(), tune.length);
    await page.getByRole('button', { name: 'Wave', exact: true }).click();
    if (!studio.info.capabilities.waveform) await page.getByText('This server has no waveform model').waitFor();
    if (studio.info.capabilities.render) {
      await page.waitForSelector('.sound-pane .clip-controls', { timeout: kLong });
      assert.match(await page.locator('.sound-pane').first().textContent(), /took \d/);
    }
  });
});

test('everything is offered for download, and says the same music', kTest, async () => {
  await withPage(async (page) => {
    await openTune(page);
    const before = notesOf(await shownPiece(page));
    const starts = {
      MIDI: /^MThd/, MusicXML: /^<\?xml/, 'Numbered notation': /1=|q=|\|/, Tokens: /Bar/, 'Project with everything': /^[{P]/,
    };
    const files = {};
    for (const [name, start] of Object.entries(starts)) {
      files[name] = await download(page, name);
      files[name].bytes = readFileSync(files[name].path);
      assert.match(files[name].bytes.toString('latin1'), start, name);
      await page.waitForSelector('.popover-panel', { state: 'detached' });
    }
    const kSteps = { C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11 };
    const read = await page.evaluate((text) => {
      const xml = new DOMParser().parseFromString(text, 'application/xml');
      const said = (note, name) => note.querySelector(name)?.textContent;
      return [...xml.querySelectorAll('note')].filter((note) => note.querySelector('pitch'))
        .map((note) => [said(note, 'step'), Number(said(note, 'octave')), Number(said(note, 'alter') ?? 0)]);
    }, files.MusicXML.bytes.toString());
    assert.deepEqual(read.map(([step, octave, alter]) => 12 * (octave + 1) + kSteps[step] + alter),
                     before[0].map((note) => note[2]));
    for (const name of ['Numbered notation', 'Tokens']) {
      await page.getByRole('button', { name: 'New piece' }).click();
      await openFile(page, files[name].name, files[name].bytes);
      await page.waitForSelector('.take[data-shown]');
      const after = notesOf(await shownPiece(page));
      assert.deepEqual(after[0].map(([onset, , pitch]) => [onset, pitch]), before[0].map(([onset, , pitch]) => [onset, pitch]), name);
    }
  });
});

for (const scheme of ['light', 'dark']) {
  test(`axe finds nothing serious (${scheme})`, kTest, async () => {
    await withPage(async (page) => {
      await page.evaluate(axe);
      const check = async (what) => {
        await page.waitForTimeout(250);
        const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
        const serious = found.violations.filter((v) => ['serious', 'critical'].includes(v.impact));
        assert.deepEqual(serious.map((v) => `${what}: ${v.id} ${v.nodes.map((n) => n.target).join(' ')}`), []);
      };
      await check('empty');
      await page.getByRole('button', { name: /^Type numbers/ }).click();
      await page.getByRole('textbox', { name: 'Numbered notation' }).fill('1=G 3/4 | 1 2 3 | 5 - - | %');
      await check('type');
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: /^Play On/ }).click();
      await check('play');
      await page.keyboard.press('Escape');
      await page.keyboard.press('?');
      await check('help');
      await page.keyboard.press('Escape');
      await openTune(page);
      await page.locator('.more summary').click();
      await selectBars(page, 2, 2);
      await check('piece');
      await page.getByRole('button', { name: 'Wave', exact: true }).click();
      if (studio.info.capabilities.render) await page.waitForSelector('.clip-controls', { timeout: kLong });
      await check('wave');
    }, { scheme });
  });
}
