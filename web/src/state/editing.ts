// Edits by hand: each is done here at once, is a step to go back to, and is kept.
import type { Edit } from '../api/types';
import { applyEdits } from '../music/edit';
import {
  addNotes, copyNotes, moveNotes, pasteNotes, removeNotes, resizeNotes, setVelocity, type Change,
} from '../music/gestures';
import { noteKey, refsOf, type NoteKey } from '../music/notes';
import { barIndexAt } from '../music/timeline';
import { complain } from './failures';
import { current, push, redo as redoHistory, undo as undoHistory, type History } from './history';
import { keepDesk, saveSoon } from './saving';
import { player } from './sounding';
import { get, set } from './store';
import { rememberStep, viewOfStep } from './views';

export function edit(edits: Edit[], label: string, selection?: ReadonlySet<NoteKey>): void {
  const { history, view, writing } = get();
  const step = current(history);
  if (!step || !view || writing || edits.length === 0) return;
  const next = applyEdits(view, edits);
  const made = { base: step.base, edits: [...step.edits, ...edits], label };
  rememberStep(made, next);
  set({ history: push(history, made), view: next, selection: selection ?? new Set() });
  saveSoon();
}

function perform(change: Change, label: string): void {
  edit(change.edits, label, change.selection);
}

const selected = () => {
  const { view, selection } = get();
  return view ? refsOf(view, selection) : [];
};

export const moveSelected = (ticks: number, semitones: number) =>
  perform(moveNotes(selected(), ticks, semitones), 'move');
export const resizeSelected = (ticks: number) => perform(resizeNotes(selected(), ticks), 'resize');
export const louder = (by: number) => perform(setVelocity(selected(), by), 'loudness');
export const removeSelected = () => perform(removeNotes(selected()), 'delete');

export function drawNote(track: number, onset: number, duration: number, pitch: number): void {
  perform(addNotes([{ track, note: [onset, duration, pitch, 80] }]), 'draw');
}

export function copySelected(): boolean {
  const { view, selection } = get();
  const clip = view && copyNotes(view, selection);
  if (clip) set({ clip });
  return clip !== null;
}

export function cutSelected(): void {
  if (copySelected()) removeSelected();
}

// At the first selected bar, else at the bar of the play cursor.
export function paste(): void {
  const { view, clip, bars } = get();
  if (!view || !clip) return;
  const bar = view.bars[bars ? bars.first : barIndexAt(view.bars, player.position())]!;
  perform(pasteNotes(view, clip, bar.start), 'paste');
}

export function selectAll(): void {
  const { view } = get();
  if (!view) return;
  const keys = new Set<NoteKey>();
  view.tracks.forEach((track, index) => {
    for (const note of track.notes) keys.add(noteKey(index, note));
  });
  set({ selection: keys });
}

export function clearSelection(): void {
  set({ selection: new Set(), bars: null });
}

async function show(history: History): Promise<void> {
  const step = current(history);
  if (!step || get().writing) return;
  try {
    const view = await viewOfStep(step);
    set({
      history, view, selection: new Set(),
      saving: step.edits.length === 0 ? 'saved' : 'unsaved',
    });
    keepDesk();
  } catch (error) {
    complain(error);
  }
}

// One after the other: a view may have to be fetched, and keys are pressed faster than that.
let last = Promise.resolve();
function move(by: (history: History) => History): Promise<void> {
  last = last.then(() => show(by(get().history)));
  return last;
}

export const undo = () => move(undoHistory);
export const redo = () => move(redoHistory);
export const showHistory = show;
