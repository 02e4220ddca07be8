// The piece as sheet music; while it plays, the notes that sound are coloured.
import { useEffect, useRef, useState } from 'react';
import { api } from '../api/client';
import { sentence } from '../state/failures';
import { current } from '../state/history';
import { ensureSaved } from '../state/saving';
import { player } from '../state/sounding';
import { get, useStudio } from '../state/store';
import { t } from '../texts';
import { engrave } from './engraver';
import { adopt, noteTicks, type Moment } from './svg';

export default function SheetView() {
  const host = useRef<HTMLDivElement>(null);
  const moments = useRef<Moment[]>([]);
  const [state, setState] = useState<'loading' | 'ready' | string>('loading');
  const step = useStudio((s) => current(s.history));
  const playing = useStudio((s) => s.playing);

  useEffect(() => {
    let stale = false;
    void (async () => {
      setState('loading');
      try {
        const id = await ensureSaved();
        if (!id) return;
        const musicxml = await api.exportText(id, 'musicxml');
        const width = Math.max(320, host.current?.clientWidth ?? 800);
        const { pages, times } = await engrave(musicxml, width);
        if (stale || !host.current) return;
        host.current.replaceChildren(...pages.map(adopt));
        moments.current = noteTicks(times, get().view!);
        setState('ready');
      } catch (error) {
        if (!stale) setState(`${t.sheet.failed} ${sentence(error)}`);
      }
    })();
    return () => { stale = true; };
  }, [step?.base, step?.edits.length]);

  useEffect(() => {
    if (playing !== 'playing' || state !== 'ready') return;
    let frame = 0;
    let lit: Element[] = [];
    let last: Moment | null = null;
    const draw = () => {
      frame = requestAnimationFrame(draw);
      const tick = player.position();
      const now = moments.current.findLast((moment) => moment.tick <= tick + 1) ?? null;
      if (now === last) return;
      last = now;
      for (const element of lit) element.classList.remove('sounding');
      lit = (now?.ids ?? []).flatMap((id) => document.getElementById(id) ?? []);
      for (const element of lit) element.classList.add('sounding');
      const first = lit[0]?.getBoundingClientRect();
      const box = host.current?.getBoundingClientRect();
      if (first && box && (first.bottom > box.bottom - 16 || first.top < box.top)) {
        lit[0]!.scrollIntoView({
          block: 'center',
          behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth',
        });
      }
    };
    draw();
    return () => {
      cancelAnimationFrame(frame);
      for (const element of lit) element.classList.remove('sounding');
    };
  }, [playing, state]);

  return (
    <div className="sheet-view" tabIndex={0} role="region" aria-label={t.sheet.page} aria-busy={state === 'loading'}>
      {state === 'loading' && (
        <div className="sheet-loading">
          <p>{t.sheet.loading}</p>
          <progress className="progress" aria-label={t.sheet.loading} />
        </div>
      )}
      {state !== 'loading' && state !== 'ready' && <p className="wrong" role="alert">{state}</p>}
      <div ref={host} className="sheet-pages" />
    </div>
  );
}

