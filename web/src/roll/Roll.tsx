// The piano roll: two canvases, their pointer and what stands beside them.
import { useEffect, useMemo, useRef, useState } from 'react';
import type { View } from '../api/types';
import type { NoteKey } from '../music/notes';
import { phraseStarts } from '../music/phrases';
import { barEnd, emptyView } from '../music/timeline';
import { SelectionBar } from '../parts/SelectionBar';
import { levelOf, player } from '../state/sounding';
import { get, set, useStudio, watch } from '../state/store';
import { current } from '../state/history';
import { t } from '../texts';
import { BarsTable } from './BarsTable';
import { fitsWhole, Overview } from './Overview';
import { kKeysWidth, kRulerHeight, snapStep, xOf, zoom, type Viewport } from './geometry';
import { keepStep } from './step';
import { RollTools } from './RollTools';
import { spanOf } from './paint';
import { Pointer } from './pointer';
import { Surface } from './surface';

const kNothing = emptyView();
const kNone: ReadonlySet<NoteKey> = new Set();

export function Roll() {
  const host = useRef<HTMLDivElement>(null);
  const base = useRef<HTMLCanvasElement>(null);
  const top = useRef<HTMLCanvasElement>(null);
  const surface = useRef<Surface | null>(null);
  const [viewport, setViewport] = useState<Viewport | null>(null);
  const [hidden, setHidden] = useState(kNone);
  const view = useStudio((s) => s.view) ?? kNothing;
  const other = useStudio((s) => s.compare?.view ?? null);
  const selection = useStudio((s) => s.selection);
  const bars = useStudio((s) => s.bars);
  const track = useStudio((s) => s.track);
  const mix = useStudio((s) => s.mix);
  const writing = useStudio((s) => s.writing);
  const shown = useStudio((s) => s.pieces.get(current(s.history)?.base ?? ''));
  const clean = useStudio((s) => (current(s.history)?.edits.length ?? 0) === 0);
  const playing = useStudio((s) => s.playing);

  const phrases = useMemo(() => (writing ? [] : phraseStarts(view)), [view, writing !== null]);
  const fresh = useMemo(
    () => (writing ? null : freshSpan(view, shown?.origin.first_bar, shown?.origin.last_bar)),
    [view.bars, shown, writing !== null]);

  useEffect(() => {
    const made = new Surface(host.current!, base.current!, top.current!, () => ({
      tick: player.position(),
      moving: player.state === 'playing',
      frontier: get().writing?.frontier ?? null,
    }));
    surface.current = made;
    made.onViewport = () => {
      keepStep(snapStep(made.viewport));
      setViewport(made.viewport);
    };
    const pointer = new Pointer(host.current!, made, setHidden);
    const element = host.current!;
    const listeners: [string, (event: never) => void, AddEventListenerOptions?][] = [
      ['pointerdown', (e) => { element.focus({ preventScroll: true }); pointer.down(e); }],
      ['pointermove', (e) => pointer.move(e)],
      ['pointerup', (e) => pointer.up(e)],
      ['pointercancel', (e) => pointer.lost(e)],
      ['dblclick', (e) => pointer.double(e)],
      ['wheel', (e) => pointer.wheel(e), { passive: false }],
    ];
    for (const [name, listener, options] of listeners) {
      element.addEventListener(name, listener as EventListener, options);
    }
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const recolour = () => made.recolour();
    scheme.addEventListener('change', recolour);
    const attributes = new MutationObserver(recolour);
    attributes.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    const unwatch = watch(() => made.request());
    return () => {
      made.close();
      unwatch();
      attributes.disconnect();
      scheme.removeEventListener('change', recolour);
      for (const [name, listener] of listeners) {
        element.removeEventListener(name, listener as EventListener);
      }
    };
  }, []);

  useEffect(() => {
    surface.current?.show({
      view, other, selection, bars, track, phrases, hidden, fresh,
      quiet: (index) => levelOf(mix, index) === 0,
      novelty: clean ? shown?.novelty ?? null : null,
    });
  }, [view, other, selection, bars, track, mix, shown, phrases, hidden, fresh, clean]);

  // A piece that was not here before is shown whole; what is being written gets its room at once.
  const piece = useRef<string | null>(null);
  const root = rootOf(shown?.id);
  useEffect(() => {
    if (writing?.kind === 'generate') return;
    if (root && piece.current !== root) {
      piece.current = root;
      surface.current?.showAll();
    }
  }, [root, writing !== null]);
  useEffect(() => {
    if (!writing) return;
    const made = surface.current;
    if (!made) return;
    if (writing.kind === 'generate') {
      const bar = view.bars[0]?.length ?? 96;
      made.showAll(get().wish.bars * bar);
    } else {
      made.reveal(writing.from);
    }
    made.follow();
  }, [writing !== null, writing?.kind]);
  useEffect(() => {
    if (writing?.kind === 'generate' && view.bars.length === 1) {
      surface.current?.showAll(get().wish.bars * view.bars[0]!.length);
    }
  }, [view.bars]);
  useEffect(() => {
    if (playing === 'playing') surface.current?.follow();
  }, [playing]);

  const zoomBy = (factor: number) => {
    const made = surface.current;
    if (!made) return;
    const v = made.viewport;
    const cursor = xOf(v, player.position());
    const x = cursor > kKeysWidth && cursor < v.width ? cursor : (v.width + kKeysWidth) / 2;
    made.move(zoom(v, factor, 1, x, kRulerHeight));
  };
  useEffect(() => {
    const onKey = (event: Event) => {
      const wish = (event as CustomEvent<'in' | 'out' | 'fit'>).detail;
      if (wish === 'fit') surface.current?.showAll();
      else zoomBy(wish === 'in' ? 1.4 : 1 / 1.4);
    };
    addEventListener('hemiola:zoom', onKey);
    return () => removeEventListener('hemiola:zoom', onKey);
  }, []);

  const span = bars && spanOf(view, bars);
  return (
    <div className="roll-area">
      <div className="roll" ref={host} tabIndex={0} role="application" aria-label={t.roll.label}
           aria-describedby="roll-help"
           onFocus={() => { if (get().sheet) set({ sheet: null }); }}>
        <canvas ref={base} aria-hidden="true" />
        <canvas ref={top} aria-hidden="true" />
      </div>
      <p id="roll-help" className="unseen">{t.roll.help}</p>
      {span && viewport && !writing && (
        <SelectionBar left={xOf(viewport, span[0])} right={xOf(viewport, span[1])}
                      width={viewport.width} />
      )}
      {viewport && !writing && !fitsWhole(view, viewport) && (
        <Overview view={view} viewport={viewport}
                  onMove={(tick) => surface.current?.move({ ...surface.current.viewport, tick })} />
      )}
      <RollTools zoomIn={() => zoomBy(1.4)} zoomOut={() => zoomBy(1 / 1.4)}
                 fit={() => surface.current?.showAll()} />
      {!writing && <BarsTable view={view} />}
    </div>
  );
}

function freshSpan(view: View, first?: number, last?: number): { from: number; to: number } | null {
  if (first === undefined || last === undefined || view.bars.length === 0) return null;
  const begin = view.bars.find((bar) => bar.number === first);
  const after = view.bars.find((bar) => bar.number === last + 1);
  if (!begin) return null;
  const span = { from: begin.start, to: after ? after.start : barEnd(view) };
  return span.from === 0 && span.to >= barEnd(view) ? null : span;
}

// Takes of one piece share the way it is looked at.
function rootOf(id: string | undefined): string | undefined {
  const { pieces } = get();
  let at = id;
  for (let depth = 0; at && depth < 1000; ++depth) {
    const parent: string | null | undefined = pieces.get(at)?.parent;
    if (!parent || !pieces.has(parent)) return at;
    at = parent;
  }
  return at;
}

