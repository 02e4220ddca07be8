// What a person does to notes, as edits: move, resize, delete, paste. Pure functions from a view
// and a selection to the edits and the selection that follows.
import type { Edit, Note, View } from '../api/types';
import { clampNote } from './edit';
import { keysOf, noteKey, refsOf, type NoteKey, type NoteRef } from './notes';
import { barIndexAt } from './timeline';

export interface Change {
  edits: Edit[];
  selection: Set<NoteKey>;
}

function byTrack(refs: readonly NoteRef[]): Map<number, Note[]> {
  const tracks = new Map<number, Note[]>();
  for (const { track, note } of refs) {
    const notes = tracks.get(track);
    if (notes) notes.push(note);
    else tracks.set(track, [note]);
  }
  return tracks;
}

function changed(refs: readonly NoteRef[], change: (note: Note) => Note): Change {
  const edits: Edit[] = [];
  const selection = new Set<NoteKey>();
  for (const [track, notes] of byTrack(refs)) {
    edits.push({
      op: 'change',
      track: track + 1,
      notes: notes.map((note) => {
        const to = clampNote(change(note));
        selection.add(noteKey(track, to));
        return { at: [note[0]!, note[2]!], to };
      }),
    });
  }
  return { edits, selection };
}

// The furthest that all of them can go together, so that a chord keeps its shape at the edges.
export function moveNotes(refs: readonly NoteRef[], ticks: number, semitones: number): Change {
  if (refs.length === 0) return { edits: [], selection: new Set() };
  const earliest = Math.min(...refs.map(({ note }) => note[0]!));
  const lowest = Math.min(...refs.map(({ note }) => note[2]!));
  const highest = Math.max(...refs.map(({ note }) => note[2]!));
  const dx = Math.max(ticks, -earliest);
  const dy = Math.max(-lowest, Math.min(127 - highest, semitones));
  return changed(refs, (n) => [n[0]! + dx, n[1]!, n[2]! + dy, n[3]!]);
}

export function resizeNotes(refs: readonly NoteRef[], ticks: number): Change {
  return changed(refs, (n) => [n[0]!, n[1]! + ticks, n[2]!, n[3]!]);
}

export function setVelocity(refs: readonly NoteRef[], by: number): Change {
  return changed(refs, (n) => [n[0]!, n[1]!, n[2]!, n[3]! + by]);
}

export function removeNotes(refs: readonly NoteRef[]): Change {
  return {
    edits: [...byTrack(refs)].map(([track, notes]) => ({
      op: 'remove', track: track + 1, notes: notes.map((n) => [n[0]!, n[2]!]),
    })),
    selection: new Set(),
  };
}

export function addNotes(refs: readonly NoteRef[]): Change {
  const clamped = refs.map(({ track, note }) => ({ track, note: clampNote(note) }));
  return {
    edits: [...byTrack(clamped)].map(([track, notes]) => ({ op: 'add', track: track + 1, notes })),
    selection: keysOf(clamped),
  };
}

// What is copied: notes with onsets counted from the start of the bar that holds the first one.
export interface Clip {
  refs: NoteRef[];
  length: number;  // ticks, whole bars
}

export function copyNotes(view: View, selection: ReadonlySet<NoteKey>): Clip | null {
  const refs = refsOf(view, selection);
  if (refs.length === 0) return null;
  const first = Math.min(...refs.map(({ note }) => note[0]!));
  const last = Math.max(...refs.map(({ note }) => note[0]!));
  const from = view.bars[barIndexAt(view.bars, first)]!;
  const to = view.bars[barIndexAt(view.bars, last)]!;
  return {
    refs: refs.map(({ track, note }) =>
      ({ track, note: [note[0]! - from.start, note[1]!, note[2]!, note[3]!] })),
    length: to.start + to.length - from.start,
  };
}

export function pasteNotes(view: View, clip: Clip, at: number): Change {
  return addNotes(clip.refs
    .filter(({ track }) => track < view.tracks.length)
    .map(({ track, note }) => ({ track, note: [note[0]! + at, note[1]!, note[2]!, note[3]!] })));
}
