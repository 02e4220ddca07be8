// Where the play cursor is, and the piece's tempo, metre and key, which can be changed here.
import { useEffect, useRef, useState } from 'react';
import { keyName } from '../music/notes';
import { barIndexAt, clock, secondsAt } from '../music/timeline';
import { edit } from '../state/editing';
import { player } from '../state/sounding';
import { get, set, useStudio, watch } from '../state/store';
import { t } from '../texts';
import { NumberInput, Popover } from './controls';
import { kKeys } from './choices';

// Written straight to the page: sixty new times a second are nothing to render for.
export function PositionClock() {
  const time = useRef<HTMLSpanElement>(null);
  const bar = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    let frame = 0;
    const draw = () => {
      frame = 0;
      const { view } = get();
      if (view && time.current && bar.current) {
        const tick = player.position();
        const seconds = clock(secondsAt(view, tick));
        const number = String(view.bars[barIndexAt(view.bars, tick)]?.number ?? 1);
        if (time.current.textContent !== seconds) time.current.textContent = seconds;
        if (bar.current.textContent !== number) bar.current.textContent = number;
      }
      if (player.state === 'playing') frame = requestAnimationFrame(draw);
    };
    const wake = () => { frame ||= requestAnimationFrame(draw); };
    wake();
    const unwatch = watch(wake);
    return () => {
      unwatch();
      cancelAnimationFrame(frame);
    };
  }, []);
  const waiting = useStudio((s) => s.playing === 'waiting');
  return (
    <div className="clock" aria-label={t.transport.position} role="group"
         title={waiting ? t.transport.waiting : undefined} data-waiting={waiting ? '' : undefined}>
      <span ref={time} className="clock-time">00:00.0</span>
      <span className="clock-bar">{t.transport.bar} <span ref={bar}>1</span></span>
    </div>
  );
}

export function PieceFacts() {
  const tempo = useStudio((s) => s.view?.bars[0]?.tempo ?? 120);
  const metre = useStudio((s) => s.view?.bars[0]?.metre ?? '4/4');
  const key = useStudio((s) => s.view?.bars[0]?.key ?? null);
  const locked = useStudio((s) => s.writing !== null);
  const performed = useStudio((s) => s.view?.performed ?? false);
  return (
    <div className="facts">
      <label className="fact">
        <span className="fact-sign" aria-hidden="true">♩</span>
        <TempoInput tempo={Math.round(tempo)} disabled={locked} />
      </label>
      <span className="fact" aria-label={`${t.transport.metre} ${metre}`} role="img">{metre}</span>
      <Popover label={`${t.transport.key}: ${key ? keyName(key) : t.transport.noKey}`} className="fact fact-button"
               button={key ? keyName(key) : t.transport.noKey} align="end">
        {(close) => <KeyChange current={key} close={close} />}
      </Popover>
      {performed && !locked && (
        <button type="button" className="fact fact-button" title={t.beats.title} onClick={() => set({ dialog: 'beats' })}>
          {t.beats.open}
        </button>
      )}
    </div>
  );
}

function TempoInput({ tempo, disabled }: { tempo: number; disabled: boolean }) {
  if (disabled) return <span className="fact-number">{tempo}</span>;
  return (
    <NumberInput label={t.transport.tempo} value={tempo} min={20} max={300}
                 onChange={(value) => {
                   if (value && value !== tempo) edit([{ op: 'tempo', tempo: value }], 'tempo');
                 }} />
  );
}

function KeyChange({ current, close }: { current: string | null; close: () => void }) {
  const [key, setKey] = useState(current ?? 'C major');
  const [transpose, setTranspose] = useState(current !== null);
  return (
    <form className="key-change"
          onSubmit={(e) => {
            e.preventDefault();
            edit([{ op: 'key', key, transpose }], 'key');
            close();
          }}>
      <select aria-label={t.transport.key} value={key} onChange={(e) => setKey(e.target.value)}>
        {!kKeys.includes(key) && <option value={key}>{keyName(key)}</option>}
        {kKeys.map((name) => <option key={name} value={name}>{keyName(name)}</option>)}
      </select>
      {current && (
        <label className="check">
          <input type="checkbox" checked={transpose} onChange={(e) => setTranspose(e.target.checked)} />
          {t.transport.transpose}
        </label>
      )}
      <button type="submit" className="button">{t.transport.apply}</button>
    </form>
  );
}
