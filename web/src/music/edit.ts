// Edits: the same ones that the server takes, done here at once so that the page never waits.
// Views are never changed in place; what an edit does not name is shared with the view before.
import type { Edit, Note, Track, View } from '../api/types';
import { compareNotes } from './notes';
import { extendBars, kTicksPerQuarter } from './timeline';

const kLongest = 16 * 4 * kTicksPerQuarter;

// A track with these notes: in order, one note for each onset and pitch (the later one given
// wins), and none sounding into the next of its pitch.
export function tidy(notes: readonly Note[]): Note[] {
  const last = new Map<number, Note>();
  for (const note of notes) last.set(note[0]! * 128 + note[2]!, note);
  const sorted = [...last.values()].sort(compareNotes);
  const next = new Map<number, number>();
  for (let i = sorted.length - 1; i >= 0; --i) {
    const note = sorted[i]!;
    const limit = next.get(note[2]!);
    next.set(note[2]!, note[0]!);
    if (limit !== undefined && note[0]! + note[1]! > limit) {
      sorted[i] = [note[0]!, limit - note[0]!, note[2]!, note[3]!];
    }
  }
  return sorted;
}

export function clampNote(note: Note): Note {
  const clamp = (value: number, low: number, high: number) =>
    Math.min(high, Math.max(low, Math.round(value)));
  return [Math.max(0, Math.round(note[0]!)), clamp(note[1]!, 1, kLongest),
          clamp(note[2]!, 0, 127), clamp(note[3]!, 1, 127)];
}

function withTrack(view: View, number: number, change: (track: Track) => Track): View {
  return {
    ...view,
    tracks: view.tracks.map((track, index) => (index === number - 1 ? change(track) : track)),
  };
}

function without(notes: readonly Note[], named: readonly number[][]): Note[] {
  const gone = new Set(named.map((at) => at[0]! * 128 + at[1]!));
  return notes.filter((note) => !gone.has(note[0]! * 128 + note[2]!));
}

function covering(view: View): View {
  let last = 0;
  for (const track of view.tracks) last = Math.max(last, track.notes.at(-1)?.[0] ?? 0);
  const bars = extendBars(view, last);
  return bars.length === view.bars.length ? view : { ...view, bars };
}

const kPitchClasses: Record<string, number> = { C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11 };
function tonic(key: string): number | null {
  const match = /^([A-G])([#b]?)/.exec(key);
  if (!match) return null;
  const shift = match[2] === '#' ? 1 : match[2] === 'b' ? -1 : 0;
  return (kPitchClasses[match[1]!]! + shift + 12) % 12;
}

function transposed(view: View, from: string | null, to: string): View {
  const [a, b] = [from ? tonic(from) : null, tonic(to)];
  if (a === null || b === null) return view;
  const up = (b - a + 12) % 12;
  const by = up > 6 ? up - 12 : up;
  return {
    ...view,
    tracks: view.tracks.map((track) => (track.is_drum ? track : {
      ...track,
      notes: tidy(track.notes.map((n) => clampNote([n[0]!, n[1]!, n[2]! + by, n[3]!]))),
    })),
  };
}

export function applyEdit(view: View, edit: Edit): View {
  switch (edit.op) {
    case 'add':
      return covering(withTrack(view, edit.track, (track) =>
        ({ ...track, notes: tidy([...track.notes, ...edit.notes]) })));
    case 'remove':
      return withTrack(view, edit.track, (track) =>
        ({ ...track, notes: without(track.notes, edit.notes) }));
    case 'change':
      return covering(withTrack(view, edit.track, (track) => ({
        ...track,
        notes: tidy([...without(track.notes, edit.notes.map((change) => change.at)),
                     ...edit.notes.map((change) => change.to)]),
      })));
    case 'add_track':
      return {
        ...view,
        tracks: [...view.tracks, {
          name: edit.name ?? '', program: edit.program ?? 0, is_drum: edit.is_drum ?? false,
          notes: [],
        }],
      };
    case 'remove_track':
      return { ...view, tracks: view.tracks.filter((_, index) => index !== edit.track - 1) };
    case 'instrument':
      return withTrack(view, edit.track, (track) => ({ ...track, program: edit.program }));
    case 'rename_track':
      return withTrack(view, edit.track, (track) => ({ ...track, name: edit.name }));
    case 'tempo': {
      const first = view.bars[0];
      if (!first) return view;
      const factor = first.tempo / edit.tempo;
      return {
        ...view,
        seconds: view.seconds * factor,
        bars: view.bars.map((bar) =>
          ({ ...bar, tempo: bar.tempo / factor, seconds: bar.seconds * factor })),
      };
    }
    case 'key': {
      const moved = edit.transpose ? transposed(view, view.bars[0]?.key ?? null, edit.key) : view;
      return { ...moved, bars: moved.bars.map((bar) => ({ ...bar, key: edit.key })) };
    }
  }
}

export function applyEdits(view: View, edits: readonly Edit[]): View {
  return edits.reduce(applyEdit, view);
}
