// The views of pieces, fetched once; a piece never changes.
import { api } from '../api/client';
import type { Piece, View } from '../api/types';
import { applyEdits } from '../music/edit';
import type { Step } from './history';
import { get, set } from './store';

const kMost = 48;
const views = new Map<string, View>();
const ofSteps = new WeakMap<Step, View>();

export function remember(piece: Piece): void {
  const { view, ...summary } = piece;
  views.delete(piece.id);
  views.set(piece.id, view);
  if (views.size > kMost) views.delete(views.keys().next().value!);
  set({ pieces: new Map(get().pieces).set(piece.id, summary) });
}

export async function viewOf(id: string): Promise<View> {
  const known = views.get(id);
  if (known) return known;
  const piece = await api.piece(id);
  remember(piece);
  return piece.view;
}

export async function viewOfStep(step: Step): Promise<View> {
  const known = ofSteps.get(step);
  if (known) return known;
  const view = applyEdits(await viewOf(step.base), step.edits);
  ofSteps.set(step, view);
  return view;
}

export function rememberStep(step: Step, view: View): void {
  ofSteps.set(step, view);
}
