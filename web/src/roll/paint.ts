// Draws the roll: rows, grid, notes, ruler and keys. Nothing here remembers anything; what moves
// all the time (play cursor, what is being dragged) is drawn on a layer of its own.
import type { Note, Novelty, View } from '../api/types';
import { visitNotes } from '../music/note_index';
import {
  chordName, isBlackKey, keyName, noteKey, pitchName, writtenWithFlats, type NoteKey,
} from '../music/notes';
import { barEnd, barIndexAt, beatLength } from '../music/timeline';
import type { BarRange } from '../state/store';
import { colourOf, patternOf, type Colours } from './colours';
import {
  gridStep, kKeysWidth, kNoveltyTop, kRulerHeight, tickOf, ticksShown, xOf, yOf, type Viewport,
} from './geometry';

export interface Scene {
  view: View;
  other: View | null;  // laid over, to compare
  selection: ReadonlySet<NoteKey>;
  bars: BarRange | null;
  track: number;
  quiet: (track: number) => boolean;  // muted
  novelty: Novelty | null;
  fresh: { from: number; to: number } | null;  // ticks that were written last
  phrases: readonly number[];
  hidden: ReadonlySet<NoteKey>;  // notes that are being dragged
}

type Ctx = CanvasRenderingContext2D;

export function paint(ctx: Ctx, v: Viewport, scene: Scene, c: Colours, font: string): void {
  ctx.fillStyle = c.surface;
  ctx.fillRect(0, 0, v.width, v.height);
  ctx.save();
  ctx.beginPath();
  ctx.rect(kKeysWidth, kRulerHeight, v.width - kKeysWidth, v.height - kRulerHeight);
  ctx.clip();
  rows(ctx, v, c);
  ranges(ctx, v, scene, c);
  grid(ctx, v, scene.view, c);
  notes(ctx, v, scene, c, font);
  ctx.restore();
  ruler(ctx, v, scene, c, font);
  keys(ctx, v, c, font);
}

function rows(ctx: Ctx, v: Viewport, c: Colours): void {
  const bottom = v.pitch - (v.height - kRulerHeight) / v.perPitch;
  for (let pitch = Math.max(0, Math.floor(bottom)); pitch <= Math.min(127, v.pitch); ++pitch) {
    const y = yOf(v, pitch);
    if (isBlackKey(pitch)) {
      ctx.fillStyle = c.row;
      ctx.fillRect(kKeysWidth, y, v.width, v.perPitch);
    }
    if (pitch % 12 === 0) {
      ctx.fillStyle = c.rowC;
      ctx.fillRect(kKeysWidth, Math.round(y + v.perPitch) - 1, v.width, 1);
    }
  }
}

function ranges(ctx: Ctx, v: Viewport, scene: Scene, c: Colours): void {
  if (scene.fresh) {
    const x = xOf(v, scene.fresh.from);
    const end = Math.min(xOf(v, Math.min(scene.fresh.to, barEnd(scene.view))), v.width);
    if (end > x) {
      ctx.fillStyle = c.fresh;
      ctx.fillRect(x, kRulerHeight, end - x, v.height);
    }
  }
  const selected = scene.bars && spanOf(scene.view, scene.bars);
  if (selected) {
    ctx.fillStyle = c.selection;
    ctx.fillRect(xOf(v, selected[0]), kRulerHeight, (selected[1] - selected[0]) * v.perTick, v.height);
  }
}

export function spanOf(view: View, range: BarRange): [number, number] | null {
  const first = view.bars[range.first];
  const last = view.bars[Math.min(range.last, view.bars.length - 1)];
  return first && last ? [first.start, last.start + last.length] : null;
}

