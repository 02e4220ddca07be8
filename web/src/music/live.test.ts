import { describe, expect, it } from 'vitest';
import { areaOf, LiveTake } from './live';
import { viewWith } from './test_views';

const note = (track: number, onset: number, pitch = 60) =>
  ({ variation: 1, track, onset, duration: 12, pitch, velocity: 80 });
const bar = (index: number) => ({
  ...viewWith({ bars: index + 1 }).bars[index]!,
});

describe('a take being written', () => {
  it('grows from nothing, complete up to the beat of its last note', () => {
    const take = new LiveTake(null, { kind: 'generate', bars: 4 });
    take.addTrack({ variation: 1, track: 1, name: 'Piano', program: 0, is_drum: false });
    take.addBar(bar(0));
    take.addNote(note(1, 0));
    take.addNote(note(1, 30));
    expect(take.frontier).toBe(24);
    expect(take.view().tracks[0]!.notes).toHaveLength(2);
    take.addBar(bar(1));
    take.addNote(note(1, 100));
    expect(take.view().bars).toHaveLength(2);
    expect(take.frontier).toBe(96);
  });

  it('goes on from a piece without touching it', () => {
    const base = viewWith({ bars: 4, tracks: [[[0, 24, 60, 80], [300, 24, 62, 80]]] });
    const take = new LiveTake(base, { kind: 'continue', piece: '', from_bar: 3, bars: 2 });
    expect(take.area.from).toBe(192);
    expect(take.view().tracks[0]!.notes).toEqual([[0, 24, 60, 80]]);
    expect(take.view().bars).toHaveLength(2);
    take.addBar(bar(2));
    take.addNote(note(1, 200));
    expect(take.view().tracks[0]!.notes).toHaveLength(2);
    expect(base.tracks[0]!.notes).toHaveLength(2);
  });

  it('empties only the bars and tracks that are written anew', () => {
    const notes = [[0, 24, 60, 80], [96, 24, 60, 80], [192, 24, 60, 80]];
    const base = viewWith({ bars: 3, tracks: [notes, notes] });
    const take = new LiveTake(base, { kind: 'infill', piece: '', first_bar: 2, last_bar: 2, tracks: [2] });
    expect(take.view().tracks[0]!.notes).toHaveLength(3);
    expect(take.view().tracks[1]!.notes.map((n) => n[0])).toEqual([0, 192]);
    expect(take.area).toEqual({ from: 96, to: 192 });
  });

  it('plays along without emptying anything', () => {
    const base = viewWith({ bars: 2, tracks: [[[0, 24, 60, 80]]] });
    const take = new LiveTake(base, { kind: 'accompany', piece: '', controls: {} });
    take.addTrack({ variation: 1, track: 2, name: 'Bass', program: 32, is_drum: false });
    take.addNote(note(2, 0, 36));
    expect(take.view().tracks.map((track) => track.notes.length)).toEqual([1, 1]);
    expect(areaOf(base, { kind: 'accompany', piece: '', controls: {} })).toEqual({ from: 0, to: 192 });
  });
});
