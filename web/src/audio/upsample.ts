// Sound at one rate made into sound at a higher one, part by part: the parts that come out join
// without a seam, whatever the parts that go in. One channel; windowed sinc.

const kHalf = 16;     // samples on each side that a new one is made of
const kPhases = 256;  // between two samples; in between it is drawn straight

let kernel: Float32Array | null = null;  // (kPhases + 1, 2 * kHalf)

function table(): Float32Array {
  if (kernel) return kernel;
  kernel = new Float32Array((kPhases + 1) * 2 * kHalf);
  for (let phase = 0; phase <= kPhases; ++phase) {
    const row = kernel.subarray(phase * 2 * kHalf, (phase + 1) * 2 * kHalf);
    let sum = 0;
    row.forEach((_, tap) => {
      const x = tap - (kHalf - 1) - phase / kPhases;
      const sinc = Math.abs(x) < 1e-9 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
      row[tap] = sinc * Math.max(0, 0.5 + 0.5 * Math.cos((Math.PI * x) / (kHalf + 1)));
      sum += row[tap]!;
    });
    row.forEach((value, tap) => { row[tap] = value / sum; });
  }
  return kernel;
}

export class Upsampler {
  private kept = new Float32Array(kHalf - 1);  // silence before the beginning
  private keptFrom = -(kHalf - 1);             // the sample that kept[0] is
  private next = 0;                            // of the samples that come out

  constructor(readonly from: number, readonly to: number) {}

  // What can be made now; the last of it wants samples that are still to come. `last`: none are.
  push(samples: Float32Array, last = false): Float32Array {
    const tail = last ? kHalf : 0;
    const all = new Float32Array(this.kept.length + samples.length + tail);
    all.set(this.kept);
    all.set(samples, this.kept.length);
    const ratio = this.from / this.to;
    const known = this.keptFrom + all.length - kHalf;  // positions before this can be made
    const count = Math.max(0, Math.ceil(known / ratio) - this.next);
    const out = new Float32Array(count);
    const taps = table();
    for (let i = 0; i < count; ++i) {
      const at = (this.next + i) * ratio;
      const whole = Math.floor(at);
      const phase = (at - whole) * kPhases;
      const row = Math.floor(phase);
      const share = phase - row;
      const begin = whole - (kHalf - 1) - this.keptFrom;
      let sum = 0;
      for (let tap = 0; tap < 2 * kHalf; ++tap) {
        const a = taps[row * 2 * kHalf + tap]!;
        const b = taps[(row + 1) * 2 * kHalf + tap] ?? a;
        sum += all[begin + tap]! * (a + share * (b - a));
      }
      out[i] = sum;
    }
    this.next += count;
    const keepFrom = Math.max(0, Math.floor(this.next * ratio) - (kHalf - 1) - this.keptFrom);
    this.kept = all.slice(keepFrom);
    this.keptFrom += keepFrom;
    return out;
  }
}
