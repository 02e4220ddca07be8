import { describe, expect, it } from 'vitest';
import { pitchAt, words } from './notation';

const heard = (text: string) => pitchAt(text, text.length);

describe('typed numbers', () => {
  it('sound as degrees of the scale', () => {
    expect(heard('1')).toBe(60);
    expect(heard('1=C 4/4 q=96 | 1 1 5')).toBe(67);
    expect(heard('1=G 1')).toBe(67);
    expect(heard('1=Bb 1')).toBe(58);
    expect(heard('1=Ab 1')).toBe(56);
  });

  it('take octaves and accidentals', () => {
    expect(heard("1'")).toBe(72);
    expect(heard('5,,')).toBe(43);
    expect(heard('#4')).toBe(66);
    expect(heard('b7_')).toBe(70);
    expect(heard('x36')).toBe(36);
  });

  it('know minor by its six', () => {
    expect(heard('6=E 6')).toBe(76);  // 1 on G above middle C
    expect(heard('6=A 6')).toBe(69);
  });

  it('are silent for all that is no note', () => {
    for (const text of ['', '1 ', '0', '|', '1=G', '3/4', 'q=96', '% 1', '-', '1 -']) {
      expect(heard(text), text).toBeNull();
    }
  });

  it('sound for the word at the caret', () => {
    expect(pitchAt('1 5 3', 3)).toBe(67);
  });

  it('are cut into words', () => {
    const text = '1=C 4/4 | 1 {2_ 3_} R |] % end';
    expect(words(text).map((word) => [word.kind, text.slice(word.from, word.to)])).toEqual([
      ['header', '1=C'], ['header', '4/4'], ['bar', '|'], ['note', '1'], ['mark', '{'], ['note', '2_'],
      ['note', '3_'], ['mark', '}'], ['rest', 'R'], ['bar', '|]'], ['comment', '% end'],
    ]);
    expect(words('1 z')[1]!.kind).toBe('unknown');
  });
});
