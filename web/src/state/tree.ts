// The tree of takes, as it is shown: a row of edits made one after the other is one take, with the
// steps before it behind it.
import type { PieceSummary } from '../api/types';

export interface TakeNode {
  piece: PieceSummary;
  depth: number;
  steps: PieceSummary[];  // earlier states of this take, the oldest first
  children: TakeNode[];
}

export function buildTree(pieces: Iterable<PieceSummary>): TakeNode[] {
  const known = new Map<string, PieceSummary>();
  for (const piece of pieces) if (!piece.deleted) known.set(piece.id, piece);
  const children = new Map<string | null, PieceSummary[]>();
  for (const piece of known.values()) {
    const parent = piece.parent && known.has(piece.parent) ? piece.parent : null;
    children.set(parent, [...(children.get(parent) ?? []), piece]);
  }
  const below = (id: string | null) => [...(children.get(id) ?? [])].sort(oldestFirst);

  const grow = (piece: PieceSummary, depth: number): TakeNode => {
    const steps: PieceSummary[] = [];
    let shown = piece;
    for (;;) {
      const next = below(shown.id);
      if (!isEdit(shown) || next.length !== 1 || !isEdit(next[0]!)) break;
      steps.push(shown);
      shown = next[0]!;
    }
    return {
      piece: shown, depth, steps,
      children: below(shown.id).map((child) => grow(child, depth + 1)),
    };
  };
  return below(null).reverse().map((root) => grow(root, 0));
}

function isEdit(piece: PieceSummary): boolean {
  return piece.origin.kind === 'edited';
}

function oldestFirst(a: PieceSummary, b: PieceSummary): number {
  return a.created.localeCompare(b.created) || variationOf(a) - variationOf(b) || a.name.localeCompare(b.name);
}

// Of one request, which keeps all that it wrote together: their times may be the same.
function byVariation(a: PieceSummary, b: PieceSummary): number {
  return variationOf(a) - variationOf(b) || oldestFirst(a, b);
}

// Where it is not told, time alone gives the order.
function variationOf(piece: PieceSummary): number {
  return piece.origin.variation ?? 0;
}

export function flatten(nodes: readonly TakeNode[]): TakeNode[] {
  return nodes.flatMap((node) => [node, ...flatten(node.children)]);
}

// The takes to step through with the arrow keys: what one request wrote; or, where that is a
// single one, the takes beside it.
export function variationsOf(pieces: Iterable<PieceSummary>, id: string): PieceSummary[] {
  const all = [...pieces].filter((piece) => !piece.deleted);
  const here = all.find((piece) => piece.id === id);
  if (!here) return [];
  const wrote = here.origin.job;
  const together = wrote ? all.filter((piece) => piece.origin.job === wrote) : [];
  if (together.length > 1) return together.sort(byVariation);
  if (here.parent === null) return [here];
  return all.filter((piece) => piece.parent === here.parent && !isEdit(piece)).sort(oldestFirst);
}

// Which of how many that one request wrote, from 1; only where it wrote several.
export function variationNumbers(pieces: Iterable<PieceSummary>): Map<string, number> {
  const jobs = new Map<string, PieceSummary[]>();
  for (const piece of pieces) {
    const { job } = piece.origin;
    if (job && !piece.deleted) jobs.set(job, [...(jobs.get(job) ?? []), piece]);
  }
  const numbers = new Map<string, number>();
  for (const together of jobs.values()) {
    if (together.length > 1) together.sort(byVariation).forEach((piece, i) => numbers.set(piece.id, i + 1));
  }
  return numbers;
}
