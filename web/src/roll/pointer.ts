// What a pointer does on the roll: on the ruler it selects bars or sets the play cursor, on the
// keys it sounds them, among the notes it selects, moves, resizes and draws. One finger on the
// empty roll scrolls, two zoom.
import type { Note, View } from '../api/types';
import { clampNote } from '../music/edit';
import { noteAt, visitNotes } from '../music/note_index';
import { noteKey, refsOf, type NoteKey, type NoteRef } from '../music/notes';
import { barIndexAt } from '../music/timeline';
import * as editing from '../state/editing';
import { auditionOnTrack, player } from '../state/sounding';
import { get, set } from '../state/store';
import {
  kKeysWidth, kRulerHeight, pitchOf, snap, snapDown, snapStep, tickOf, xOf, zoom,
} from './geometry';
import { scaleOf } from './scale';
import type { Surface } from './surface';

interface Point {
  x: number;
  y: number;
}

type Drag =
  | { kind: 'bars'; anchor: number; moved: boolean }
  | { kind: 'keys'; pitch: number }
  | { kind: 'marquee'; before: ReadonlySet<NoteKey> }
  | { kind: 'move' | 'resize'; refs: NoteRef[]; at: Note; moved: boolean; pitch: number }
  | { kind: 'draw'; onset: number; pitch: number; length: number }
  | { kind: 'pan' };

const kThreshold = 4;
const kEdge = 7;

export class Pointer {
  private drag: Drag | null = null;
  private start: Point = { x: 0, y: 0 };
  private readonly touches = new Map<number, Point>();
  private hidden: ReadonlySet<NoteKey> = new Set();

  constructor(
    private readonly host: HTMLElement, private readonly surface: Surface,
    private readonly hide: (keys: ReadonlySet<NoteKey>) => void) {}

  private point(event: MouseEvent): Point {
    const box = this.host.getBoundingClientRect();
    const scale = scaleOf(this.host);
    return { x: (event.clientX - box.left) / scale, y: (event.clientY - box.top) / scale };
  }

  down(event: PointerEvent): void {
    const { view } = get();
    if (!view || event.button > 0) return;
    const p = this.point(event);
    this.touches.set(event.pointerId, p);
    this.host.setPointerCapture(event.pointerId);
    if (this.touches.size > 1) {
      this.cancel();
      return;
    }
    this.start = p;
    this.drag = this.begin(view, p, event);
  }

  private begin(view: View, p: Point, event: PointerEvent): Drag {
    const v = this.surface.viewport;
    if (p.y < kRulerHeight && p.x >= kKeysWidth) {
      const bar = barIndexAt(view.bars, tickOf(v, p.x));
      const { bars } = get();
      if (event.shiftKey && bars) {
        this.selectBars(Math.min(bars.first, bar), Math.max(bars.last, bar));
        return { kind: 'bars', anchor: bar < bars.first ? bars.last : bars.first, moved: true };
      }
      return { kind: 'bars', anchor: bar, moved: false };
    }
    const pitch = pitchOf(v, p.y);
    if (p.x < kKeysWidth) {
      auditionOnTrack(get().track, pitch);
      return { kind: 'keys', pitch };
    }
    const hit = noteAt(view, Math.floor(tickOf(v, p.x)), pitch);
    if (hit && !get().writing) return this.grab(view, hit, p, event.shiftKey);
    if (event.pointerType === 'touch') return { kind: 'pan' };
    if (get().tool === 'draw' && !get().writing) {
      const step = snapStep(v);
      auditionOnTrack(get().track, pitch);
      return { kind: 'draw', onset: snapDown(tickOf(v, p.x), step), pitch, length: step };
    }
    return { kind: 'marquee', before: event.shiftKey ? get().selection : new Set() };
  }

  private grab(view: View, hit: NoteRef, p: Point, extend: boolean): Drag {
    const key = noteKey(hit.track, hit.note);
    let { selection } = get();
    if (extend) {
      const next = new Set(selection);
      if (next.has(key)) next.delete(key);
      else next.add(key);
      selection = next;
    } else if (!selection.has(key)) {
      selection = new Set([key]);
    }
    set({ selection, track: hit.track });
    auditionOnTrack(hit.track, hit.note[2]!, hit.note[3]!);
    const end = xOf(this.surface.viewport, hit.note[0]! + hit.note[1]!);
    const wide = hit.note[1]! * this.surface.viewport.perTick > 3 * kEdge;
    return {
      kind: wide && end - p.x <= kEdge ? 'resize' : 'move',
      refs: refsOf(view, selection), at: hit.note, moved: false, pitch: hit.note[2]!,
    };
  }