function grid(ctx: Ctx, v: Viewport, view: View, c: Colours): void {
  const step = gridStep(v);
  const from = Math.max(0, v.tick);
  const to = v.tick + ticksShown(v);
  const { bars } = view;
  for (let i = barIndexAt(bars, from); i < bars.length && bars[i]!.start <= to; ++i) {
    const bar = bars[i]!;
    const beat = beatLength(bar.metre);
    const fine = step > 0 && step < beat ? step : beat;
    if (fine * v.perTick >= 9) {
      for (let tick = fine; tick < bar.length; tick += fine) {
        ctx.globalAlpha = tick % beat === 0 ? 1 : 0.45;
        ctx.fillStyle = c.line;
        ctx.fillRect(Math.round(xOf(v, bar.start + tick)), kRulerHeight, 1, v.height);
      }
      ctx.globalAlpha = 1;
    }
    if (bar.length * v.perTick >= 5 || i % 4 === 0) {
      ctx.fillStyle = c.lineStrong;
      ctx.fillRect(Math.round(xOf(v, bar.start)), kRulerHeight, 1, v.height);
    }
  }
  const end = xOf(v, barEnd(view));
  if (end < v.width) {
    ctx.fillStyle = c.lineStrong;
    ctx.fillRect(Math.round(end), kRulerHeight, 1, v.height);
    ctx.globalAlpha = 0.5;
    ctx.fillStyle = c.row;
    ctx.fillRect(end + 1, kRulerHeight, v.width - end, v.height);
    ctx.globalAlpha = 1;
  }
}

function notes(ctx: Ctx, v: Viewport, scene: Scene, c: Colours, font: string): void {
  const from = tickOf(v, kKeysWidth);
  const to = from + ticksShown(v);
  if (scene.other) {
    ctx.lineWidth = 1.25;
    ctx.strokeStyle = c.ghost;
    const shared = new Set<string>();
    visitNotes(scene.view, Math.floor(from), Math.ceil(to), (track, note) => {
      shared.add(`${noteKey(track, note)}:${note[1]}`);
    });
    visitNotes(scene.other, Math.floor(from), Math.ceil(to), (track, note) => {
      if (shared.has(`${noteKey(track, note)}:${note[1]}`)) return;
      const [x, y, w, h] = boxOf(v, note);
      rounded(ctx, x + 0.5, y + 0.5, Math.max(1, w - 1), Math.max(1, h - 1));
      ctx.stroke();
    });
  }
  const keyed = scene.hidden.size > 0 || scene.selection.size > 0;
  const quiet = scene.view.tracks.map((_, track) => scene.quiet(track));
  const named = v.perPitch >= 13;
  const flats = writtenWithFlats(scene.view.bars[0]?.key ?? null);
  ctx.font = `500 ${Math.min(11, Math.round(v.perPitch * 0.62))}px ${font}`;
  ctx.textBaseline = 'middle';
  visitNotes(scene.view, Math.floor(from), Math.ceil(to), (track, note) => {
    const key = keyed ? noteKey(track, note) : '';
    if (keyed && scene.hidden.has(key)) return;
    drawNote(ctx, v, note, track, c, {
      selected: keyed && scene.selection.has(key), quiet: quiet[track]!, named, flats,
    });
  });
}

function boxOf(v: Viewport, note: Note): [number, number, number, number] {
  const x = xOf(v, note[0]!);
  const w = Math.max(2, note[1]! * v.perTick - 1);
  return [x, yOf(v, note[2]!) + 0.5, w, Math.max(2, v.perPitch - 1)];
}

function rounded(ctx: Ctx, x: number, y: number, w: number, h: number): void {
  const r = Math.min(3, w / 2, h / 2);
  ctx.beginPath();
  if (r < 1.5) ctx.rect(x, y, w, h);
  else ctx.roundRect(x, y, w, h, r);
}

export interface NoteLook {
  selected: boolean;
  quiet: boolean;
  named: boolean;
  flats?: boolean;
}

