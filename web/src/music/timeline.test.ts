import { describe, expect, it } from 'vitest';
import { viewWith } from './test_views';
import {
  barIndexAt, barLength, beatLength, clock, extendBars, firstTick, lastTick, secondsAt, tickAt,
} from './timeline';

describe('time', () => {
  it('runs by the tempo in a written piece', () => {
    const view = viewWith({ tempo: 60 });
    expect(secondsAt(view, 24)).toBeCloseTo(1);
    expect(secondsAt(view, 96 * 2)).toBeCloseTo(8);
    expect(secondsAt(view, 96 * 10)).toBeCloseTo(40);  // on after the last bar
  });

  it('follows the bars where they were played unevenly', () => {
    const view = viewWith({ bars: 3, tempo: 120 });
    view.bars[1]!.seconds = 3;  // the first bar took three seconds, not two
    view.bars[2]!.seconds = 4;
    expect(secondsAt(view, 48)).toBeCloseTo(1.5);
    expect(secondsAt(view, 96 + 48)).toBeCloseTo(3.5);
  });

  it('leaves out the silence of an upbeat', () => {
    const view = { ...viewWith({ bars: 2, tempo: 60 }), has_upbeat: true, unwritten_rest: 72 };
    view.bars[0]!.number = 0;
    view.bars[1]!.number = 1;
    view.bars[1]!.seconds = 1;  // only the last quarter of the upbeat bar sounds
    expect(firstTick(view)).toBe(72);
    expect(secondsAt(view, 72)).toBeCloseTo(0);
    expect(secondsAt(view, 96)).toBeCloseTo(1);
    expect(tickAt(view, 0)).toBeCloseTo(72);
  });

  it('comes back to the same tick', () => {
    const view = viewWith({ bars: 5, metre: '6/8', tempo: 93 });
    view.bars[3]!.seconds += 0.2;
    view.bars[4]!.seconds += 0.5;
    for (let tick = 0; tick < 72 * 6; tick += 7) {
      expect(tickAt(view, secondsAt(view, tick))).toBeCloseTo(tick, 6);
    }
  });

  it('finds the bar of a tick', () => {
    const { bars } = viewWith({ bars: 4 });
    expect(barIndexAt(bars, -5)).toBe(0);
    expect(barIndexAt(bars, 95)).toBe(0);
    expect(barIndexAt(bars, 96)).toBe(1);
    expect(barIndexAt(bars, 9999)).toBe(3);
  });

  it('knows bars and beats of simple and compound metre', () => {
    expect([barLength('4/4'), barLength('3/4'), barLength('6/8'), barLength('2/2')])
      .toEqual([96, 72, 72, 96]);
    expect([beatLength('4/4'), beatLength('6/8'), beatLength('2/2'), beatLength('7/8')])
      .toEqual([24, 36, 48, 12]);
  });

  it('adds bars like the last one until a tick lies inside', () => {
    const view = viewWith({ bars: 1, metre: '3/4', tempo: 60 });
    const bars = extendBars(view, 72 * 2);
    expect(bars.map((bar) => [bar.number, bar.start, bar.seconds]))
      .toEqual([[1, 0, 0], [2, 72, 3], [3, 144, 6]]);
  });

  it('ends with the last note where that sounds beyond the last bar', () => {
    expect(lastTick(viewWith({ bars: 1, tracks: [[[90, 48, 60, 80]]] }))).toBe(138);
  });

  it('is written as a clock', () => {
    expect(clock(72.44)).toBe('01:12.4');
    expect(clock(-1)).toBe('00:00.0');
  });
});
