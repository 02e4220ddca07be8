import { describe, expect, it } from 'vitest';
import type { PieceSummary } from '../api/types';
import { buildTree, flatten, variationNumbers, variationsOf } from './tree';

let clock = 0;
function piece(id: string, parent: string | null, kind: string, job?: string): PieceSummary {
  return {
    id, name: id, parent, created: `2026-01-01T00:00:${String(clock++).padStart(2, '0')}Z`, deleted: false,
    origin: { kind, ...(job ? { job } : {}) }, bars: 8, notes: 1, seconds: 1, key: null, metre: '4/4', tempo: 120,
    tracks: [], midi: '', recipe: null, novelty: null,
  } as PieceSummary;
}

describe('the tree of takes', () => {
  it('hides edits behind the one that follows them', () => {
    const pieces = [
      piece('a', null, 'generated'), piece('b', 'a', 'edited'), piece('c', 'b', 'edited'), piece('d', 'c', 'infilled'),
    ];
    const rows = flatten(buildTree(pieces));
    expect(rows.map((row) => [row.piece.id, row.depth, row.steps.map((s) => s.id)])).toEqual([
      ['a', 0, []], ['c', 1, ['b']], ['d', 2, []],
    ]);
  });

  it('shows an edit from which something else was made', () => {
    const pieces = [
      piece('a', null, 'generated'), piece('b', 'a', 'edited'), piece('c', 'b', 'edited'), piece('d', 'b', 'continued'),
    ];
    expect(flatten(buildTree(pieces)).map((row) => row.piece.id)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('puts the newest piece first and keeps what lost its parent', () => {
    const pieces = [piece('a', null, 'generated'), piece('b', 'gone', 'continued'), { ...piece('x', null, 'typed'), deleted: true }];
    expect(buildTree(pieces).map((node) => node.piece.id)).toEqual(['b', 'a']);
  });

  it('steps through what one request wrote', () => {
    const pieces = [
      piece('a', null, 'generated', 'j1'), piece('b', null, 'generated', 'j1'), piece('c', null, 'generated', 'j2'),
    ];
    expect(variationsOf(pieces, 'b').map((p) => p.id)).toEqual(['a', 'b']);
    expect(variationsOf(pieces, 'c').map((p) => p.id)).toEqual(['c']);
  });

  it('steps through takes of one parent otherwise', () => {
    const pieces = [
      piece('a', null, 'imported'), piece('b', 'a', 'infilled', 'j1'), piece('c', 'a', 'infilled', 'j2'), piece('e', 'a', 'edited'),
    ];
    expect(variationsOf(pieces, 'b').map((p) => p.id)).toEqual(['b', 'c']);
  });

  it('goes by variation, where it is told, and not by time', () => {
    const created = '2026-01-01T00:01:00Z';
    const pieces = [2, 0, 1].map((variation) => {
      const made = piece(`v${variation}`, 'a', 'infilled', 'j');
      return { ...made, created, name: 'same', origin: { ...made.origin, variation } };
    });
    expect([...variationNumbers(pieces)]).toEqual([['v0', 1], ['v1', 2], ['v2', 3]]);
    expect(variationsOf(pieces, 'v2').map((p) => p.id)).toEqual(['v0', 'v1', 'v2']);
    const parent = piece('a', null, 'imported');
    expect(flatten(buildTree([...pieces, parent])).map((row) => row.piece.id)).toEqual(['a', 'v0', 'v1', 'v2']);
    // Even where the clock was set back between them.
    const late = pieces.map((p) => (p.id === 'v0' ? { ...p, created: '2026-01-01T00:02:00Z' } : p));
    expect([...variationNumbers(late)]).toEqual([['v0', 1], ['v1', 2], ['v2', 3]]);
  });

  it('numbers what one request wrote, by time where no variation is told', () => {
    const pieces = [piece('a', null, 'generated', 'j'), piece('b', null, 'generated', 'j'), piece('c', null, 'generated', 'k')];
    expect([...variationNumbers(pieces)]).toEqual([['a', 1], ['b', 2]]);
  });
});
