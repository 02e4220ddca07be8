// The one place that knows SpessaSynth: a Voice that plays a soundfont in an AudioWorklet.
import { WorkletSynthesizer } from 'spessasynth_lib';
import processorUrl from 'spessasynth_lib/dist/spessasynth_processor.min.js?url';
import type { Voice } from './voice';

const kVolume = 7;
const kFullVolume = 100;

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

  private require(channel: number): void {
    while (this.synth.channelCount <= channel) this.synth.addNewChannel();
  }
}
