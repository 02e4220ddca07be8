// Notes at a glance: a small picture without anything to grab. Times are in whatever unit the
// caller has; `lines` are drawn through them, heavier where `strong` says so.
import { useEffect, useRef } from 'react';
import { readColours } from '../roll/colours';
import { scaleOf } from '../roll/scale';

export interface MiniNote {
  from: number;
  to: number;
  pitch: number;
  track?: number;
}

interface Props {
  notes: readonly MiniNote[];
  end: number;
  label: string;
  lines?: readonly number[];
  strong?: (index: number) => boolean;
  peaks?: readonly number[];
  at?: () => number | null;  // a cursor that is asked for each frame
  height?: number;
  onSeek?: (at: number) => void;
}

export function MiniRoll(props: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const latest = useRef(props);
  latest.current = props;
  useEffect(() => {
    const element = canvas.current!;
    let frame = 0;
    const draw = () => {
      frame = 0;
      paintMini(element, latest.current);
      if (latest.current.at) frame = requestAnimationFrame(draw);
    };
    draw();
    const observer = new ResizeObserver(draw);
    observer.observe(element);
    return () => {
      observer.disconnect();
      cancelAnimationFrame(frame);
    };
  }, []);
  useEffect(() => paintMini(canvas.current!, latest.current));
  return (
    <canvas ref={canvas} className="mini-roll" role="img" aria-label={props.label}
            style={{ height: props.height ?? 96 }}
            onPointerDown={(e) => {
              const box = e.currentTarget.getBoundingClientRect();
              props.onSeek?.(((e.clientX - box.left) / box.width) * props.end);
            }} />
  );
}

function paintMini(canvas: HTMLCanvasElement, props: Props): void {
  const box = canvas.getBoundingClientRect();
  const scale = scaleOf(canvas);
  const width = box.width / scale;
  const height = box.height / scale;
  const ratio = scale * (devicePixelRatio || 1);
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  const ctx = canvas.getContext('2d')!;
  ctx.scale(ratio, ratio);
  const c = readColours(canvas);
  const end = Math.max(props.end, 1e-6);
  const x = (at: number) => (at / end) * width;

  const cursor = props.at?.() ?? null;

  if (props.peaks) {
    const step = width / props.peaks.length;
    props.peaks.forEach((peak, i) => {
      const half = Math.max(0.5, (peak * height) / 2);
      ctx.fillStyle = cursor !== null && (i + 0.5) * step < x(cursor) ? c.accent : c.ghost;
      ctx.fillRect(i * step, height / 2 - half, Math.max(0.75, step - 0.25), half * 2);
    });
  }
  props.lines?.forEach((line, i) => {
    const strong = props.strong?.(i) ?? false;
    ctx.fillStyle = strong ? c.accent : c.lineStrong;
    ctx.fillRect(Math.round(x(line)), strong ? 0 : height * 0.15, strong ? 2 : 1, height);
  });
  if (props.notes.length > 0) {
    const pitches = props.notes.map((note) => note.pitch);
    const low = Math.min(...pitches) - 2;
    const high = Math.max(...pitches) + 2;
    const row = Math.min(10, height / Math.max(12, high - low));
    const middle = (low + high) / 2;
    for (const note of props.notes) {
      ctx.fillStyle = c.tracks[(note.track ?? 0) % c.tracks.length]!;
      const y = height / 2 - (note.pitch - middle) * row - row / 2;
      ctx.beginPath();
      ctx.roundRect(x(note.from), y + 0.5, Math.max(2, x(note.to - note.from) - 1), Math.max(2, row - 1), 2);
      ctx.fill();
    }
  }
  if (cursor !== null) {
    ctx.fillStyle = c.ink;
    ctx.fillRect(Math.round(x(cursor)), 0, 1.5, height);
  }
}
