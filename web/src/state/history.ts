// Everything that was done, as steps one can go back to: a step names a piece that the server
// keeps and the edits made to it since. Steps hold no notes, so they are cheap to keep and to store.
import type { Edit } from '../api/types';

export interface Step {
  base: string;  // a piece
  edits: Edit[];
  label: string;
}

export interface History {
  steps: Step[];
  at: number;  // index of the step that is shown; -1: none
}

export const kNoHistory: History = { steps: [], at: -1 };
const kMost = 400;

export function current(history: History): Step | null {
  return history.steps[history.at] ?? null;
}

// What could have been redone is given up, as everywhere.
export function push(history: History, step: Step): History {
  const steps = [...history.steps.slice(0, history.at + 1), step].slice(-kMost);
  return { steps, at: steps.length - 1 };
}

export function replace(history: History, step: Step): History {
  if (history.at < 0) return push(history, step);
  return { steps: [...history.steps.slice(0, history.at), step], at: history.at };
}

export function undo(history: History): History {
  return history.at > 0 ? { ...history, at: history.at - 1 } : history;
}

export function redo(history: History): History {
  return history.at < history.steps.length - 1 ? { ...history, at: history.at + 1 } : history;
}

// The server keeps `saved` under the name `piece` now: it and what was done on top of it since are
// counted from there.
export function saved(history: History, saved: Step, piece: string): History {
  const startsAlike = (step: Step) =>
    step.base === saved.base && step.edits.length >= saved.edits.length &&
    saved.edits.every((edit, i) => step.edits[i] === edit);
  return {
    ...history,
    steps: history.steps.map((step) => (startsAlike(step)
      ? { ...step, base: piece, edits: step.edits.slice(saved.edits.length) }
      : step)),
  };
}
