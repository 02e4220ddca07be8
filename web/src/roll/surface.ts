// The two canvases of the roll and when they are drawn: the music only when something about it
// changed, the play cursor and what is being dragged on a layer above, each frame that needs it.
import { visitNotes } from '../music/note_index';
import { barEnd } from '../music/timeline';
import { readColours, type Colours } from './colours';
import {
  contain, fit, kKeysWidth, kRulerHeight, ticksShown, xOf, yOf, type Viewport,
} from './geometry';
import { drawNote, paint, type Scene } from './paint';
import { scaleOf } from './scale';
import type { NoteRef } from '../music/notes';

export interface Cursor {
  tick: number;
  moving: boolean;
  frontier: number | null;  // where notes are being written
}

export interface Preview {
  marquee?: { x: number; y: number; width: number; height: number };
  notes?: NoteRef[];
}

const kTurnAt = 0.82;    // of the width: where the page turns while playing
const kTurnTo = 0.12;
const kTurnMs = 260;

export class Surface {
  viewport: Viewport = {
    width: 0, height: 0, tick: 0, pitch: 92, perTick: 1, perPitch: 11,
  };
  preview: Preview = {};
  onViewport: () => void = () => {};
  private scene: Scene | null = null;
  private colours: Colours;
  private pixels = 1;  // of a canvas for each of the viewport's
  private dirty = true;
  private frame = 0;
  private following = true;
  private turn: { from: number; to: number; begin: number } | null = null;
  private readonly observer: ResizeObserver;
  private readonly still = matchMedia('(prefers-reduced-motion: reduce)');
  private readonly font: string;

  constructor(
    private readonly host: HTMLElement,
    private readonly base: HTMLCanvasElement,
    private readonly top: HTMLCanvasElement,
    private readonly cursor: () => Cursor,
  ) {
    this.colours = readColours(host);
    this.font = getComputedStyle(host).fontFamily;
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(host);
    void document.fonts.ready.then(() => this.redraw());
    this.resize();
  }

  close(): void {
    this.observer.disconnect();
    cancelAnimationFrame(this.frame);
  }

  recolour(): void {
    this.colours = readColours(this.host);
    this.redraw();
  }

  show(scene: Scene): void {
    this.scene = scene;
    this.redraw();
  }

  redraw(): void {
    this.dirty = true;
    this.request();
  }

  // Draws the upper layer, and goes on while the cursor moves.
  request(): void {
    this.frame ||= requestAnimationFrame((now) => this.draw(now));
  }

  move(viewport: Viewport, byHand = true): void {
    if (byHand) {
      this.following = false;
      this.turn = null;
    }
    this.viewport = contain(viewport, this.scene ? barEnd(this.scene.view) : 0);
    this.redraw();
    this.onViewport();
  }

  follow(): void {
    this.following = true;
    this.request();
  }

  // All of the music; while it is written, all that is to come.
  showAll(end?: number): void {
    if (!this.scene || this.viewport.width === 0) return;
    let [low, high] = [128, 0];
    for (const track of this.scene.view.tracks) {
      if (track.is_drum && this.scene.view.tracks.length > 1) continue;
      for (const note of track.notes) {
        low = Math.min(low, note[2]!);
        high = Math.max(high, note[2]!);
      }
    }
    if (high < low) [low, high] = [43, 81];
    this.move(fit(this.viewport, end ?? barEnd(this.scene.view), low, high), false);
  }

  // Pitches far outside of what is seen come into sight, without a change in time.
  reveal(tick: number): void {
    const { viewport } = this;
    const x = xOf(viewport, tick);
    if (x >= kKeysWidth && x <= viewport.width - 24) return;
    this.move({ ...viewport, tick: tick - ticksShown(viewport) * kTurnTo }, false);
  }