  move(event: PointerEvent): void {
    const p = this.point(event);
    const before = this.touches.get(event.pointerId);
    if (!before) {
      this.hover(p);
      return;
    }
    if (this.touches.size === 2) {
      this.pinch(event.pointerId, p);
      return;
    }
    this.touches.set(event.pointerId, p);
    const { view } = get();
    const { drag } = this;
    if (!drag || !view) return;
    const v = this.surface.viewport;
    const far = Math.hypot(p.x - this.start.x, p.y - this.start.y) >= kThreshold;
    switch (drag.kind) {
      case 'bars': {
        const bar = barIndexAt(view.bars, tickOf(v, p.x));
        if (!far && bar === drag.anchor && !drag.moved) return;
        drag.moved = true;
        this.selectBars(Math.min(drag.anchor, bar), Math.max(drag.anchor, bar));
        return;
      }
      case 'keys': {
        const pitch = pitchOf(v, p.y);
        if (pitch !== drag.pitch) auditionOnTrack(get().track, pitch);
        drag.pitch = pitch;
        return;
      }
      case 'pan':
        this.surface.move({
          ...v, tick: v.tick - (p.x - before.x) / v.perTick,
          pitch: v.pitch + (p.y - before.y) / v.perPitch,
        });
        return;
      case 'marquee': {
        if (!far) return;
        const box = {
          x: Math.min(p.x, this.start.x), y: Math.min(p.y, this.start.y),
          width: Math.abs(p.x - this.start.x), height: Math.abs(p.y - this.start.y),
        };
        this.surface.preview = { marquee: box };
        this.selectInside(view, box, drag.before);
        return;
      }
      case 'draw': {
        const step = snapStep(v);
        drag.length = Math.max(step, snap(tickOf(v, p.x) - drag.onset + step / 2, step));
        this.surface.preview = {
          notes: [{ track: get().track, note: [drag.onset, drag.length, drag.pitch, 80] }],
        };
        this.surface.request();
        return;
      }
      default:
        if (far || drag.moved) this.dragNotes(drag, p);
    }
  }

  private shift(drag: Extract<Drag, { kind: 'move' | 'resize' }>, p: Point) {
    const v = this.surface.viewport;
    const step = snapStep(v);
    const raw = (p.x - this.start.x) / v.perTick;
    // The grabbed note lands on the grid, also where it was off it before.
    const edge = drag.kind === 'move' ? drag.at[0]! : drag.at[0]! + drag.at[1]!;
    const ticks = Math.abs(raw) < step / 2 ? 0 : snap(edge + raw, step) - edge;
    const semitones = drag.kind === 'move' ? pitchOf(v, p.y) - pitchOf(v, this.start.y) : 0;
    return { ticks, semitones };
  }

  private dragNotes(drag: Extract<Drag, { kind: 'move' | 'resize' }>, p: Point): void {
    const { ticks, semitones } = this.shift(drag, p);
    if (!drag.moved) {
      drag.moved = true;
      this.setHidden(new Set(drag.refs.map(({ track, note }) => noteKey(track, note))));
    }
    if (drag.at[2]! + semitones !== drag.pitch) {
      drag.pitch = drag.at[2]! + semitones;
      auditionOnTrack(get().track, drag.pitch);
    }
    this.surface.preview = {
      notes: drag.refs.map(({ track, note }) => ({
        track,
        note: clampNote(drag.kind === 'move'
          ? [note[0]! + ticks, note[1]!, note[2]! + semitones, note[3]!]
          : [note[0]!, note[1]! + ticks, note[2]!, note[3]!]),
      })),
    };
    this.surface.request();
  }

  up(event: PointerEvent): void {
    const p = this.touches.get(event.pointerId) ?? this.start;
    this.touches.delete(event.pointerId);
    const { drag } = this;
    this.drag = null;
    this.surface.preview = {};
    this.setHidden(new Set());
    if (!drag) return;
    const clicked = Math.hypot(p.x - this.start.x, p.y - this.start.y) < kThreshold;
    const v = this.surface.viewport;
    if (drag.kind === 'bars' && !drag.moved && event.pointerType === 'touch') {
      this.tapBar(drag.anchor);
    } else if (drag.kind === 'bars' && !drag.moved) {
      set({ bars: null });
      player.seek(snap(tickOf(v, this.start.x), snapStep(v)));
    } else if (drag.kind === 'marquee' && clicked) {
      set({ selection: drag.before, bars: null });
      if (!player.playing) player.seek(snap(tickOf(v, this.start.x), snapStep(v)));
    } else if (drag.kind === 'pan' && clicked) {
      set({ selection: new Set(), bars: null });
    } else if (drag.kind === 'draw') {
      editing.drawNote(get().track, drag.onset, drag.length, drag.pitch);
    } else if ((drag.kind === 'move' || drag.kind === 'resize') && drag.moved) {
      const { ticks, semitones } = this.shift(drag, p);
      if (drag.kind === 'move' && (ticks || semitones)) editing.moveSelected(ticks, semitones);
      else if (ticks) editing.resizeSelected(ticks);
    }
    this.surface.request();
  }

