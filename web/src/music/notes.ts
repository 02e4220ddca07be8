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

const kLetters = ['C', 'D', 'E', 'F', 'G', 'A', 'B'];
const kNatural = [0, 2, 4, 5, 7, 9, 11];
const kMajor = [0, 2, 4, 5, 7, 9, 11];
const kMinor = [0, 2, 3, 5, 7, 8, 10];

function pitchClass(name: string): number {
  const sign = name.endsWith('#') ? 1 : name.length > 1 && name.endsWith('b') ? -1 : 0;
  return (kNatural[kLetters.indexOf(name[0]!)]! + sign + 12) % 12;
}

// A note of the key's scale as it is written in that key: the seventh of G# minor is F#, not Gb.
function spelledIn(key: string | null, name: string): string {
  const [tonic = '', mode] = key?.split(' ') ?? [];
  if (!tonic) return name;
  const wanted = pitchClass(name);
  const from = pitchClass(tonic);
  const step = (mode === 'minor' ? kMinor : kMajor).findIndex((up) => (from + up) % 12 === wanted);
  if (step < 0) return name;
  const letter = (kLetters.indexOf(tonic[0]!) + step) % 7;
  const sign = (wanted - kNatural[letter]! + 18) % 12 - 6;
  return kLetters[letter]! + (sign > 0 ? '#'.repeat(sign) : 'b'.repeat(-sign));
}

// "C:maj" as people write it: C, Am, G7, F♯m7♭5.
export function chordName(chord: string, key: string | null): string {
  const [said = '', quality = 'maj'] = chord.split(':');
  const root = spelledIn(key, said);
  const suffix: Record<string, string> = {
    maj: '', min: 'm', dim: '°', aug: '+', sus4: 'sus4', maj7: 'maj7', min7: 'm7', '7': '7',
    hdim7: 'ø', dim7: '°7', minmaj7: 'm(maj7)', '6': '6', '5': '5',
  };
  return root.replaceAll('#', '♯').replaceAll('b', '♭') + (suffix[quality] ?? quality);
}

export function keyName(key: string): string {
  return key.replace('#', '♯').replace(/^([A-G])b/, '$1♭');
}
