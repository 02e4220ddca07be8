import { describe, expect, it } from 'vitest';
import {
  contain, fit, gridStep, kKeysWidth, kRulerHeight, pitchOf, snap, snapDown, tickOf, xOf, yOf, zoom, type Viewport,
} from './geometry';

const v: Viewport = { width: 1000, height: 600, tick: 96, pitch: 90, perTick: 1.5, perPitch: 10 };

describe('the roll', () => {
  it('maps ticks and pitches to pixels and back', () => {
    for (const tick of [96, 100, 500]) expect(tickOf(v, xOf(v, tick))).toBeCloseTo(tick);
    for (const pitch of [40, 60, 89]) {
      expect(pitchOf(v, yOf(v, pitch) + 1)).toBe(pitch);
      expect(pitchOf(v, yOf(v, pitch) + 9)).toBe(pitch);
    }
    expect(yOf(v, 89)).toBe(kRulerHeight);
  });

  it('keeps what is under the pointer when it zooms', () => {
    const [x, y] = [400, 300];
    const near = zoom(v, 2, 1.5, x, y);
    expect(tickOf(near, x)).toBeCloseTo(tickOf(v, x));
    expect(near.pitch - (y - kRulerHeight) / near.perPitch).toBeCloseTo(v.pitch - (y - kRulerHeight) / v.perPitch);
  });

  it('stays inside the piece and the keys', () => {
    expect(contain({ ...v, tick: -50, pitch: 200 }, 1000)).toMatchObject({ tick: 0, pitch: 128 });
    expect(contain({ ...v, tick: 99999 }, 1000).tick).toBeLessThan(1400);
  });

  it('shows all of a piece', () => {
    const all = fit(v, 96 * 8, 48, 84);
    expect(xOf(all, 96 * 8)).toBeLessThanOrEqual(v.width);
    expect(xOf(all, 0)).toBe(kKeysWidth);
    expect(yOf(all, 84)).toBeGreaterThanOrEqual(kRulerHeight);
    expect(yOf(all, 48)).toBeLessThan(v.height);
  });

  it('offers the grid that can be seen', () => {
    expect([3, 1.5, 0.7, 0.2].map((perTick) => gridStep({ ...v, perTick }))).toEqual([6, 12, 24, 0]);
    expect([snap(13, 12), snapDown(23, 12)]).toEqual([12, 12]);
  });
});