export function drawNote(
  ctx: Ctx, v: Viewport, note: Note, track: number, c: Colours, look: NoteLook): void {
  const [x, y, w, h] = boxOf(v, note);
  const hue = colourOf(track);
  ctx.globalAlpha = (look.quiet ? 0.25 : 1) * (0.42 + (0.58 * note[3]!) / 127);
  ctx.fillStyle = look.selected ? c.ink : c.tracks[hue]!;
  // Thousands of small notes at once: plain rectangles are what a canvas draws fastest.
  if (w < 6 || h < 5) {
    ctx.fillRect(x, y, w, h);
    ctx.globalAlpha = 1;
    return;
  }
  rounded(ctx, x, y, w, h);
  ctx.fill();
  ctx.globalAlpha = look.quiet ? 0.25 : 1;
  const labelled = look.named && w >= 26;
  pattern(ctx, x, y, w, h, track, labelled, look.selected ? c.surface : c.edges[hue]!);
  if (look.selected) {
    ctx.lineWidth = 2;
    ctx.strokeStyle = c.accent;
    rounded(ctx, x, y, w, h);
    ctx.stroke();
  }
  if (labelled) {
    ctx.fillStyle = look.selected ? c.surface : c.noteInk;
    ctx.fillText(pitchName(note[2]!, look.flats), x + 4, y + h / 2 + 0.5);
  }
  ctx.globalAlpha = 1;
}

// Dots leave room for the note's name.
function pattern(
  ctx: Ctx, x: number, y: number, w: number, h: number, track: number, labelled: boolean,
  colour: string): void {
  const kind = patternOf(track);
  if (kind === 'plain') return;
  ctx.fillStyle = colour;
  if (kind === 'edge') {
    ctx.fillRect(x, y + h - Math.max(1.5, h * 0.25), w, Math.max(1.5, h * 0.25));
  } else if (kind === 'stripe') {
    ctx.fillRect(x, y, Math.min(4, w / 4), h);
  } else {
    for (let dx = labelled ? 28 : 4; dx < w - 2; dx += 6) ctx.fillRect(x + dx, y + h / 2 - 1, 2, 2);
  }
}

function ruler(ctx: Ctx, v: Viewport, scene: Scene, c: Colours, font: string): void {
  ctx.fillStyle = c.surface;
  ctx.fillRect(0, 0, v.width, kRulerHeight);
  ctx.save();
  ctx.beginPath();
  ctx.rect(kKeysWidth, 0, v.width - kKeysWidth, kRulerHeight);
  ctx.clip();
  const { bars } = scene.view;
  const selected = scene.bars && spanOf(scene.view, scene.bars);
  if (selected) {
    ctx.fillStyle = c.selection;
    ctx.fillRect(xOf(v, selected[0]), 8, (selected[1] - selected[0]) * v.perTick, kRulerHeight - 8);
    ctx.fillStyle = c.accent;
    ctx.fillRect(xOf(v, selected[0]), 8, (selected[1] - selected[0]) * v.perTick, 2);
  }
  const to = v.tick + ticksShown(v);
  const every = labelEvery(v, scene.view);
  ctx.textBaseline = 'alphabetic';
  let freeFrom = 0;
  for (let i = barIndexAt(bars, v.tick); i < bars.length && bars[i]!.start <= to; ++i) {
    const bar = bars[i]!;
    const x = Math.round(xOf(v, bar.start));
    const labelled = i % every === 0;
    ctx.fillStyle = labelled ? c.lineStrong : c.line;
    if (labelled || bar.length * v.perTick >= 5) ctx.fillRect(x, labelled ? 14 : 26, 1, kRulerHeight);
    const before = bars[i - 1];
    if (labelled || before?.metre !== bar.metre) {
      ctx.fillStyle = c.ink;
      ctx.font = `550 12px ${font}`;
      const label = String(bar.number);
      ctx.fillText(label, x + 5, 25);
      const width = ctx.measureText(label).width;
      const news = [
        before?.metre === bar.metre ? '' : bar.metre,
        !bar.key || before?.key === bar.key ? '' : keyName(bar.key),
      ].filter(Boolean).join('  ');
      ctx.font = `450 11px ${font}`;
      if (news && width + 22 + ctx.measureText(news).width < bar.length * v.perTick * every) {
        ctx.fillStyle = c.inkQuiet;
        ctx.fillText(news, x + 11 + width, 25);
      }
    }
    ctx.font = `450 11px ${font}`;
    ctx.fillStyle = c.inkQuiet;
    for (const [chord, at] of [[bar.chord, 0], [bar.chord_at_middle, 0.5]] as const) {
      if (!chord) continue;
      const left = x + bar.length * v.perTick * at + 5;
      if (left < freeFrom) continue;
      const name = chordName(chord, bar.key);
      const right = left + ctx.measureText(name).width;
      if (right > x + bar.length * v.perTick) continue;
      ctx.fillText(name, left, 43);
      freeFrom = right + 6;
    }
  }
  phraseMarks(ctx, v, scene, c);
  noveltyStrip(ctx, v, scene, c);
  ctx.restore();
  ctx.fillStyle = c.lineStrong;
  ctx.fillRect(0, kRulerHeight - 1, v.width, 1);
}

