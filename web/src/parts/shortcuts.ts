// The keys, as listed under "?". They rest while one types or a dialog is open.
import { useEffect } from 'react';
import { snapStepNow } from '../roll/step';
import * as editing from '../state/editing';
import { barIndexAt } from '../music/timeline';
import { player, toggleLoop, togglePlayShown, toStart } from '../state/sounding';
import { get, set } from '../state/store';
import { stepVariation } from '../state/takes';
import { goOn, rewrite, stopWriting, vary } from '../state/writing';
import { write } from './WriteButton';

export function useShortcuts(): void {
  useEffect(() => {
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
}

function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return target.type !== 'checkbox';
  return target.isContentEditable || ['TEXTAREA', 'SELECT'].includes(target.tagName);
}

function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || get().dialog || typing(event.target)) return;
  const command = event.ctrlKey || event.metaKey;
  const run = command ? commands[event.key.toLowerCase()] : plain(event);
  if (!run) return;
  event.preventDefault();
  run(event);
}

type Run = (event: KeyboardEvent) => void;

const commands: Record<string, Run> = {
  z: (e) => void (e.shiftKey ? editing.redo() : editing.undo()),
  y: () => void editing.redo(),
  c: () => editing.copySelected(),
  x: () => editing.cutSelected(),
  v: () => editing.paste(),
  a: () => editing.selectAll(),
};

function plain(event: KeyboardEvent): Run | null {
  const { target } = event;
  const onButton = target instanceof HTMLElement && target.closest('button, summary, a');
  if (event.key === ' ') return onButton || !get().view ? null : togglePlayShown;
  if (event.key.startsWith('Arrow')) return get().view ? arrows : null;
  return single[event.key] ?? single[event.key.toLowerCase()] ?? null;
}

const single: Record<string, Run> = {
  '?': () => set({ dialog: 'help' }),
  Home: toStart,
  Escape: () => (get().writing ? void stopWriting() : editing.clearSelection()),
  Delete: () => editing.removeSelected(),
  Backspace: () => editing.removeSelected(),
  w: () => { if (!get().writing) write(); },
  d: () => set({ tool: get().tool === 'draw' ? 'select' : 'draw' }),
  l: toggleLoop,
  r: () => withBars((bars) => void rewrite(bars)),
  v: () => withBars((bars) => void vary(bars)),
  g: () => withBars((bars) => void goOn(get().view!.bars[bars.last]!.number)),
  a: () => document.querySelector<HTMLElement>('.selection-bar .popover > button')?.click(),
  '[': () => moveBars(-1),
  ']': () => moveBars(1),
  '+': () => zoom('in'),
  '=': () => zoom('in'),
  '-': () => zoom('out'),
  '0': () => zoom('fit'),
};

function zoom(detail: 'in' | 'out' | 'fit'): void {
  dispatchEvent(new CustomEvent('hemiola:zoom', { detail }));
}

function withBars(run: (bars: { first: number; last: number }) => void): void {
  const { bars, writing } = get();
  if (bars && !writing) run(bars);
}

// Without a selection the bar of the play cursor; with one, the bar beside it.
function moveBars(by: 1 | -1): void {
  const { bars, view } = get();
  if (!view) return;
  const at = bars ? (by > 0 ? bars.last : bars.first) + by : barIndexAt(view.bars, player.position());
  const bar = Math.min(view.bars.length - 1, Math.max(0, at));
  set({ bars: { first: bar, last: bar } });
}

function arrows(event: KeyboardEvent): void {
  const { selection, view } = get();
  const horizontal = event.key === 'ArrowLeft' || event.key === 'ArrowRight';
  const sign = event.key === 'ArrowLeft' || event.key === 'ArrowDown' ? -1 : 1;
  if (selection.size === 0) {
    if (!horizontal) {
      void stepVariation(sign > 0 ? -1 : 1);
      return;
    }
    const bars = view!.bars;
    const at = barIndexAt(bars, player.position() + 1);
    const near = player.position() - bars[at]!.start < 6;
    const next = sign > 0 ? at + 1 : near ? at - 1 : at;
    player.seek(bars[Math.min(bars.length - 1, Math.max(0, next))]!.start);
    return;
  }
  const step = snapStepNow();
  if (event.altKey) {
    if (horizontal) editing.resizeSelected(sign * step);
    else editing.louder(sign * 8);
  } else if (horizontal) {
    editing.moveSelected(sign * step, 0);
  } else {
    editing.moveSelected(0, sign * (event.shiftKey ? 12 : 1));
  }
}
