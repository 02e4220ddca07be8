// Two takes laid over each other: which notes they share and which only one of them has.
import type { Note, View } from '../api/types';

export interface Comparison {
  bars: number;         // of the longer one
  sameBars: number;     // bars whose notes are equal
  onlyHere: number;     // notes
  onlyThere: number;
  shared: number;
}

const keyOf = (note: Note) => `${note[0]}:${note[2]}:${note[1]}`;

export function compareViews(here: View, there: View): Comparison {
  const collect = (view: View) => {
    const keys = new Set<string>();
    view.tracks.forEach((track, index) => {
      for (const note of track.notes) keys.add(`${index}:${keyOf(note)}`);
    });
    return keys;
  };
  const a = collect(here);
  const b = collect(there);
  let shared = 0;
  for (const key of a) if (b.has(key)) ++shared;

  const perBar = (view: View, keys: Set<string>) => view.bars.map((bar) => {
    const inside: string[] = [];
    for (const key of keys) {
      const onset = Number(key.split(':')[1]);
      if (onset >= bar.start && onset < bar.start + bar.length) inside.push(key);
    }
    return inside.sort().join(' ');
  });
  const barsHere = perBar(here, a);
  const barsThere = perBar(there, b);
  let sameBars = 0;
  for (let i = 0; i < Math.min(barsHere.length, barsThere.length); ++i) {
    if (barsHere[i] === barsThere[i]) ++sameBars;
  }
  return {
    bars: Math.max(barsHere.length, barsThere.length),
    sameBars,
    onlyHere: a.size - shared,
    onlyThere: b.size - shared,
    shared,
  };
}
