// Keeps what was done: steps and play position in the browser at once, edits on the server as soon
// as the person pauses.
import { api } from '../api/client';
import { applyEdits } from '../music/edit';
import { saveDesk } from './desk';
import { complain } from './failures';
import { current, saved, type Step } from './history';
import { player } from './sounding';
import { get, set } from './store';
import { remember, rememberStep } from './views';

const kPause = 1200;
let timer: ReturnType<typeof setTimeout> | null = null;
let running: Promise<string | null> | null = null;

export function keepDesk(): void {
  void saveDesk({ history: get().history, position: player.position() }).catch(() => {});
}

// A MIDI file holds no track without notes, so edits that leave one wait for its first note.
function hasEmptyTrack(): boolean {
  return get().view?.tracks.some((track) => track.notes.length === 0) ?? false;
}

export function saveSoon(): void {
  keepDesk();
  set({ saving: 'unsaved' });
  if (timer) clearTimeout(timer);
  timer = setTimeout(() => {
    if (!hasEmptyTrack()) void ensureSaved().catch(() => {});
  }, kPause);
}

// The piece on the server that holds what is shown; null where nothing is.
export async function ensureSaved(): Promise<string | null> {
  if (running) await running.catch(() => null);
  const step = current(get().history);
  if (!step) return null;
  if (step.edits.length === 0) return step.base;
  if (timer) clearTimeout(timer);
  running = save(step);
  try {
    return await running;
  } finally {
    running = null;
  }
}

async function save(step: Step): Promise<string> {
  set({ saving: 'saving' });
  try {
    const piece = await api.createPiece({ from: 'edits', parent: step.base, edits: step.edits });
    remember(piece);
    const history = saved(get().history, step, piece.id);
    const shown = current(history)!;
    const onTop = shown.base === piece.id;
    const view = onTop ? applyEdits(piece.view, shown.edits) : get().view;
    if (onTop) rememberStep(shown, view!);
    const clean = shown.edits.length === 0;
    set({ history, view, saving: clean ? 'saved' : 'unsaved' });
    if (!clean) saveSoon();
    keepDesk();
    return piece.id;
  } catch (error) {
    set({ saving: 'failed' });
    complain(error);
    throw error;
  }
}
