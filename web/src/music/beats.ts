// An even grid of beats, as set by hand, and the tempo of taps.
import { barLength, beatLength, kTicksPerQuarter } from './timeline';

export interface BeatWish {
  tempo: number;           // quarters a minute
  metre: string;
  first_downbeat: number;  // seconds
}

export interface BeatLine {
  seconds: number;
  downbeat: boolean;
}

const kMost = 4000;

export function evenBeats(wish: BeatWish, end: number): BeatLine[] {
  const perTick = 60 / (wish.tempo * kTicksPerQuarter);
  const beat = beatLength(wish.metre) * perTick;
  const perBar = Math.round(barLength(wish.metre) / beatLength(wish.metre));
  const lines: BeatLine[] = [];
  const first = Math.ceil(-wish.first_downbeat / beat);
  for (let i = first; lines.length < kMost; ++i) {
    const seconds = wish.first_downbeat + i * beat;
    if (seconds > end) break;
    lines.push({ seconds, downbeat: ((i % perBar) + perBar) % perBar === 0 });
  }
  return lines;
}

// From four taps on; the middle interval, so that one late tap does not matter.
export function tappedTempo(taps: readonly number[]): number | null {
  if (taps.length < 4) return null;
  const intervals = taps.slice(1).map((at, i) => at - taps[i]!).sort((a, b) => a - b);
  const middle = intervals[Math.floor(intervals.length / 2)]!;
  const tempo = Math.round((60 / middle) * 10) / 10;
  return tempo >= 20 && tempo <= 400 ? tempo : null;
}
