// What can be chosen in the panels: keys, metres, instruments.

export const kKeys = [
  'C major', 'G major', 'D major', 'A major', 'E major', 'B major', 'F# major', 'Db major',
  'Ab major', 'Eb major', 'Bb major', 'F major',
  'A minor', 'E minor', 'B minor', 'F# minor', 'C# minor', 'G# minor', 'Eb minor', 'Bb minor',
  'F minor', 'C minor', 'G minor', 'D minor',
];

export const kMetres = ['4/4', '3/4', '2/4', '6/8', '9/8', '12/8', '5/4', '7/8', '2/2'];

// A short list for the first level, as General MIDI numbers from 1; "drums" apart.
export const kInstruments: [string, string][] = [
  ['1', 'Piano'], ['5', 'Electric piano'], ['7', 'Harpsichord'], ['17', 'Organ'],
  ['25', 'Guitar'], ['33', 'Bass'], ['41', 'Violin'], ['43', 'Cello'], ['49', 'Strings'],
  ['53', 'Choir'], ['57', 'Trumpet'], ['61', 'Horn'], ['66', 'Saxophone'], ['72', 'Clarinet'],
  ['74', 'Flute'], ['12', 'Vibraphone'], ['drums', 'Drums'],
];

export function instrumentName(value: string): string {
  return kInstruments.find(([number]) => number === value)?.[1] ?? value;
}