  // A finger is too broad for a place in a bar: it takes the bar, and a second time lets it go.
  private tapBar(bar: number): void {
    const { bars, view } = get();
    const again = bars?.first === bar && bars.last === bar;
    set({ bars: again ? null : { first: bar, last: bar } });
    if (!player.playing) player.seek(view!.bars[bar]!.start);
  }

  cancel(): void {
    this.drag = null;
    this.surface.preview = {};
    this.setHidden(new Set());
    this.surface.request();
  }

  lost(event: PointerEvent): void {
    this.touches.delete(event.pointerId);
    this.cancel();
  }

  double(event: MouseEvent): void {
    const { view, track, writing } = get();
    if (!view || writing) return;
    const v = this.surface.viewport;
    const p = this.point(event);
    if (p.x < kKeysWidth) return;
    const tick = tickOf(v, p.x);
    if (p.y < kRulerHeight) {
      const bar = barIndexAt(view.bars, tick);
      this.selectBars(bar, bar);
      return;
    }
    const pitch = pitchOf(v, p.y);
    const hit = noteAt(view, Math.floor(tick), pitch);
    if (hit) {
      set({ selection: new Set([noteKey(hit.track, hit.note)]) });
      editing.removeSelected();
    } else if (view.tracks.length > 0) {
      const step = snapStep(v);
      editing.drawNote(Math.min(track, view.tracks.length - 1), snapDown(tick, step),
                       Math.max(step, 12), pitch);
      auditionOnTrack(track, pitch);
    }
  }

  wheel(event: WheelEvent): void {
    event.preventDefault();
    const v = this.surface.viewport;
    const p = this.point(event);
    if (event.ctrlKey || event.metaKey) {
      const factor = Math.exp(-event.deltaY * 0.004);
      this.surface.move(event.altKey ? zoom(v, 1, factor, p.x, p.y) : zoom(v, factor, 1, p.x, p.y));
      return;
    }
    const [dx, dy] = event.shiftKey && event.deltaX === 0
      ? [event.deltaY, 0] : [event.deltaX, event.deltaY];
    this.surface.move({ ...v, tick: v.tick + dx / v.perTick, pitch: v.pitch - dy / v.perPitch });
  }

  private pinch(id: number, p: Point): void {
    const [other] = [...this.touches].filter(([key]) => key !== id).map(([, point]) => point);
    const before = this.touches.get(id)!;
    this.touches.set(id, p);
    if (!other) return;
    const ratio = (a: number, b: number) => (b > 24 && a > 24 ? a / b : 1);
    const v = this.surface.viewport;
    this.surface.move(zoom(
      v, ratio(Math.abs(p.x - other.x), Math.abs(before.x - other.x)),
      ratio(Math.abs(p.y - other.y), Math.abs(before.y - other.y)), other.x, other.y));
  }

  private hover(p: Point): void {
    const { view, tool } = get();
    if (!view) return;
    let cursor = 'default';
    const v = this.surface.viewport;
    if (p.y < kRulerHeight) cursor = 'text';
    else if (p.x < kKeysWidth) cursor = 'pointer';
    else {
      const hit = noteAt(view, Math.floor(tickOf(v, p.x)), pitchOf(v, p.y));
      if (hit) {
        const wide = hit.note[1]! * v.perTick > 3 * kEdge;
        const end = xOf(v, hit.note[0]! + hit.note[1]!);
        cursor = wide && end - p.x <= kEdge ? 'ew-resize' : 'move';
      } else if (tool === 'draw') {
        cursor = 'crosshair';
      }
    }
    if (this.host.style.cursor !== cursor) this.host.style.cursor = cursor;
  }

  private selectBars(first: number, last: number): void {
    const { bars } = get();
    if (bars?.first !== first || bars.last !== last) set({ bars: { first, last } });
  }

  private selectInside(
    view: View, box: { x: number; y: number; width: number; height: number },
    before: ReadonlySet<NoteKey>): void {
    const v = this.surface.viewport;
    const keys = new Set(before);
    const [high, low] = [pitchOf(v, box.y), pitchOf(v, box.y + box.height)];
    visitNotes(view, Math.floor(tickOf(v, box.x)), Math.ceil(tickOf(v, box.x + box.width)),
               (track, note) => {
                 if (note[2]! >= low && note[2]! <= high) keys.add(noteKey(track, note));
               });
    set({ selection: keys });
    this.surface.request();
  }

  private setHidden(keys: ReadonlySet<NoteKey>): void {
    if (keys.size === 0 && this.hidden.size === 0) return;
    this.hidden = keys;
    this.hide(keys);
  }
}