  private resize(): void {
    const { width, height } = this.host.getBoundingClientRect();
    const ratio = devicePixelRatio || 1;
    const scale = scaleOf(this.host);
    this.pixels = ratio * scale;
    const first = this.viewport.width === 0;
    this.viewport = { ...this.viewport, width: width / scale, height: height / scale };
    for (const canvas of [this.base, this.top]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    if (first) this.showAll();
    else this.viewport = contain(this.viewport, this.scene ? barEnd(this.scene.view) : 0);
    this.dirty = true;
    this.draw(performance.now());
  }

  private draw(now: number): void {
    this.frame = 0;
    const { scene } = this;
    if (!scene || this.viewport.width === 0) return;
    const cursor = this.cursor();
    if (cursor.moving && this.following) this.keepInSight(cursor.tick, now);
    const ratio = this.pixels;
    if (this.dirty) {
      this.dirty = false;
      const ctx = this.base.getContext('2d', { alpha: false })!;
      ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
      paint(ctx, this.viewport, scene, this.colours, this.font);
    }
    const ctx = this.top.getContext('2d')!;
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, this.viewport.width, this.viewport.height);
    this.drawTop(ctx, scene, cursor);
    if (cursor.moving || this.turn) this.request();
  }

  private keepInSight(tick: number, now: number): void {
    const v = this.viewport;
    if (this.turn) {
      const share = Math.min(1, (now - this.turn.begin) / kTurnMs);
      const eased = 1 - (1 - share) ** 3;
      const at = this.turn.from + (this.turn.to - this.turn.from) * eased;
      if (share >= 1) this.turn = null;
      this.move({ ...v, tick: at }, false);
      return;
    }
    const x = xOf(v, tick);
    const wide = v.width - kKeysWidth;
    if (x >= kKeysWidth - 1 && x <= kKeysWidth + wide * kTurnAt) return;
    const end = this.scene ? barEnd(this.scene.view) : 0;
    if (x > 0 && v.tick + ticksShown(v) > end && x < v.width) return;
    const to = Math.max(0, tick - ticksShown(v) * kTurnTo);
    if (this.still.matches) this.move({ ...v, tick: to }, false);
    else this.turn = { from: v.tick, to, begin: now };
  }

  private drawTop(ctx: CanvasRenderingContext2D, scene: Scene, cursor: Cursor): void {
    const v = this.viewport;
    const c = this.colours;
    if (cursor.moving) this.lightKeys(ctx, scene, cursor.tick);
    ctx.save();
    ctx.beginPath();
    ctx.rect(kKeysWidth, 0, v.width - kKeysWidth, v.height);
    ctx.clip();
    for (const { track, note } of this.preview.notes ?? []) {
      drawNote(ctx, v, note, track, c, { selected: true, quiet: false, named: v.perPitch >= 13 });
    }
    const { marquee } = this.preview;
    if (marquee) {
      ctx.fillStyle = c.selection;
      ctx.strokeStyle = c.accent;
      ctx.fillRect(marquee.x, marquee.y, marquee.width, marquee.height);
      ctx.strokeRect(marquee.x + 0.5, marquee.y + 0.5, marquee.width, marquee.height);
    }
    if (cursor.frontier !== null && Number.isFinite(cursor.frontier)) {
      const x = Math.round(xOf(v, cursor.frontier));
      ctx.fillStyle = c.accent;
      ctx.globalAlpha = 0.5;
      ctx.fillRect(x, kRulerHeight, 2, v.height);
      ctx.globalAlpha = 1;
    }
    const x = Math.round(xOf(v, cursor.tick));
    ctx.fillStyle = c.ink;
    ctx.fillRect(x, 14, 1.5, v.height);
    ctx.beginPath();
    ctx.moveTo(x - 5, 14);
    ctx.lineTo(x + 6.5, 14);
    ctx.lineTo(x + 0.75, 21);
    ctx.fill();
    ctx.restore();
  }

  // Keys that sound now are lit, as on a player piano.
  private lightKeys(ctx: CanvasRenderingContext2D, scene: Scene, tick: number): void {
    const v = this.viewport;
    const at = Math.floor(tick);
    ctx.save();
    ctx.beginPath();
    ctx.rect(0, kRulerHeight, kKeysWidth - 1, v.height);
    ctx.clip();
    visitNotes(scene.view, at, at + 1, (track, note) => {
      if (scene.quiet(track)) return;
      ctx.fillStyle = this.colours.tracks[track % this.colours.tracks.length]!;
      ctx.beginPath();
      ctx.roundRect(-3, yOf(v, note[2]!) + 0.5, kKeysWidth, Math.max(2, v.perPitch - 1), 3);
      ctx.fill();
    });
    ctx.restore();
  }
}
