import { describe, expect, it } from 'vitest';
import { current, kNoHistory, push, redo, replace, saved, undo, type Step } from './history';
import type { Edit } from '../api/types';

const add = (onset: number): Edit => ({ op: 'add', track: 1, notes: [[onset, 24, 60, 80]] });
const step = (base: string, ...edits: Edit[]): Step => ({ base, edits, label: '' });

describe('history', () => {
  it('goes back and forth over edits and over what was written', () => {
    const [a, b, c] = [step('p'), step('p', add(0)), step('q')];
    let history = push(push(push(kNoHistory, a), b), c);
    history = undo(undo(undo(history)));
    expect(current(history)).toBe(a);
    history = redo(history);
    expect(current(history)).toBe(b);
  });

  it('gives up what could have been redone', () => {
    const history = push(undo(push(push(kNoHistory, step('p')), step('q'))), step('r'));
    expect(history.steps.map((s) => s.base)).toEqual(['p', 'r']);
    expect(redo(history)).toBe(history);
  });

  it('counts later edits from what was kept', () => {
    const [first, second] = [add(0), add(24)];
    const before = push(push(push(kNoHistory, step('p')), step('p', first)), step('p', first, second));
    const after = saved(before, before.steps[1]!, 'q');
    expect(after.steps).toEqual([step('p'), step('q'), step('q', second)]);
    expect(after.at).toBe(2);
  });

  it('leaves other branches alone when one is kept', () => {
    const history = push(push(kNoHistory, step('p', add(0))), step('z', add(0)));
    expect(saved(history, history.steps[0]!, 'q').steps[1]!.base).toBe('z');
  });

  it('replaces the step that is shown', () => {
    const history = replace(push(push(kNoHistory, step('p')), step('q')), step('r'));
    expect(history.steps.map((s) => s.base)).toEqual(['p', 'r']);
  });
});
