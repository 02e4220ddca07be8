import { describe, expect, it } from 'vitest';
import { evenBeats, tappedTempo } from './beats';
import { Capture } from './captured';
import { compareViews } from './compare';
import { phraseStarts } from './phrases';
import { viewWith } from './test_views';

describe('beats by hand', () => {
  it('lie evenly around the first downbeat', () => {
    const lines = evenBeats({ tempo: 60, metre: '3/4', first_downbeat: 1.5 }, 5);
    expect(lines.map((line) => line.seconds)).toEqual([0.5, 1.5, 2.5, 3.5, 4.5]);
    expect(lines.map((line) => line.downbeat)).toEqual([false, true, false, false, true]);
  });

  it('are dotted in compound metre', () => {
    const lines = evenBeats({ tempo: 60, metre: '6/8', first_downbeat: 0 }, 3);
    expect(lines.map((line) => line.seconds)).toEqual([0, 1.5, 3]);
  });

  it('come from taps, one of them late', () => {
    expect(tappedTempo([0, 0.5, 1])).toBeNull();
    expect(tappedTempo([0, 0.5, 1.2, 1.5, 2])).toBe(120);
  });
});

describe('what is played in', () => {
  it('counts from the first note', () => {
    const capture = new Capture();
    capture.down(60, 90, 10);
    capture.down(64, 80, 10.5);
    capture.up(60, 11);
    expect(capture.finished(12, null)).toEqual([[0, 1, 60, 90], [0.5, 1.5, 64, 80]]);
  });

  it('leaves out whole bars before the first note where a click gave the time', () => {
    const capture = new Capture(0);
    capture.down(60, 90, 4.95);  // a little early for the bar at 5
    capture.up(60, 5.4);
    expect(capture.finished(6, 2.5)[0]![0]).toBeCloseTo(0);
  });

  it('can be taken back', () => {
    const capture = new Capture();
    capture.down(60, 90, 1);
    capture.undo();
    expect(capture.notes).toHaveLength(0);
    capture.down(62, 90, 3);
    expect(capture.notes[0]!.onset).toBe(0);
  });
});

describe('two takes', () => {
  it('are compared bar by bar and note by note', () => {
    const a = viewWith({ bars: 2, tracks: [[[0, 24, 60, 80], [96, 24, 62, 80]]] });
    const b = viewWith({ bars: 3, tracks: [[[0, 24, 60, 99], [96, 24, 64, 80], [120, 24, 65, 80]]] });
    expect(compareViews(a, b)).toEqual({ bars: 3, sameBars: 1, onlyHere: 1, onlyThere: 2, shared: 1 });
  });
});

describe('phrases', () => {
  it('begin after long notes', () => {
    const even = [0, 24, 48, 72].map((at) => [at, 24, 60, 80]);
    const track = [...even, [96, 96, 60, 80], ...even.map((n) => [n[0]! + 192, 24, 60, 80]),
                   ...even.map((n) => [n[0]! + 288, 24, 60, 80])];
    expect(phraseStarts(viewWith({ bars: 4, tracks: [track] }))).toEqual([0, 2]);
  });
});
