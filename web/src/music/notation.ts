// Numbered notation while it is typed: colours for its words and the sound of the one just typed.
// The server reads the text properly; here it is only cut into words.

export type WordKind = 'note' | 'rest' | 'bar' | 'header' | 'mark' | 'comment' | 'unknown';
export interface Word {
  kind: WordKind;
  from: number;
  to: number;
}

const kPatterns: [WordKind, RegExp][] = [
  ['comment', /%[^\n]*/y],
  ['header', /(?:[16]=(?:[b#]?[A-G][b#]?|\?)|\d+\/\d+|q=\d+|upbeat|"[^"\n]*"|track\s+\S[^\n|]*|voice)/y],
  ['mark', /(?:v\d+|ppp|pp|p|mp|mf|fff|ff|f)(?![A-Za-z\d])/y],
  ['note', /[#b]{0,2}[1-7][',]*(?:_{1,3}|:\d+)?\.{0,3}~?/y],
  ['note', /x\d+(?:_{1,3}|:\d+)?\.{0,3}~?/y],
  ['rest', /(?:0|R)(?:_{1,3}|:\d+)?\.{0,3}/y],
  ['bar', /\|[\]|.]?/y],
  ['mark', /(?:-~?|[[\](){}]_{0,3}\.{0,3}~?)/y],
];

export function words(text: string): Word[] {
  const found: Word[] = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at]!)) {
      ++at;
      continue;
    }
    let to = at + 1;
    let kind: WordKind = 'unknown';
    for (const [name, pattern] of kPatterns) {
      pattern.lastIndex = at;
      const match = pattern.exec(text);
      if (match && match[0].length > 0) {
        kind = name;
        to = at + match[0].length;
        break;
      }
    }
    found.push({ kind, from: at, to });
    at = to;
  }
  return found;
}

const kNatural: Record<string, number> = { C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11 };
const kDegrees = [0, 2, 4, 5, 7, 9, 11];

// MIDI key of the "1" that a key word sets: between the A flat below middle C and the G above it.
function doOf(word: string): number {
  const match = /^([16])=(?:([b#]?)([A-G])([b#]?)|\?)$/.exec(word);
  if (!match || !match[3]) return 60;
  const accidental = match[2] || match[4];
  const shift = accidental === '#' ? 1 : accidental === 'b' ? -1 : 0;
  const tonic = kNatural[match[3]]! + shift + (match[1] === '6' ? 3 : 0);
  const pitchClass = ((tonic % 12) + 12) % 12;
  return pitchClass <= 7 ? 60 + pitchClass : 48 + pitchClass;
}

// The MIDI key of the note word that ends at or surrounds `caret`, or null.
export function pitchAt(text: string, caret: number): number | null {
  let tonic = 60;
  for (const word of words(text)) {
    if (word.from >= caret) break;
    const written = text.slice(word.from, word.to);
    if (word.kind === 'header' && written.includes('=') && !written.startsWith('q')) tonic = doOf(written);
    if (word.kind !== 'note' || word.to < caret) continue;
    const drum = /^x(\d+)/.exec(written);
    if (drum) return Number(drum[1]);
    const match = /^([#b]*)([1-7])([',]*)/.exec(written)!;
    let pitch = tonic + kDegrees[Number(match[2]) - 1]!;
    for (const mark of match[1]!) pitch += mark === '#' ? 1 : -1;
    for (const mark of match[3]!) pitch += mark === "'" ? 12 : -12;
    return pitch;
  }
  return null;
}
