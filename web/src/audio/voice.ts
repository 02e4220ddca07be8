// What makes a sound: the soundfont synthesizer, and a plain voice of oscillators that stands in
// while the soundfont is still on its way.

export interface Voice {
  noteOn(channel: number, pitch: number, velocity: number, time: number): void;
  noteOff(channel: number, pitch: number, time: number): void;
  program(channel: number, program: number, drums: boolean): void;
  volume(channel: number, level: number): void;  // 0 to 1
  silence(): void;
  warm(channel: number): void;  // makes the channel's instrument ready, so that it begins at once
}

interface Sounding {
  oscillator: OscillatorNode | AudioBufferSourceNode;
  gain: GainNode;
}

const kRelease = 0.12;

export class PlainVoice implements Voice {
  private readonly sounding = new Map<number, Sounding>();
  private readonly levels = new Map<number, number>();
  private readonly drums = new Set<number>();
  private noise: AudioBuffer | null = null;

  constructor(private readonly context: AudioContext, private readonly out: AudioNode) {}

  noteOn(channel: number, pitch: number, velocity: number, time: number): void {
    this.noteOff(channel, pitch, time);
    const at = Math.max(time, this.context.currentTime);
    const level = (velocity / 127) ** 1.5 * 0.16 * (this.levels.get(channel) ?? 1);
    const gain = this.context.createGain();
    gain.connect(this.out);
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(level, at + 0.006);
    const drums = this.drums.has(channel);
    gain.gain.exponentialRampToValueAtTime(Math.max(level * 0.02, 1e-5), at + (drums ? 0.15 : 2.5));
    const oscillator = drums ? this.noiseSource() : this.tone(pitch);
    oscillator.connect(gain);
    oscillator.start(at);
    oscillator.stop(at + (drums ? 0.2 : 4));
    oscillator.onended = () => gain.disconnect();
    this.sounding.set(channel * 128 + pitch, { oscillator, gain });
  }

  noteOff(channel: number, pitch: number, time: number): void {
    const key = channel * 128 + pitch;
    const note = this.sounding.get(key);
    if (!note) return;
    this.sounding.delete(key);
    const at = Math.max(time, this.context.currentTime);
    note.gain.gain.setTargetAtTime(0, at, kRelease / 3);
    note.oscillator.stop(at + kRelease * 2);
  }

  program(channel: number, _program: number, drums: boolean): void {
    if (drums) this.drums.add(channel);
    else this.drums.delete(channel);
  }

  volume(channel: number, level: number): void {
    this.levels.set(channel, level);
  }

  silence(): void {
    for (const key of [...this.sounding.keys()]) this.noteOff(key >> 7, key & 127, 0);
  }

  warm(): void {}

  private tone(pitch: number): OscillatorNode {
    const oscillator = this.context.createOscillator();
    oscillator.type = 'triangle';
    oscillator.frequency.value = 440 * 2 ** ((pitch - 69) / 12);
    return oscillator;
  }

  private noiseSource(): AudioBufferSourceNode {
    if (!this.noise) {
      const { sampleRate } = this.context;
      this.noise = this.context.createBuffer(1, sampleRate / 4, sampleRate);
      const samples = this.noise.getChannelData(0);
      for (let i = 0; i < samples.length; ++i) samples[i] = Math.random() * 2 - 1;
    }
    const source = this.context.createBufferSource();
    source.buffer = this.noise;
    return source;
  }
}
