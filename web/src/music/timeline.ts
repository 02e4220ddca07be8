// From musical time to sounding time and back: bars carry the second at which they begin, and
// between two of them time runs evenly.
import type { Bar, View } from '../api/types';

export const kTicksPerQuarter = 24;

export function barEnd(view: View): number {
  const last = view.bars.at(-1);
  return last ? last.start + last.length : 0;
}

// Index of the bar that holds the tick; the first or last one for ticks outside.
export function barIndexAt(bars: readonly Bar[], tick: number): number {
  let low = 0;
  let high = bars.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (bars[middle]!.start <= tick) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, low);
}

// Seconds for each tick inside bar `index`.
function pace(bars: readonly Bar[], index: number, hasUpbeat: boolean): number {
  const bar = bars[index]!;
  const next = bars[index + 1];
  const written = 60 / (bar.tempo * kTicksPerQuarter);
  if (!next || (index === 0 && hasUpbeat)) return written;
  const measured = (next.seconds - bar.seconds) / bar.length;
  return measured > 0 ? measured : written;
}

export function secondsAt(view: View, tick: number): number {
  const index = barIndexAt(view.bars, tick);
  const bar = view.bars[index];
  if (!bar) return (tick * 60) / (120 * kTicksPerQuarter);
  const perTick = pace(view.bars, index, view.has_upbeat);
  const next = view.bars[index + 1];
  // An upbeat's silence is not played, so its pace is counted back from the bar that follows.
  if (index === 0 && view.has_upbeat && next) return next.seconds - (next.start - tick) * perTick;
  return bar.seconds + (tick - bar.start) * perTick;
}

export function tickAt(view: View, seconds: number): number {
  const { bars } = view;
  if (bars.length === 0) return (seconds * 120 * kTicksPerQuarter) / 60;
  let low = 0;
  let high = bars.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (bars[middle]!.seconds <= seconds) low = middle;
    else high = middle - 1;
  }
  const bar = bars[low]!;
  const next = bars[low + 1];
  const perTick = pace(bars, low, view.has_upbeat);
  if (low === 0 && view.has_upbeat && next) return next.start - (next.seconds - seconds) / perTick;
  return bar.start + (seconds - bar.seconds) / perTick;
}

// Where playing begins: an upbeat's silence is left out.
export function firstTick(view: View): number {
  return view.has_upbeat ? view.unwritten_rest : 0;
}

// Where it ends: with the last bar or the last note, whichever is later.
export function lastTick(view: View): number {
  let last = barEnd(view);
  for (const track of view.tracks) {
    for (const note of track.notes) last = Math.max(last, note[0]! + note[1]!);
  }
  return last;
}

// A bar's beats in ticks: dotted values in compound metre.
export function beatLength(metre: string): number {
  const [numerator = 4, denominator = 4] = metre.split('/').map(Number);
  const compound = denominator >= 8 && numerator % 3 === 0;
  return ((compound ? 3 : 1) * 4 * kTicksPerQuarter) / denominator;
}

export function barLength(metre: string): number {
  const [numerator = 4, denominator = 4] = metre.split('/').map(Number);
  return (numerator * 4 * kTicksPerQuarter) / denominator;
}

// Bars like the last one until `tick` lies inside.
export function extendBars(view: View, tick: number): Bar[] {
  const bars = [...view.bars];
  for (;;) {
    const last = bars.at(-1);
    if (!last || tick < last.start + last.length) return bars;
    const start = last.start + last.length;
    bars.push({
      ...last,
      number: last.number + 1,
      start,
      seconds: last.seconds + (last.length * 60) / (last.tempo * kTicksPerQuarter),
      chord: null,
      chord_at_middle: null,
    });
  }
}

export function emptyView(metre = '4/4', tempo = 120): View {
  return {
    ticks_per_quarter: kTicksPerQuarter,
    has_upbeat: false,
    unwritten_rest: 0,
    seconds: 0,
    bars: [{
      number: 1, start: 0, length: barLength(metre), seconds: 0, metre, key: null, tempo,
      chord: null, chord_at_middle: null,
    }],
    tracks: [],
    performed: false,
    beats: [],
    report: '',
  };
}

export function clock(seconds: number): string {
  const safe = Math.max(0, seconds);
  const minutes = Math.floor(safe / 60);
  const rest = safe - minutes * 60;
  return `${String(minutes).padStart(2, '0')}:${rest.toFixed(1).padStart(4, '0')}`;
}
