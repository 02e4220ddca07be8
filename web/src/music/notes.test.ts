import { expect, test } from 'vitest';
import { chordName } from './notes';

test('chords are spelled as in their key, and as they come outside it', () => {
  expect(chordName('Ab:min7', 'G# minor')).toBe('G♯m7');
  expect(chordName('Bb:dim', 'G# minor')).toBe('A♯°');
  expect(chordName('F:maj', 'F# major')).toBe('E♯');
  expect(chordName('B:maj', 'Gb major')).toBe('C♭');
  expect(chordName('F#:min', 'C major')).toBe('F♯m');
  expect(chordName('Bb:7', 'C major')).toBe('B♭7');
  expect(chordName('C:maj', null)).toBe('C');
});
