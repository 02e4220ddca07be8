// Pictures of sound: the loudest sample of equal stretches, and a spectrogram.

type Samples = Pick<AudioBuffer, 'sampleRate' | 'getChannelData'>;

export function peaksOf(buffer: Samples, count: number): number[] {
  const samples = buffer.getChannelData(0);
  const step = samples.length / count;
  return Array.from({ length: count }, (_, i) => {
    let peak = 0;
    const end = Math.min(samples.length, Math.ceil((i + 1) * step));
    for (let at = Math.floor(i * step); at < end; ++at) peak = Math.max(peak, Math.abs(samples[at]!));
    return peak;
  });
}

export interface Spectrogram {
  columns: number;
  rows: number;      // the lowest frequency first
  level: Float32Array;  // columns * rows, 0 to 1 over 80 dB
}

const kSize = 2048;

// Rows lie evenly in pitch from 55 Hz to 8 kHz, as on a keyboard.
export function spectrogramOf(buffer: Samples, columns: number, rows: number): Spectrogram {
  const samples = buffer.getChannelData(0);
  const level = new Float32Array(columns * rows);
  const real = new Float32Array(kSize);
  const imaginary = new Float32Array(kSize);
  const hop = Math.max(1, (samples.length - kSize) / Math.max(1, columns - 1));
  const binOf = (row: number) =>
    (55 * (8000 / 55) ** (row / (rows - 1)) * kSize) / buffer.sampleRate;
  for (let column = 0; column < columns; ++column) {
    const start = Math.floor(column * hop);
    for (let i = 0; i < kSize; ++i) {
      const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / kSize);
      real[i] = (samples[start + i] ?? 0) * window;
      imaginary[i] = 0;
    }
    transform(real, imaginary);
    for (let row = 0; row < rows; ++row) {
      const from = Math.floor(binOf(row));
      const to = Math.max(from + 1, Math.floor(binOf(row + 1)));
      let power = 0;
      for (let bin = from; bin < Math.min(to, kSize / 2); ++bin) {
        power = Math.max(power, real[bin]! ** 2 + imaginary[bin]! ** 2);
      }
      const decibels = 10 * Math.log10(power / (kSize / 4) ** 2 + 1e-12);
      level[column * rows + row] = Math.min(1, Math.max(0, (decibels + 80) / 80));
    }
  }
  return { columns, rows, level };
}

// In place, radix 2.
export function transform(real: Float32Array, imaginary: Float32Array): void {
  const size = real.length;
  for (let i = 1, j = 0; i < size; ++i) {
    let bit = size >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [real[i], real[j]] = [real[j]!, real[i]!];
      [imaginary[i], imaginary[j]] = [imaginary[j]!, imaginary[i]!];
    }
  }
  for (let length = 2; length <= size; length <<= 1) {
    const angle = (-2 * Math.PI) / length;
    for (let start = 0; start < size; start += length) {
      for (let k = 0; k < length / 2; ++k) {
        const [wr, wi] = [Math.cos(angle * k), Math.sin(angle * k)];
        const a = start + k;
        const b = a + length / 2;
        const tr = real[b]! * wr - imaginary[b]! * wi;
        const ti = real[b]! * wi + imaginary[b]! * wr;
        real[b] = real[a]! - tr;
        imaginary[b] = imaginary[a]! - ti;
        real[a] = real[a]! + tr;
        imaginary[a] = imaginary[a]! + ti;
      }
    }
  }
}
