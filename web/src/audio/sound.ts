// The page's one AudioContext and the voice that plays in it. Tracks are given channels here.
import type { Track } from '../api/types';
import { fetchSoundfont, type SoundfontSource } from './soundfont_cache';
import { PlainVoice, type Voice } from './voice';

const kDrumChannel = 9;
const kPiano = '0 false';
const kSilentMs = 4000;

export type SoundfontState =
  { state: 'waiting' | 'ready' | 'failed' } | { state: 'loading'; share: number };

// Drums share one channel; the others follow each other around it.
export function channelOf(track: number, isDrum: boolean): number {
  if (isDrum) return kDrumChannel;
  return track < kDrumChannel ? track : track + 1;
}

export class Sound {
  readonly context = new AudioContext({ latencyHint: 'interactive' });
  readonly out: GainNode;
  private voice: Voice;
  private readonly programs = new Map<number, string>();
  private readonly levels = new Map<number, number>();
  private readonly warmed = new Set<string>();
  private loading: Promise<void> | null = null;
  state: SoundfontState = { state: 'waiting' };
  onState: (state: SoundfontState) => void = () => {};
  onSilent: () => void = () => {};  // the browser has nothing to sound with
  busy: () => boolean = () => false;

  constructor() {
    this.out = this.context.createGain();
    this.out.gain.value = 0.9;
    this.out.connect(this.context.destination);
    this.voice = new PlainVoice(this.context, this.out);
  }

  get now(): number {
    return this.context.currentTime;
  }

  // Browsers let sound begin only after the person has done something; call this from there.
  async wake(): Promise<void> {
    if (this.context.state === 'running') return;
    const timer = setTimeout(() => this.onSilent(), kSilentMs);
    await this.context.resume();
    clearTimeout(timer);
  }

  load(source: SoundfontSource): Promise<void> {
    this.loading ??= this.fetchAndLoad(source);
    return this.loading;
  }

  private async fetchAndLoad(source: SoundfontSource): Promise<void> {
    this.report({ state: 'loading', share: 0 });
    try {
      const [bytes, { SoundfontVoice }] = await Promise.all([
        fetchSoundfont(source, (share) => this.report({ state: 'loading', share: share * 0.95 })),
        import('./soundfont_voice'),
      ]);
      const voice = await SoundfontVoice.load(this.context, this.out, bytes);
      for (const [channel, key] of this.programs) {
        const [program, drums] = key.split(' ');
        voice.program(channel, Number(program), drums === 'true');
      }
      for (const [channel, level] of this.levels) voice.volume(channel, level);
      this.voice.silence();
      this.voice = voice;
      this.report({ state: 'ready' });
      // Most music here begins on the piano.
      if (this.programs.size === 0) this.programs.set(0, kPiano);
      this.warm();
    } catch (error) {
      console.warn('The soundfont could not be loaded; a plain voice plays instead.', error);
      this.loading = null;
      this.report({ state: 'failed' });
    }
  }

  // Makes all instruments in use ready to begin at once. It takes the voice a moment: not while
  // something sounds.
  warm(): void {
    if (this.state.state !== 'ready' || this.busy()) return;
    for (const [channel, key] of this.programs) {
      if (this.warmed.has(key)) continue;
      this.warmed.add(key);
      this.voice.warm(channel);
    }
  }

  noteOn(channel: number, pitch: number, velocity: number, time = this.now): void {
    this.voice.noteOn(channel, pitch, velocity, time);
  }

  noteOff(channel: number, pitch: number, time = this.now): void {
    this.voice.noteOff(channel, pitch, time);
  }

  silence(): void {
    this.voice.silence();
  }

  // Sets instruments and levels; cheap when nothing changed.
  arrange(tracks: readonly Track[], levelOf: (track: number) => number): void {
    tracks.forEach((track, index) => {
      const channel = channelOf(index, track.is_drum);
      const key = `${track.program} ${track.is_drum}`;
      if (this.programs.get(channel) !== key) {
        this.programs.set(channel, key);
        this.voice.program(channel, track.program, track.is_drum);
      }
      const level = levelOf(index);
      if (this.levels.get(channel) !== level) {
        this.levels.set(channel, level);
        this.voice.volume(channel, level);
      }
    });
  }

  // One short note, to hear what is being drawn, typed or pressed.
  audition(channel: number, pitch: number, velocity = 90, seconds = 0.3): void {
    void this.wake();
    const at = this.now + 0.005;
    this.noteOn(channel, pitch, velocity, at);
    this.noteOff(channel, pitch, at + seconds);
  }

  private report(state: SoundfontState): void {
    this.state = state;
    this.onState(state);
  }
}
