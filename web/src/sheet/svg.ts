// Takes engraved pages into the document. The page's security policy knows no styles inside of it,
// so what the engraver writes as styles is left to the stylesheet.
import type { View } from '../api/types';
import { kTicksPerQuarter } from '../music/timeline';

export interface Moment {
  tick: number;
  ids: string[];
}

// Notes inside of text stand at places that only music fonts know.
const kTextNotes: Record<string, string> = {
  '\uECA2': '𝅝', '\uECA3': '𝅗𝅥', '\uECA5': '♩', '\uECA7': '♪', '\uECB7': '.',
};

export function adopt(svg: string): Element {
  const plain = svg
    .replace(/<style[\s\S]*?<\/style>/g, '')
    .replace(/ style="[^"]*"/g, '')
    .replace(/[\uECA2-\uECB7]/g, (sign) => kTextNotes[sign] ?? '')
    .replace(/&#xE(CA[2357]|CB7);/gi, (_, code: string) =>
      kTextNotes[String.fromCharCode(Number.parseInt(`E${code}`, 16))] ?? '');
  const parsed = new DOMParser().parseFromString(plain, 'image/svg+xml');
  const root = document.importNode(parsed.documentElement, true);
  root.setAttribute('aria-hidden', 'true');
  root.classList.add('sheet-page');
  return root;
}

// The engraver counts in seconds of the written tempo; the player in ticks.
export function noteTicks(times: readonly { seconds: number; ids: string[] }[], view: View): Moment[] {
  let seconds = 0;
  const starts = view.bars.map((bar, i) => {
    const at = { seconds, tick: bar.start, perTick: 60 / (bar.tempo * kTicksPerQuarter) };
    const silent = i === 0 && view.has_upbeat ? view.unwritten_rest : 0;
    seconds += (bar.length - silent) * at.perTick;
    return silent > 0 ? { ...at, tick: bar.start + silent } : at;
  });
  return times.map(({ seconds: when, ids }) => {
    const bar = starts.findLast((start) => start.seconds <= when + 1e-6) ?? starts[0]!;
    return { tick: bar.tick + (when - bar.seconds) / bar.perTick, ids };
  });
}
