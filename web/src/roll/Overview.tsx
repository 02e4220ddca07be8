// The whole piece at a glance under the roll, and which part of it is seen: drag to go elsewhere.
// There only while the piece does not fit.
import { useEffect, useRef } from 'react';
import type { View } from '../api/types';
import { barEnd } from '../music/timeline';
import { readColours } from './colours';
import { kKeysWidth, ticksShown, type Viewport } from './geometry';

export function fitsWhole(view: View, viewport: Viewport): boolean {
  return viewport.tick <= 0 && ticksShown(viewport) >= barEnd(view);
}

interface Props {
  view: View;
  viewport: Viewport;
  onMove: (tick: number) => void;
}

export function Overview({ view, viewport, onMove }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const end = barEnd(view) + 96;
  useEffect(() => {
    const element = canvas.current!;
    const { width, height } = element.getBoundingClientRect();
    const ratio = devicePixelRatio || 1;
    element.width = Math.round(width * ratio);
    element.height = Math.round(height * ratio);
    const ctx = element.getContext('2d')!;
    ctx.scale(ratio, ratio);
    const colours = readColours(element);
    view.tracks.forEach((track, index) => {
      ctx.fillStyle = colours.tracks[index % colours.tracks.length]!;
      for (const note of track.notes) {
        const y = height - 2 - ((note[2]! - 21) / 88) * (height - 4);
        ctx.fillRect((note[0]! / end) * width, y, Math.max(1, (note[1]! / end) * width), 1.5);
      }
    });
  }, [view, end, viewport.width]);

  const left = Math.max(0, viewport.tick / end);
  const share = Math.min(1 - left, ticksShown(viewport) / end);
  const go = (event: React.PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    onMove(((event.clientX - box.left) / box.width) * end - ticksShown(viewport) / 2);
  };
  return (
    <div className="overview" style={{ left: kKeysWidth }} aria-hidden="true"
         onPointerDown={(e) => {
           e.currentTarget.setPointerCapture(e.pointerId);
           go(e);
         }}
         onPointerMove={(e) => { if (e.buttons > 0) go(e); }}>
      <canvas ref={canvas} />
      <span className="overview-window" style={{ left: `${left * 100}%`, width: `${share * 100}%` }} />
    </div>
  );
}
