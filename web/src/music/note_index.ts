// Finds the notes in a stretch of time and pitch without looking at all of them: notes are filed
// under every 4 quarters that they sound in. Built once for each view's track and shared between
// views that share the track.
import type { Note, Track, View } from '../api/types';

const kCell = 96;

class TrackIndex {
  private readonly cells: Note[][] = [];

  constructor(notes: readonly Note[]) {
    for (const note of notes) {
      const last = Math.floor((note[0]! + Math.max(1, note[1]!) - 1) / kCell);
      for (let cell = Math.floor(note[0]! / kCell); cell <= last; ++cell) {
        (this.cells[cell] ??= []).push(note);
      }
    }
  }

  // Every note that sounds in [from, to), once.
  visit(from: number, to: number, see: (note: Note) => void): void {
    const first = Math.max(0, Math.floor(from / kCell));
    const last = Math.min(this.cells.length - 1, Math.floor((to - 1) / kCell));
    for (let cell = first; cell <= last; ++cell) {
      for (const note of this.cells[cell] ?? []) {
        if (note[0]! >= to || note[0]! + note[1]! <= from) continue;
        // Long notes stand in several cells; only the first one looked at reports them.
        if (Math.max(first, Math.floor(note[0]! / kCell)) === cell) see(note);
      }
    }
  }
}

const indices = new WeakMap<readonly Note[], TrackIndex>();

function indexOf(track: Track): TrackIndex {
  let index = indices.get(track.notes);
  if (!index) {
    index = new TrackIndex(track.notes);
    indices.set(track.notes, index);
  }
  return index;
}

export function visitNotes(
  view: View, from: number, to: number, see: (track: number, note: Note) => void): void {
  view.tracks.forEach((track, number) => {
    indexOf(track).visit(from, to, (note) => see(number, note));
  });
}

// The note under a point, the one drawn last first.
export function noteAt(
  view: View, tick: number, pitch: number): { track: number; note: Note } | null {
  let found: { track: number; note: Note } | null = null;
  visitNotes(view, tick, tick + 1, (track, note) => {
    if (note[2] === pitch) found = { track, note };
  });
  return found;
}
