// Opening, naming, deleting and comparing takes.
import { api } from '../api/client';
import { t } from '../texts';
import { firstTick } from '../music/timeline';
import { complain } from './failures';
import { current, kNoHistory, push, replace } from './history';
import { showHistory } from './editing';
import { keepDesk } from './saving';
import { player } from './sounding';
import { get, notify, set } from './store';
import { variationsOf } from './tree';
import { viewOf } from './views';

const kOpened = 'open';

export function shownPiece(): string | null {
  return current(get().history)?.base ?? null;
}

// Stepping through takes leaves one step behind it, not one for each take passed.
export async function openTake(id: string): Promise<void> {
  const { history } = get();
  const step = { base: id, edits: [], label: kOpened };
  const last = current(history);
  if (last?.base === id && last.edits.length === 0) return;
  const passing = last?.label === kOpened && last.edits.length === 0 && history.at > 0;
  await showHistory(passing ? replace(history, step) : push(history, step));
}

export async function stepVariation(by: 1 | -1): Promise<void> {
  const id = shownPiece();
  if (!id || get().writing) return;
  const takes = variationsOf(get().pieces.values(), id);
  const at = takes.findIndex((take) => take.id === id);
  const next = takes[(at + by + takes.length) % takes.length];
  if (next && next.id !== id) await openTake(next.id);
}

export async function renameTake(id: string, name: string): Promise<void> {
  const trimmed = name.trim();
  if (!trimmed) return;
  try {
    const piece = await api.renamePiece(id, trimmed);
    set({ pieces: new Map(get().pieces).set(id, piece) });
  } catch (error) {
    complain(error);
  }
}

export async function removeTake(id: string): Promise<void> {
  const piece = get().pieces.get(id);
  if (!piece) return;
  try {
    await api.deletePiece(id);
    set({ pieces: new Map(get().pieces).set(id, { ...piece, deleted: true }) });
    notify(t.takes.removed(piece.name), 'info', {
      label: t.takes.bringBack, run: () => void bringBack(id),
    });
    if (shownPiece() === id) {
      if (piece.parent && get().pieces.get(piece.parent)) await openTake(piece.parent);
      else startAnew();
    }
  } catch (error) {
    complain(error);
  }
}

async function bringBack(id: string): Promise<void> {
  try {
    const piece = await api.restorePiece(id);
    set({ pieces: new Map(get().pieces).set(id, piece) });
    await openTake(id);
  } catch (error) {
    complain(error);
  }
}

// The empty page again; everything made before stays among the takes.
export function startAnew(): void {
  player.stop();
  player.seek(0);
  set({
    history: kNoHistory, view: null, selection: new Set(), bars: null, compare: null, tab: 'notes',
    mix: [], saving: 'saved',
  });
  keepDesk();
}

export async function compareWith(id: string): Promise<void> {
  const piece = get().pieces.get(id);
  if (!piece || id === get().compare?.piece.id) {
    set({ compare: null });
    return;
  }
  try {
    set({ compare: { piece, view: await viewOf(id) } });
  } catch (error) {
    complain(error);
  }
}

// A piece that has just come into being becomes what is shown.
export async function showNew(id: string, label: string): Promise<void> {
  await showHistory(push(get().history, { base: id, edits: [], label }));
  const { view } = get();
  if (view && !player.playing) player.seek(firstTick(view));
}
