// The music as a table, for those who do not see the roll.
import { useMemo } from 'react';
import type { View } from '../api/types';
import { chordName, keyName, pitchName, writtenWithFlats } from '../music/notes';
import { t } from '../texts';

const kMostBars = 200;
const kMostNotes = 24;

export function BarsTable({ view }: { view: View }) {
  const rows = useMemo(() => rowsOf(view), [view]);
  return (
    <div className="unseen">
      <table>
        <caption>{t.roll.table}</caption>
        <thead>
          <tr>
            <th scope="col">{t.roll.tableBar}</th>
            <th scope="col">{t.roll.tableMetre}</th>
            <th scope="col">{t.roll.tableKey}</th>
            <th scope="col">{t.roll.tableChord}</th>
            <th scope="col">{t.roll.tableNotes}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.bar}>
              <th scope="row">{row.bar}</th>
              <td>{row.metre}</td>
              <td>{row.key}</td>
              <td>{row.chords}</td>
              <td>{row.notes}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export interface BarRow {
  bar: number;
  metre: string;
  key: string;
  chords: string;
  notes: string;
}

export function rowsOf(view: View): BarRow[] {
  return view.bars.slice(0, kMostBars).map((bar) => {
    const inside: [number, number][] = [];
    for (const track of view.tracks) {
      for (const note of track.notes) {
        if (note[0]! >= bar.start + bar.length) break;
        if (note[0]! >= bar.start) inside.push([note[0]!, note[2]!]);
      }
    }
    inside.sort((a, b) => a[0] - b[0] || b[1] - a[1]);
    const names = inside.slice(0, kMostNotes).map(([, pitch]) => pitchName(pitch, writtenWithFlats(bar.key)));
    return {
      bar: bar.number,
      metre: bar.metre,
      key: bar.key ? keyName(bar.key) : '',
      chords: [bar.chord, bar.chord_at_middle].filter((c) => c !== null).map((c) => chordName(c, bar.key)).join(' '),
      notes: names.join(' ') + (inside.length > kMostNotes ? ' …' : '') || t.roll.quiet,
    };
  });
}
