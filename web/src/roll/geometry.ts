// Where things lie on the roll: ticks and pitches to pixels and back. Pure numbers, CSS pixels.

export interface Viewport {
  width: number;       // of the whole canvas
  height: number;
  tick: number;        // at the left edge of the notes
  pitch: number;       // at the top edge, fractional: 108 is the top of key 107
  perTick: number;     // pixels
  perPitch: number;    // pixels
}

export const kKeysWidth = 48;
export const kRulerHeight = 56;   // phrase marks, bar numbers, chords
export const kNoveltyTop = 50;
export const kMinPerTick = 0.03;
export const kMaxPerTick = 8;
export const kMinPerPitch = 3;
export const kMaxPerPitch = 32;

export const xOf = (v: Viewport, tick: number) => kKeysWidth + (tick - v.tick) * v.perTick;
export const yOf = (v: Viewport, pitch: number) => kRulerHeight + (v.pitch - 1 - pitch) * v.perPitch;
export const tickOf = (v: Viewport, x: number) => v.tick + (x - kKeysWidth) / v.perTick;
export const pitchOf = (v: Viewport, y: number) =>
  Math.ceil(v.pitch - 1 - (y - kRulerHeight) / v.perPitch);

export const ticksShown = (v: Viewport) => Math.max(1, v.width - kKeysWidth) / v.perTick;
export const pitchesShown = (v: Viewport) => Math.max(1, v.height - kRulerHeight) / v.perPitch;

const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));

// Inside the piece (and some room after it) and the 128 keys.
export function contain(v: Viewport, end: number): Viewport {
  const shown = pitchesShown(v);
  const room = Math.max(0, end + 96 * 4 - ticksShown(v) * 0.5);
  return {
    ...v,
    tick: clamp(v.tick, 0, room),
    pitch: shown >= 128 ? 64 + shown / 2 : clamp(v.pitch, shown, 128),
  };
}

// The tick and pitch under the pointer stay there.
export function zoom(v: Viewport, factorX: number, factorY: number, x: number, y: number): Viewport {
  const tick = tickOf(v, x);
  const pitch = v.pitch - (y - kRulerHeight) / v.perPitch;
  const perTick = clamp(v.perTick * factorX, kMinPerTick, kMaxPerTick);
  const perPitch = clamp(v.perPitch * factorY, kMinPerPitch, kMaxPerPitch);
  return {
    ...v, perTick, perPitch,
    tick: tick - (x - kKeysWidth) / perTick,
    pitch: pitch + (y - kRulerHeight) / perPitch,
  };
}

// All of the piece, keys with some room above and below.
export function fit(v: Viewport, end: number, lowest: number, highest: number): Viewport {
  const low = Math.max(0, lowest - 5);
  const high = Math.min(128, highest + 6);
  const perPitch = clamp((v.height - kRulerHeight) / Math.max(24, high - low), kMinPerPitch, 18);
  const perTick = clamp((v.width - kKeysWidth - 24) / Math.max(96, end), kMinPerTick, 4);
  const middle = (low + high) / 2;
  const shown = (v.height - kRulerHeight) / perPitch;
  return { ...v, tick: 0, perTick, perPitch, pitch: middle + shown / 2 };
}

// The finest grid that can still be seen, in ticks: bars are drawn apart from it.
export function gridStep(v: Viewport): number {
  for (const step of [6, 12, 24]) if (step * v.perTick >= 14) return step;
  return 0;
}

// To the grid that is seen, at least sixteenths, at most quarters.
export function snapStep(v: Viewport): number {
  return gridStep(v) || 24;
}

export const snapDown = (tick: number, step: number) => Math.floor(tick / step) * step;
export const snap = (tick: number, step: number) => Math.round(tick / step) * step;
