// What a sound is played with: a button, where it is, and how long it is.
import { useEffect, useReducer, useRef } from 'react';
import type { Clip } from '../audio/clip';
import { clock } from '../music/timeline';
import { showClip, toggleClip } from '../state/sounding';
import { t } from '../texts';
import { Icon } from './icons';

export function ClipControls({ clip, title }: { clip: Clip; title: string }) {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const slider = useRef<HTMLInputElement>(null);
  const time = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    let frame = 0;
    // Written straight to the page, as the cursor is.
    const draw = () => {
      frame = 0;
      if (slider.current && time.current) {
        slider.current.value = String(clip.position);
        time.current.textContent = clock(clip.position);
      }
      if (clip.playing) frame = requestAnimationFrame(draw);
    };
    clip.onState = () => {
      frame ||= requestAnimationFrame(draw);
      redraw();
    };
    draw();
    const leave = showClip(clip);
    return () => {
      clip.onState = () => {};
      cancelAnimationFrame(frame);
      leave();
    };
  }, [clip]);
  return (
    <div className="clip-controls">
      <button type="button" className="play-button" onClick={() => toggleClip(clip)}
              aria-label={`${clip.playing ? t.transport.pause : t.transport.play}: ${title}`}>
        <Icon name={clip.playing ? 'pause' : 'play'} />
      </button>
      <input ref={slider} type="range" aria-label={`${t.transport.position}: ${title}`} min={0} max={clip.length} step={0.01}
             defaultValue={0} onChange={(e) => clip.seek(Number(e.target.value))} />
      <span className="clip-time">
        <span ref={time}>{clock(clip.position)}</span> / {clock(clip.length)}
      </span>
    </div>
  );
}
