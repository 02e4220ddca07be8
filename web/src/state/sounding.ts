// The page's sound: one context, one player, and what the buttons do with them.
import type { Clip } from '../audio/clip';
import { Player } from '../audio/player';
import { channelOf, Sound } from '../audio/sound';
import { emptyView, firstTick } from '../music/timeline';
import { t } from '../texts';
import { get, notify, set, watch, type TrackMix } from './store';

const kNothing = emptyView();

export const sound = new Sound();
export const player = new Player(sound, () => {
  const { view, writing } = get();
  return { view: view ?? kNothing, frontier: writing ? writing.frontier : null };
});

export const kPlainMix: TrackMix = { mute: false, solo: false, volume: 1 };

export function mixOf(mix: readonly TrackMix[], track: number): TrackMix {
  return mix[track] ?? kPlainMix;
}

export function levelOf(mix: readonly TrackMix[], track: number): number {
  const soloed = mix.some((entry) => entry?.solo);
  const own = mixOf(mix, track);
  return own.mute || (soloed && !own.solo) ? 0 : own.volume;
}

export function changeMix(track: number, change: Partial<TrackMix>): void {
  const mix = [...get().mix];
  while (mix.length <= track) mix.push(kPlainMix);
  mix[track] = { ...mix[track]!, ...change };
  set({ mix });
}

export function arrange(): void {
  const { view, mix } = get();
  if (!view) return;
  sound.arrange(view.tracks, (track) => levelOf(mix, track));
  sound.warm();
}

export function togglePlay(): void {
  void sound.wake();
  if (player.playing) player.stop();
  else player.play();
}

// The sound, of those that are shown, that was heard last. One thing sounds at a time.
let clip: Clip | null = null;

export function playClip(chosen: Clip): void {
  void sound.wake();
  player.stop();
  if (clip !== chosen) clip?.pause();
  clip = chosen;
  chosen.play();
}

export function toggleClip(chosen: Clip): void {
  if (chosen.playing) chosen.pause();
  else playClip(chosen);
}

export function showClip(shown: Clip): () => void {
  clip ??= shown;
  return () => {
    shown.pause();
    if (clip === shown) clip = null;
  };
}

// What the space bar does: in the wave view it is about the sound that is shown there.
export function togglePlayShown(): void {
  if (get().tab === 'wave' && clip) toggleClip(clip);
  else togglePlay();
}

export function toStart(): void {
  const { view } = get();
  player.seek(view ? firstTick(view) : 0);
}

export function toggleLoop(): void {
  set({ looping: !get().looping });
}

export function auditionOnTrack(track: number, pitch: number, velocity = 90): void {
  const { view } = get();
  sound.audition(channelOf(track, view?.tracks[track]?.is_drum ?? false), pitch, velocity);
}

// Keeps the sound in step with the state.
export function connectSound(): void {
  sound.busy = () => player.playing;
  sound.onState = (soundfont) => set({ soundfont });
  let told = false;
  sound.onSilent = () => {
    if (!told) notify(t.sound.silent, 'error');
    told = true;
  };
  player.onState = () => {
    if (player.playing) clip?.pause();
    set({ playing: player.state });
  };
  let last = get();
  watch(() => {
    const now = get();
    if (now.view?.tracks !== last.view?.tracks || now.mix !== last.mix) arrange();
    if (now.bars !== last.bars || now.looping !== last.looping || now.view !== last.view) {
      const bars = now.looping && now.view && now.bars ? now.bars : null;
      const [first, final] = [bars && now.view!.bars[bars.first], bars && now.view!.bars[bars.last]];
      player.loop = first && final ? { from: first.start, to: final.start + final.length } : null;
    }
    last = now;
  });
}
