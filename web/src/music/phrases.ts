// Where phrases seem to begin, for the marks over the bars: a bar begins one when the top line
// rests or holds a long note before it. A reading aid, no analysis that anything else relies on.
import type { View } from '../api/types';

export function phraseStarts(view: View): number[] {
  const { bars } = view;
  if (bars.length === 0) return [];
  const spans: [number, number][] = [];  // onset and end of the top note at each onset
  const top = new Map<number, [number, number, number]>();
  for (const track of view.tracks) {
    if (track.is_drum) continue;
    for (const note of track.notes) {
      const known = top.get(note[0]!);
      if (!known || note[2]! > known[2]) top.set(note[0]!, [note[0]!, note[0]! + note[1]!, note[2]!]);
    }
  }
  for (const [onset, end] of [...top.values()].sort((a, b) => a[0] - b[0])) spans.push([onset, end]);

  const starts = [0];
  let next = 0;
  for (let i = 1; i < bars.length; ++i) {
    const bar = bars[i]!;
    while (next < spans.length && spans[next]![0] < bar.start) ++next;
    const before = spans[next - 1];
    const after = spans[next];
    if (!before || !after) continue;
    const wait = after[0] - before[0];
    const rest = after[0] - Math.min(before[1], after[0]);
    const since = i - starts.at(-1)!;
    const strong = wait >= bar.length / 2 || rest >= bar.length / 4;
    if ((since >= 2 && strong) || since >= 8) starts.push(i);
  }
  return starts;
}
