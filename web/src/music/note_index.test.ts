import { describe, expect, it } from 'vitest';
import type { Note } from '../api/types';
import { noteAt, visitNotes } from './note_index';
import { viewWith } from './test_views';

function found(tracks: Note[][], from: number, to: number): string[] {
  const keys: string[] = [];
  visitNotes(viewWith({ tracks }), from, to, (track, note) => keys.push(`${track}:${note[0]}:${note[2]}`));
  return keys.sort();
}

describe('notes in a stretch of time', () => {
  it('are all that sound in it, each once', () => {
    const tracks: Note[][] = [[[0, 1000, 60, 80], [90, 12, 62, 80], [500, 24, 64, 80]], [[96, 1, 36, 80]]];
    expect(found(tracks, 95, 97)).toEqual(['0:0:60', '0:90:62', '1:96:36']);
    expect(found(tracks, 400, 700)).toEqual(['0:0:60', '0:500:64']);
    expect(found(tracks, 102, 500)).toEqual(['0:0:60']);  // ends are not included
    expect(found(tracks, 1000, 2000)).toEqual([]);
  });

  it('agree with looking at every note', () => {
    let state = 7;
    const random = (below: number) => {
      state = (state * 48271) % 2147483647;
      return state % below;
    };
    const notes: Note[] = Array.from({ length: 400 }, () => [random(3000), 1 + random(400), random(128), 80]);
    for (let i = 0; i < 50; ++i) {
      const from = random(3000);
      const to = from + 1 + random(500);
      const plain = notes.filter((n) => n[0]! < to && n[0]! + n[1]! > from).length;
      expect(found([notes], from, to)).toHaveLength(plain);
    }
  });

  it('are found under a point', () => {
    const view = viewWith({ tracks: [[[24, 24, 60, 80]], [[24, 24, 60, 70]]] });
    expect(noteAt(view, 30, 60)?.track).toBe(1);  // drawn last
    expect(noteAt(view, 48, 60)).toBeNull();
    expect(noteAt(view, 30, 61)).toBeNull();
  });
});
