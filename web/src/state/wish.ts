// What the person wishes for, as the panel holds it, and as the server wants it. Undefined means
// no wish: the model chooses, or goes on as the piece does.
import type { Controls, Sampling } from '../api/types';

export interface Wish {
  bars: number;
  count: number;
  key?: string;
  metre?: string;
  tempo?: number;
  style?: string;
  density?: number;
  instruments: string[];
  temperature: number;
  topP: number;
  seed: string;
  range?: string;
  polyphony?: number;
  inScale: boolean;
  chords: string;
  novel: boolean;
}

export const kDefaultWish: Wish = {
  bars: 8, count: 1, instruments: [], temperature: 0.95, topP: 0.97, seed: '', inScale: false,
  chords: '', novel: false,
};

const kKept = 'hemiola.wish';

export function loadWish(): Wish {
  try {
    return { ...kDefaultWish, ...(JSON.parse(localStorage.getItem(kKept) ?? '{}') as Partial<Wish>) };
  } catch {
    return kDefaultWish;
  }
}

export function saveWish(wish: Wish): void {
  localStorage.setItem(kKept, JSON.stringify(wish));
}

export function controlsOf(wish: Wish): Controls {
  const controls: Controls = {};
  if (wish.key) controls.key = wish.key;
  if (wish.inScale) controls.in_scale = true;
  if (wish.metre) controls.metre = wish.metre;
  if (wish.tempo) controls.tempo = wish.tempo;
  if (wish.instruments.length > 0) controls.instruments = wish.instruments.join(',');
  if (wish.range) controls.range = wish.range;
  if (wish.polyphony) controls.max_polyphony = wish.polyphony;
  if (wish.density) controls.density = wish.density;
  if (wish.style) controls.style = wish.style;
  if (wish.chords.trim()) controls.chords = wish.chords.trim();
  return controls;
}

export function samplingOf(wish: Wish): Sampling {
  return { temperature: wish.temperature, top_p: wish.topP };
}

// What every job that writes music is asked with.
export function commonRequest(wish: Wish) {
  return {
    count: wish.count,
    sampling: samplingOf(wish),
    ...(wish.seed ? { seed: wish.seed } : {}),
    ...(wish.novel ? { novel: true } : {}),
  };
}
