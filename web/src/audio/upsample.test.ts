import { expect, test } from 'vitest';
import { Upsampler } from './upsample';

const tone = (rate: number, count: number, hertz: number) =>
  Float32Array.from({ length: count }, (_, i) => Math.sin((2 * Math.PI * hertz * i) / rate));

for (const to of [48000, 44100, 16000]) {
  test(`a tone stays the tone at ${to} Hz, in whatever parts it comes`, () => {
    const sound = tone(16000, 16000, 440);
    const upsampler = new Upsampler(16000, to);
    const parts: number[] = [];
    for (let at = 0, size = 1; at < sound.length; at += size, size = (size * 7) % 1009 + 1) {
      const end = Math.min(sound.length, at + size);
      parts.push(...upsampler.push(sound.subarray(at, end), end === sound.length));
    }
    expect(parts.length).toBe(to);
    const whole = tone(to, to, 440);
    let worst = 0;
    for (let i = 200; i < to - 200; ++i) worst = Math.max(worst, Math.abs(parts[i]! - whole[i]!));
    expect(worst).toBeLessThan(2e-3);
  });
}
