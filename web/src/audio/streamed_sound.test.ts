import { beforeEach, expect, test, vi } from 'vitest';
import { StreamedSound } from './streamed_sound';

// A context whose clock is the test's; it notes what was asked to sound, and when.
class FakeContext {
  readonly sampleRate = 16000;
  currentTime = 10;
  heard: { at: number; skip: number; length: number; stopped: boolean }[] = [];

  createBuffer(_channels: number, length: number) {
    return { length, copyToChannel: () => {} };
  }
  createBufferSource() {
    const entry = { at: 0, skip: 0, length: 0, stopped: false };
    return {
      buffer: null as { length: number } | null,
      connect: () => {},
      start(at: number, skip: number) {
        Object.assign(entry, { at, skip, length: this.buffer!.length });
        context.heard.push(entry);
      },
      stop: () => { entry.stopped = true; },
    };
  }
}

let context: FakeContext;
let sound: StreamedSound;
const part = (start: number, count: number, prompt = 0) => ({
  start, of: 64000, prompt, sample_rate: 16000, pcm: btoa(String.fromCharCode(...new Uint8Array(2 * count).fill(32))),
});
const pass = (seconds: number) => {
  context.currentTime += seconds;
  vi.advanceTimersByTime(seconds * 1000);
};

beforeEach(() => {
  vi.useFakeTimers();
  context = new FakeContext();
  sound = new StreamedSound(context as unknown as AudioContext, {} as AudioNode);
});

test('it sounds from its first part on, without gaps', () => {
  sound.play();
  expect(context.heard).toEqual([]);
  for (let start = 0; start < 16000; start += 8000) sound.push(part(start, 8000));
  const [first, second] = context.heard;
  expect(first!.at - 10).toBeLessThan(0.06);
  expect(second!.at - first!.at).toBeCloseTo(first!.length / 16000, 9);
  pass(0.55);
  expect(sound.position).toBeCloseTo(0.5, 2);
  expect(sound.length).toBe(4);
});

test('it waits where it has caught up, and goes on there', () => {
  sound.play();
  sound.push(part(0, 8000));
  pass(1);
  expect(sound.playing).toBe(true);
  const waiting = sound.position;
  pass(5);
  expect(sound.position).toBe(waiting);
  sound.push(part(8000, 8000));   // not enough to go on with
  expect(context.heard).toHaveLength(1);
  sound.push(part(16000, 8000));
  expect(context.heard.length).toBeGreaterThan(1);
  pass(0.15);
  expect(sound.position - waiting).toBeCloseTo(0.1, 2);
});

test('a prompt is heard for its last two seconds only', () => {
  sound.play();
  sound.push(part(0, 32000, 48000));
  expect(sound.position).toBeCloseTo(1, 3);
});

test('paused, moved, ended, and begun again', () => {
  sound.play();
  sound.push(part(0, 32000));
  sound.end();
  expect(sound.length).toBe(2);
  expect(sound.peaks.length).toBe(240);
  pass(0.55);
  sound.pause();
  expect(context.heard.at(-1)!.stopped).toBe(true);
  sound.seek(1.5);
  expect(sound.playing).toBe(false);
  sound.play();
  expect(context.heard.at(-2)!.skip).toBeGreaterThan(0);
  pass(1);
  expect(sound.playing).toBe(false);
  sound.play();
  expect(sound.position).toBe(0);
  sound.push(part(32000, 8000));  // too late
  expect(sound.length).toBe(2);
});
