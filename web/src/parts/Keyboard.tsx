// A piano keyboard to press with a finger, a mouse or the computer's keys.
import { useRef, useState } from 'react';
import { isBlackKey, pitchName } from '../music/notes';
import { letterOf } from '../music/typing_keys';
import { t } from '../texts';

interface Props {
  low: number;
  keys: number;
  typedFrom: number;  // the C that the computer's A plays
  pressed: ReadonlySet<number>;
  onDown: (pitch: number) => void;
  onUp: (pitch: number) => void;
}

export function Keyboard({ low, keys, typedFrom, pressed, onDown, onUp }: Props) {
  const held = useRef(new Map<number, number>());  // pointer -> pitch
  const [focused, setFocused] = useState(60);
  const pitches = Array.from({ length: keys }, (_, i) => low + i);
  const whites = pitches.filter((pitch) => !isBlackKey(pitch));
  const pitchUnder = (x: number, y: number) => {
    const key = document.elementFromPoint(x, y)?.closest<HTMLElement>('[data-pitch]');
    return key ? Number(key.dataset.pitch) : null;
  };
  const hold = (id: number, pitch: number | null) => {
    const before = held.current.get(id);
    if (before === pitch || (before === undefined && pitch === null)) return;
    if (before !== undefined) onUp(before);
    if (pitch === null) held.current.delete(id);
    else {
      held.current.set(id, pitch);
      onDown(pitch);
    }
  };
  return (
    <div className="keyboard" role="group" aria-label={t.play.keyboard}
         style={{ '--whites': whites.length } as React.CSSProperties}
         onPointerDown={(e) => {
           (e.target as HTMLElement).releasePointerCapture?.(e.pointerId);
           hold(e.pointerId, pitchUnder(e.clientX, e.clientY));
         }}
         onPointerMove={(e) => {
           if (held.current.has(e.pointerId)) {
             hold(e.pointerId, pitchUnder(e.clientX, e.clientY) ?? held.current.get(e.pointerId)!);
           }
         }}
         onPointerUp={(e) => hold(e.pointerId, null)}
         onPointerLeave={(e) => hold(e.pointerId, null)}
         onPointerCancel={(e) => hold(e.pointerId, null)}>
      {pitches.map((pitch) => {
        const black = isBlackKey(pitch);
        const before = whites.filter((white) => white < pitch).length;
        return (
          <button key={pitch} type="button" data-pitch={pitch} className={black ? 'key black' : 'key white'}
                  data-down={pressed.has(pitch) ? '' : undefined} aria-label={pitchName(pitch)}
                  tabIndex={pitch === focused ? 0 : -1} style={{ '--at': before } as React.CSSProperties}
                  onFocus={() => setFocused(pitch)}
                  onKeyDown={(e) => {
                    if ((e.key === 'Enter' || e.key === ' ') && !e.repeat) {
                      e.preventDefault();
                      onDown(pitch);
                    } else if (e.key === 'ArrowRight' || e.key === 'ArrowLeft') {
                      const next = pitch + (e.key === 'ArrowRight' ? 1 : -1);
                      e.currentTarget.parentElement
                        ?.querySelector<HTMLElement>(`[data-pitch="${next}"]`)?.focus();
                    }
                  }}
                  onKeyUp={(e) => { if (e.key === 'Enter' || e.key === ' ') onUp(pitch); }}>
            <span aria-hidden="true">{letterOf(pitch - typedFrom)}</span>
          </button>
        );
      })}
    </div>
  );
}
