import { describe, expect, it } from 'vitest';
import { viewWith } from '../music/test_views';
import { noteTicks } from './svg';

describe('engraved notes', () => {
  it('are found by the tick at which they sound', () => {
    const view = viewWith({ bars: 3, metre: '3/4', tempo: 60 });
    view.bars[2]!.tempo = 120;  // twice as fast from the third bar on
    const at = noteTicks([{ seconds: 0, ids: ['a'] }, { seconds: 3, ids: ['b'] }, { seconds: 6.5, ids: ['c'] }], view);
    expect(at.map((moment) => moment.tick)).toEqual([0, 72, 168]);
  });

  it('begin after the silence of an upbeat', () => {
    const view = { ...viewWith({ bars: 2, tempo: 60 }), has_upbeat: true, unwritten_rest: 72 };
    const at = noteTicks([{ seconds: 0, ids: ['a'] }, { seconds: 1, ids: ['b'] }], view);
    expect(at.map((moment) => moment.tick)).toEqual([72, 96]);
  });
});
