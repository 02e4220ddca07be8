// The one place that knows SpessaSynth: a Voice that plays a soundfont in an AudioWorklet.
import { WorkletSynthesizer } from 'spessasynth_lib';
import processorUrl from 'spessasynth_lib/dist/spessasynth_processor.min.js?url';
import type { Voice } from './voice';

const kVolume = 7;
const kFullVolume = 100;
const kExpression = 11;
// Samples are unpacked when they are first used. One key of each handful, soft, middling and loud,
// uses nearly all of them.
const kWarmKeys = Array.from({ length: 21 }, (_, i) => 36 + 3 * i);
const kWarmVelocities = [80, 60, 105];

export class SoundfontVoice implements Voice {
  private constructor(private readonly synth: WorkletSynthesizer) {}

  static async load(
    context: AudioContext, out: AudioNode, bytes: ArrayBuffer): Promise<SoundfontVoice> {
    await context.audioWorklet.addModule(processorUrl);
    const synth = new WorkletSynthesizer(context, { eventsEnabled: false });
    synth.setLogLevel(false, false, false);
    synth.connect(out);
    await synth.soundBankManager.addSoundBank(bytes, 'main');
    await synth.isReady;
    return new SoundfontVoice(synth);
  }

  noteOn(channel: number, pitch: number, velocity: number, time: number): void {
    this.require(channel);
    this.synth.noteOn(channel, pitch, velocity, { time });
  }

  noteOff(channel: number, pitch: number, time: number): void {
    this.require(channel);
    this.synth.noteOff(channel, pitch, { time });
  }

  program(channel: number, program: number, drums: boolean): void {
    this.require(channel);
    if (drums !== (channel % 16 === 9)) this.synth.midiChannels[channel]!.setDrums(drums);
    this.synth.programChange(channel, program);
  }

  volume(channel: number, level: number): void {
    this.require(channel);
    this.synth.controllerChange(channel, kVolume, Math.round(level * kFullVolume));
  }

  silence(): void {
    this.synth.stopAll(false);
  }

  warm(channel: number): void {
    this.require(channel);
    this.synth.controllerChange(channel, kExpression, 0);
    for (const velocity of kWarmVelocities) {
      for (const key of kWarmKeys) this.synth.noteOn(channel, key, velocity);
    }
    this.synth.stopAll(true);
    this.synth.controllerChange(channel, kExpression, 127);
  }

  private require(channel: number): void {
    while (this.synth.channelCount <= channel) this.synth.addNewChannel();
  }
}
