// Notes of a view and sets of them. A note is known by its track, onset and pitch: no two notes of
// a track share both.
import type { Note, View } from '../api/types';

export interface NoteRef {
  track: number;  // index into the view's tracks
  note: Note;
}

export type NoteKey = string;

export function noteKey(track: number, note: Note): NoteKey {
  return `${track}:${note[0]}:${note[2]}`;
}

// The order that the server keeps: by onset, then from high to low.
export function compareNotes(a: Note, b: Note): number {
  return a[0]! - b[0]! || b[2]! - a[2]!;
}

export function refsOf(view: View, keys: ReadonlySet<NoteKey>): NoteRef[] {
  const refs: NoteRef[] = [];
  view.tracks.forEach((track, index) => {
    for (const note of track.notes) {
      if (keys.has(noteKey(index, note))) refs.push({ track: index, note });
    }
  });
  return refs;
}

export function keysOf(refs: readonly NoteRef[]): Set<NoteKey> {
  return new Set(refs.map(({ track, note }) => noteKey(track, note)));
}

export function countNotes(view: View): number {
  return view.tracks.reduce((sum, track) => sum + track.notes.length, 0);
}

const kSharps = ['C', 'C♯', 'D', 'D♯', 'E', 'F', 'F♯', 'G', 'G♯', 'A', 'A♯', 'B'];
const kFlats = ['C', 'D♭', 'D', 'E♭', 'E', 'F', 'G♭', 'G', 'A♭', 'A', 'B♭', 'B'];
export function pitchName(pitch: number, flats = false): string {
  return `${(flats ? kFlats : kSharps)[pitch % 12]}${Math.floor(pitch / 12) - 1}`;
}

// Whether a key's black keys are read as flats.
export function writtenWithFlats(key: string | null): boolean {
  return key !== null && (/^[A-G]b/.test(key) || /^F major|^[DGCF] minor/.test(key));
}

export function isBlackKey(pitch: number): boolean {
  return [1, 3, 6, 8, 10].includes(pitch % 12);
}

// "C:maj" as people write it: C, Am, G7, F♯m7♭5.
export function chordName(chord: string): string {
  const [root = '', quality = 'maj'] = chord.split(':');
  const suffix: Record<string, string> = {
    maj: '', min: 'm', dim: '°', aug: '+', sus4: 'sus4', maj7: 'maj7', min7: 'm7', '7': '7',
    hdim7: 'ø', dim7: '°7', minmaj7: 'm(maj7)', '6': '6', '5': '5',
  };
  return root.replace('#', '♯').replace(/b$/, '♭') + (suffix[quality] ?? quality);
}

export function keyName(key: string): string {
  return key.replace('#', '♯').replace(/^([A-G])b/, '$1♭');
}
