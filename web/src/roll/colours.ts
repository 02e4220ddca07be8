// The colours of the stylesheet, as the canvas needs them, and each track's pattern. Tracks differ
// in hue and in pattern, so that they can be told apart without colours.

export interface Colours {
  surface: string;
  row: string;
  rowC: string;
  line: string;
  lineStrong: string;
  ink: string;
  inkQuiet: string;
  accent: string;
  selection: string;
  fresh: string;
  copied: string;
  whiteKey: string;
  blackKey: string;
  keyInk: string;
  ghost: string;
  noteInk: string;
  tracks: string[];
  edges: string[];
}

export const kTrackColours = 8;

export function readColours(element: Element): Colours {
  const style = getComputedStyle(element);
  const value = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const numbers = Array.from({ length: kTrackColours }, (_, i) => i + 1);
  return {
    surface: value('roll'), row: value('roll-row'), rowC: value('roll-c'), line: value('roll-line'),
    lineStrong: value('roll-bar'), ink: value('ink'), inkQuiet: value('ink-quiet'),
    accent: value('accent'), selection: value('selection'), fresh: value('fresh'),
    copied: value('copied'), whiteKey: value('key-white'), blackKey: value('key-black'),
    keyInk: value('key-ink'), ghost: value('ghost'), noteInk: value('note-ink'),
    tracks: numbers.map((n) => value(`track-${n}`)), edges: numbers.map((n) => value(`edge-${n}`)),
  };
}

export type Pattern = 'plain' | 'stripe' | 'dots' | 'edge';
const kPatterns: Pattern[] = ['plain', 'stripe', 'dots', 'edge'];
export const patternOf = (track: number): Pattern => kPatterns[track % kPatterns.length]!;
export const colourOf = (track: number) => track % kTrackColours;
