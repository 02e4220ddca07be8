import { describe, expect, it } from 'vitest';
import { applyEdit, applyEdits, tidy } from './edit';
import { addNotes, copyNotes, moveNotes, pasteNotes, removeNotes, resizeNotes } from './gestures';
import { keysOf, noteKey, refsOf } from './notes';
import { viewWith } from './test_views';

const scale = () => viewWith({
  tracks: [[[0, 24, 60, 80], [24, 24, 62, 80], [48, 24, 64, 80]], [[0, 96, 36, 70]]],
});

describe('edits', () => {
  it('leave the view before untouched and share what they do not name', () => {
    const before = scale();
    const copy = structuredClone(before);
    const after = applyEdit(before, { op: 'add', track: 1, notes: [[72, 24, 65, 80]] });
    expect(before).toEqual(copy);
    expect(after.tracks[1]).toBe(before.tracks[1]);
    expect(after.tracks[0]!.notes).toHaveLength(4);
  });

  it('add, remove and change by onset and pitch', () => {
    const view = applyEdits(scale(), [
      { op: 'remove', track: 1, notes: [[24, 62]] },
      { op: 'change', track: 1, notes: [{ at: [48, 64], to: [72, 12, 67, 90] }] },
      { op: 'add', track: 1, notes: [[0, 24, 72, 100]] },
    ]);
    expect(view.tracks[0]!.notes).toEqual([[0, 24, 72, 100], [0, 24, 60, 80], [72, 12, 67, 90]]);
  });

  it('can swap two notes in one change', () => {
    const view = applyEdit(scale(), {
      op: 'change', track: 1,
      notes: [{ at: [0, 60], to: [24, 24, 62, 1] }, { at: [24, 62], to: [0, 24, 60, 2] }],
    });
    expect(view.tracks[0]!.notes.slice(0, 2)).toEqual([[0, 24, 60, 2], [24, 24, 62, 1]]);
  });

  it('make room for notes after the last bar', () => {
    const view = applyEdit(scale(), { op: 'add', track: 1, notes: [[96 * 5 + 3, 24, 60, 80]] });
    expect(view.bars).toHaveLength(6);
  });

  it('scale all tempos and times', () => {
    const view = applyEdit(scale(), { op: 'tempo', tempo: 60 });
    expect(view.bars.map((bar) => [bar.tempo, bar.seconds]).slice(0, 2)).toEqual([[60, 0], [60, 4]]);
  });

  it('transpose by the shortest way, but not drums', () => {
    const before = scale();
    before.tracks[1]!.is_drum = true;
    for (const bar of before.bars) bar.key = 'C major';
    const view = applyEdit(before, { op: 'key', key: 'Bb major', transpose: true });
    expect(view.tracks[0]!.notes[0]![2]).toBe(58);
    expect(view.tracks[1]!.notes[0]![2]).toBe(36);
    expect(view.bars[3]!.key).toBe('Bb major');
  });

  it('name tracks from 1', () => {
    const view = applyEdits(scale(), [
      { op: 'add_track', program: 32, name: 'Bass', is_drum: false },
      { op: 'instrument', track: 2, program: 48 },
      { op: 'rename_track', track: 3, name: 'Low' },
      { op: 'remove_track', track: 1 },
    ]);
    expect(view.tracks.map((track) => [track.program, track.name])).toEqual([[48, ''], [32, 'Low']]);
  });
});

describe('a tidy track', () => {
  it('is in order, without doubles and without overlaps of one pitch', () => {
    expect(tidy([[24, 24, 60, 1], [0, 48, 60, 2], [0, 48, 64, 3], [24, 12, 60, 4]]))
      .toEqual([[0, 48, 64, 3], [0, 24, 60, 2], [24, 12, 60, 4]]);
  });
});

describe('gestures', () => {
  it('move together and keep their shape at the edges', () => {
    const view = scale();
    const refs = refsOf(view, new Set(['0:0:60', '0:24:62']));
    const { edits, selection } = moveNotes(refs, -12, 70);
    const moved = applyEdits(view, edits);
    // The first cannot begin before the piece, the second not be above 127.
    expect(refsOf(moved, selection).map(({ note }) => [note[0], note[2]])).toEqual([[0, 125], [24, 127]]);
  });

  it('never move what is not selected', () => {
    const view = scale();
    const { edits } = moveNotes(refsOf(view, new Set(['0:24:62'])), 24, 1);
    const moved = applyEdits(view, edits);
    expect(moved.tracks[0]!.notes).toContainEqual([0, 24, 60, 80]);
    expect(moved.tracks[0]!.notes).toContainEqual([48, 24, 64, 80]);
    expect(moved.tracks[1]).toBe(view.tracks[1]);
  });

  it('resize to no less than a tick', () => {
    const view = scale();
    const { edits } = resizeNotes(refsOf(view, new Set(['0:0:60'])), -100);
    expect(applyEdits(view, edits).tracks[0]!.notes[0]).toEqual([0, 1, 60, 80]);
  });

  it('delete over several tracks', () => {
    const view = scale();
    const all = new Set(view.tracks.flatMap((track, i) => track.notes.map((n) => noteKey(i, n))));
    const { edits } = removeNotes(refsOf(view, all));
    expect(applyEdits(view, edits).tracks.every((track) => track.notes.length === 0)).toBe(true);
  });

  it('copy from the start of the bar and paste at another one', () => {
    const view = applyEdit(scale(), { op: 'add', track: 1, notes: [[108, 24, 67, 80]] });
    const clip = copyNotes(view, new Set(['0:108:67']))!;
    expect(clip.length).toBe(96);
    const { edits, selection } = pasteNotes(view, clip, 288);
    const pasted = applyEdits(view, edits);
    expect(pasted.tracks[0]!.notes).toContainEqual([300, 24, 67, 80]);
    expect([...selection]).toEqual(['0:300:67']);
  });

  it('select what they added', () => {
    const { selection } = addNotes([{ track: 0, note: [3.4, 12, 60, 80] }]);
    expect(selection).toEqual(keysOf([{ track: 0, note: [3, 12, 60, 80] }]));
  });
});
