// The player against a voice that writes down what it is told, with a clock that the test moves.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { View } from '../api/types';
import { viewWith } from '../music/test_views';
import { Player } from './player';
import { transform } from './peaks';

class Tape {
  now = 0;
  on: [number, number][] = [];   // time, pitch
  off: [number, number][] = [];
  silences = 0;
  noteOn(_channel: number, pitch: number, _velocity: number, time: number) { this.on.push([time, pitch]); }
  noteOff(_channel: number, pitch: number, time: number) { this.off.push([time, pitch]); }
  silence() { ++this.silences; }
}

// A quarter each at 120: one every half second.
const quarters = viewWith({ bars: 2, tracks: [[0, 1, 2, 3, 4, 5, 6, 7].map((i) => [i * 24, 24, 60 + i, 80])] });

describe('the player', () => {
  let tape: Tape;
  let source: { view: View; frontier: number | null };
  let player: Player;
  const run = (seconds: number) => {
    for (let t = 0; t < seconds - 1e-9; t += 0.025) {
      tape.now += 0.025;
      vi.advanceTimersByTime(25);
    }
  };
  beforeEach(() => {
    vi.useFakeTimers();
    tape = new Tape();
    source = { view: quarters, frontier: null };
    player = new Player(tape, () => source);
  });
  afterEach(() => vi.useRealTimers());

  it('gives each note once, at its time, and stops at the end', () => {
    player.play(0);
    run(5);
    expect(tape.on.map(([, pitch]) => pitch)).toEqual([60, 61, 62, 63, 64, 65, 66, 67]);
    const gaps = tape.on.slice(1).map(([time], i) => time - tape.on[i]![0]);
    for (const gap of gaps) expect(gap).toBeCloseTo(0.5, 6);
    expect(tape.off).toHaveLength(8);
    expect(player.state).toBe('stopped');
    expect(player.position()).toBe(0);
  });

  it('begins at once', () => {
    player.play(0);
    expect(tape.on[0]![0] - tape.now).toBeLessThan(0.1);
  });

  it('waits where music is still being written, and goes on when there is more', () => {
    source.frontier = 48;
    player.play(0);
    run(2);
    expect(tape.on.map(([, pitch]) => pitch)).toEqual([60, 61]);
    expect(player.state).toBe('waiting');
    expect(player.position()).toBe(48);
    source = { view: quarters, frontier: 120 };
    run(0.3);
    expect(player.state).toBe('playing');
    expect(tape.on.at(-1)![1]).toBe(62);
  });

  it('exchanges takes in time, without a gap', () => {
    player.play(0);
    run(1.2);
    const other = viewWith({ bars: 2, tracks: [[0, 1, 2, 3, 4, 5, 6, 7].map((i) => [i * 24, 24, 80 + i, 80])] });
    source = { view: other, frontier: null };
    const before = player.position();
    run(0.025);
    expect(player.position()).toBeGreaterThanOrEqual(before);
    run(1);
    const times = tape.on.map(([time]) => time);
    for (let i = 1; i < times.length; ++i) expect(times[i]! - times[i - 1]!).toBeCloseTo(0.5, 1);
    expect(tape.on.map(([, pitch]) => pitch)).toEqual([60, 61, 62, 83, 84]);
  });

  it('keeps its place in the bars when the tempo changes', () => {
    player.play(0);
    run(1);
    const at = player.position();
    source = { view: viewWith({ bars: 2, tempo: 60, tracks: [[...quarters.tracks[0]!.notes]] }), frontier: null };
    run(0.025);
    expect(player.position() - at).toBeLessThan(2);
  });

  it('goes round in a loop without a gap', () => {
    player.loop = { from: 0, to: 48 };
    player.play(0);
    run(2.9);
    expect(tape.on.map(([, pitch]) => pitch)).toEqual([60, 61, 60, 61, 60, 61]);
    const gaps = tape.on.slice(1).map(([time], i) => time - tape.on[i]![0]);
    for (const gap of gaps) expect(gap).toBeCloseTo(0.5, 6);
  });

  it('is silent when stopped', () => {
    player.play(0);
    run(0.3);
    player.stop();
    const given = tape.on.length;
    run(1);
    expect(tape.on).toHaveLength(given);
    expect(tape.silences).toBeGreaterThan(0);
  });
});

describe('the transform', () => {
  it('finds a sine where it is', () => {
    const size = 64;
    const real = Float32Array.from({ length: size }, (_, i) => Math.sin((2 * Math.PI * 5 * i) / size));
    const imaginary = new Float32Array(size);
    transform(real, imaginary);
    const power = Array.from(real, (r, i) => Math.hypot(r, imaginary[i]!)).slice(0, size / 2);
    expect(power.indexOf(Math.max(...power))).toBe(5);
    expect(power[5]).toBeCloseTo(size / 2, 3);
  });
});
