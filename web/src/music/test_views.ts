// Small views for tests.
import type { Note, View } from '../api/types';
import { barLength, emptyView } from './timeline';

export interface Shape {
  bars?: number;
  metre?: string;
  tempo?: number;
  tracks?: Note[][];
}

export function viewWith({ bars = 4, metre = '4/4', tempo = 120, tracks = [[]] }: Shape = {}): View {
  const length = barLength(metre);
  const seconds = (length * 60) / (tempo * 24);
  return {
    ...emptyView(metre, tempo),
    seconds: bars * seconds,
    bars: Array.from({ length: bars }, (_, i) => ({
      number: i + 1, start: i * length, length, seconds: i * seconds, metre, key: null, tempo,
      chord: null, chord_at_middle: null,
    })),
    tracks: tracks.map((notes) => ({ name: '', program: 0, is_drum: false, notes })),
  };
}
