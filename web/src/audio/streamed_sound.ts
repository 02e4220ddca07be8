// A sound that is played while it is still being made. Its parts come one after the other; where
// playing has caught up with them it waits for more. Time is in seconds of the sound.
import type { Clip } from './clip';
import { Upsampler } from './upsample';

const kLead = 0.05;
const kEnough = 0.75;  // to go on with, after waiting
const kLeadIn = 2;     // of the prompt, before what is new
export const kPeakCount = 480;

export interface SoundPart {
  start: number;  // samples
  of: number;
  prompt: number;
  sample_rate: number;
  pcm: string;    // base64 of 16 bits a sample
}

interface Part {
  from: number;  // of the samples as they are played
  buffer: AudioBuffer;
}

export class StreamedSound implements Clip {
  onState: () => void = () => {};
  length = 0;      // once it is whole
  promptEnd = 0;   // what is new begins here
  readonly peaks: number[] = new Array<number>(kPeakCount).fill(0);

  private heard = new Float32Array(0);  // as it comes, of the whole length
  private rate = 0;
  private wanted = false;  // the person wants to hear it
  private anchor: { time: number; from: number } | null = null;  // while it sounds
  private rest = 0;        // sample where it goes on
  private parts: Part[] = [];
  private made = 0;        // samples as they are played
  private told = 0;        // samples as they come
  private begun = false;
  private ended = false;
  private nodes: AudioBufferSourceNode[] = [];
  private upsampler: Upsampler | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly context: AudioContext, private readonly out: AudioNode) {}

  get playing(): boolean {
    return this.wanted;
  }

  get position(): number {
    return this.sample() / this.context.sampleRate;
  }

  // How much of it is there.
  get arrived(): number {
    return this.made / this.context.sampleRate;
  }

  // For a picture of it: silence where nothing has come yet.
  get picture(): Pick<AudioBuffer, 'sampleRate' | 'getChannelData'> | null {
    return this.rate > 0 ? { sampleRate: this.rate, getChannelData: () => this.heard } : null;
  }

  // The next part; one that does not follow on the others is left out, and those after it.
  push(part: SoundPart): void {
    if (part.start !== this.told || this.ended) return;
    const samples = samplesOf(part.pcm);
    this.upsampler ??= new Upsampler(part.sample_rate, this.context.sampleRate);
    if (this.heard.length !== part.of) this.heard = new Float32Array(part.of);
    this.heard.set(samples.subarray(0, part.of - this.told), this.told);
    this.rate = part.sample_rate;
    this.length = part.of / part.sample_rate;
    this.promptEnd = part.prompt / part.sample_rate;
    samples.forEach((sample, i) => {
      const bar = Math.min(kPeakCount - 1, Math.floor(((this.told + i) / part.of) * kPeakCount));
      this.peaks[bar] = Math.max(this.peaks[bar]!, Math.abs(sample));
    });
    this.told += samples.length;
    if (!this.begun && this.rest === 0) {
      this.rest = Math.round(Math.max(0, this.promptEnd - kLeadIn) * this.context.sampleRate);
    }
    this.add(this.upsampler.push(samples));
  }

  // The work begins anew.
  clear(): void {
    this.silence();
    this.parts = [];
    this.made = this.told = this.rest = 0;
    this.upsampler = null;
    this.heard.fill(0);
    this.begun = false;
    this.peaks.fill(0);
    this.onState();
  }

  // No more will come.
  end(): void {
    if (this.ended) return;
    this.ended = true;
    if (this.upsampler) this.add(this.upsampler.push(new Float32Array(0), true));
    this.heard = this.heard.slice(0, this.told);
    if (this.length > 0) this.peaks.length = Math.max(1, Math.round((kPeakCount * this.arrived) / this.length));
    this.length = this.arrived;
    this.goOn();
  }

  play(): void {
    if (this.wanted) return;
    this.wanted = true;
    if (this.ended && this.rest >= this.made) this.rest = 0;
    this.goOn();
    this.onState();
  }

  pause(): void {
    if (!this.wanted) return;
    this.rest = this.sample();
    this.silence();
    this.wanted = false;
    this.onState();
  }

  seek(seconds: number): void {
    this.rest = Math.round(Math.max(0, Math.min(seconds, this.arrived)) * this.context.sampleRate);
    this.silence();
    this.goOn();
    this.onState();
  }

  private sample(): number {
    if (!this.anchor) return this.rest;
    const passed = Math.max(0, this.context.currentTime - this.anchor.time) * this.context.sampleRate;
    return Math.min(this.made, Math.round(this.anchor.from + passed));
  }

  private add(samples: Float32Array): void {
    if (samples.length === 0) return;
    const buffer = this.context.createBuffer(1, samples.length, this.context.sampleRate);
    buffer.copyToChannel(samples as Float32Array<ArrayBuffer>, 0);
    const part = { from: this.made, buffer };
    this.parts.push(part);
    this.made += samples.length;
    if (this.anchor) {
      this.schedule(part);
      this.watch();
    } else {
      this.goOn();
    }
  }

  // Begins to sound, if that is wanted and there is something to begin with.
  private goOn(): void {
    if (!this.wanted || this.anchor) return;
    const left = this.made - this.rest;
    const enough = this.begun ? kEnough * this.context.sampleRate : 1;
    if (this.ended ? left <= 0 : left < enough) {
      if (this.ended) this.finish();
      return;
    }
    const { sampleRate } = this.context;
    // On a sample of the clock, so that nothing has to be drawn between samples.
    const time = Math.ceil((this.context.currentTime + kLead) * sampleRate) / sampleRate;
    this.anchor = { time, from: this.rest };
    this.begun = true;
    for (const part of this.parts) this.schedule(part);
    this.watch();
  }

  private schedule({ from, buffer }: Part): void {
    const { time, from: start } = this.anchor!;
    if (from + buffer.length <= start) return;
    const { sampleRate } = this.context;
    const begin = time + (from - start) / sampleRate;
    const skip = Math.max(0, start - from) / sampleRate;
    const late = Math.max(0, this.context.currentTime - (begin + skip));
    const node = this.context.createBufferSource();
    node.buffer = buffer;
    node.connect(this.out);
    node.start(begin + skip + late, skip + late);
    node.onended = () => { this.nodes = this.nodes.filter((other) => other !== node); };
    this.nodes.push(node);
  }

  // Looks again when what is there has sounded.
  private watch(): void {
    if (this.timer) clearTimeout(this.timer);
    const { time, from } = this.anchor!;
    const end = time + (this.made - from) / this.context.sampleRate;
    this.timer = setTimeout(() => this.caughtUp(), Math.max(0, (end - this.context.currentTime) * 1000 - 5));
  }

  private caughtUp(): void {
    this.timer = null;
    if (!this.anchor) return;
    if (this.sample() < this.made - this.context.sampleRate * 0.01) {
      this.watch();
      return;
    }
    this.rest = this.made;
    this.anchor = null;
    if (this.ended) this.finish();
    else this.onState();
  }

  private finish(): void {
    this.rest = this.made;
    this.wanted = false;
    this.onState();
  }

  private silence(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    this.anchor = null;
    for (const node of this.nodes) node.stop();
    this.nodes = [];
  }
}

function samplesOf(pcm: string): Float32Array {
  const text = atob(pcm);
  const samples = new Float32Array(text.length >> 1);
  for (let i = 0; i < samples.length; ++i) {
    const value = text.charCodeAt(2 * i) | (text.charCodeAt(2 * i + 1) << 8);
    samples[i] = (value >= 0x8000 ? value - 0x10000 : value) / 0x8000;
  }
  return samples;
}