function labelEvery(v: Viewport, view: View): number {
  const bar = view.bars[Math.min(1, view.bars.length - 1)];
  const width = (bar?.length ?? 96) * v.perTick;
  for (const every of [1, 2, 4, 8, 16, 32, 64]) if (width * every >= 34) return every;
  return 128;
}

// A slur over each phrase, as a reader would pencil it in.
function phraseMarks(ctx: Ctx, v: Viewport, scene: Scene, c: Colours): void {
  ctx.strokeStyle = c.inkQuiet;
  ctx.globalAlpha = 0.55;
  ctx.lineWidth = 1;
  scene.phrases.forEach((first, i) => {
    const begin = scene.view.bars[first];
    const next = scene.view.bars[scene.phrases[i + 1] ?? -1];
    if (!begin) return;
    const x = xOf(v, begin.start) + 4;
    const end = xOf(v, next ? next.start : barEnd(scene.view)) - 4;
    if (end - x < 16 || end < 0 || x > v.width) return;
    ctx.beginPath();
    ctx.moveTo(x, 11);
    ctx.bezierCurveTo(x + 8, 4, end - 8, 4, end, 11);
    ctx.stroke();
  });
  ctx.globalAlpha = 1;
}

// Bars that stand elsewhere in the training music.
function noveltyStrip(ctx: Ctx, v: Viewport, scene: Scene, c: Colours): void {
  const known = scene.novelty?.verdict === 'copy' ? copiedBars(scene.novelty) : null;
  if (!known) return;
  ctx.fillStyle = c.copied;
  for (const bar of scene.view.bars) {
    if (bar.number < known[0] || bar.number > known[1]) continue;
    ctx.fillRect(xOf(v, bar.start) + 1, kNoveltyTop, Math.max(2, bar.length * v.perTick - 1), 4);
  }
}

export function copiedBars(novelty: Novelty): [number, number] | null {
  const bars = novelty.longest_run.own_bars as [number, number] | null | undefined;
  return bars ?? null;
}

function keys(ctx: Ctx, v: Viewport, c: Colours, font: string): void {
  ctx.save();
  ctx.beginPath();
  ctx.rect(0, kRulerHeight, kKeysWidth, v.height - kRulerHeight);
  ctx.clip();
  ctx.fillStyle = c.whiteKey;
  ctx.fillRect(0, kRulerHeight, kKeysWidth, v.height);
  const bottom = v.pitch - (v.height - kRulerHeight) / v.perPitch;
  ctx.font = `450 10px ${font}`;
  ctx.textBaseline = 'middle';
  for (let pitch = Math.max(0, Math.floor(bottom)); pitch <= Math.min(127, v.pitch); ++pitch) {
    const y = yOf(v, pitch);
    if (isBlackKey(pitch)) {
      ctx.fillStyle = c.blackKey;
      rounded(ctx, -3, y + 0.5, kKeysWidth * 0.6, v.perPitch - 1);
      ctx.fill();
    }
    const seam = pitch % 12 === 0 || pitch % 12 === 5;
    if (seam) {
      ctx.fillStyle = c.line;
      ctx.fillRect(0, Math.round(y + v.perPitch) - 1, kKeysWidth, 1);
    }
    if (pitch % 12 === 0) {
      ctx.fillStyle = c.keyInk;
      ctx.fillText(pitchName(pitch), kKeysWidth - 19, y + v.perPitch / 2 + 0.5);
    }
  }
  ctx.restore();
  ctx.fillStyle = c.lineStrong;
  ctx.fillRect(kKeysWidth - 1, kRulerHeight, 1, v.height);
}
