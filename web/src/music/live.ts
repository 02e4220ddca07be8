// A piece while it is being written: the notes of one variation as they arrive, laid over what
// stood there before. `frontier` says up to where the music is complete and can be played.
import type { Bar, JobEvents, JobRequest, Note, Track, View } from '../api/types';
import { beatLength, barIndexAt, emptyView } from './timeline';

type NoteEvent = NonNullable<JobEvents['note']>;
type TrackEvent = NonNullable<JobEvents['track']>;

export interface Area {
  from: number;  // ticks; what is being written lies inside
  to: number;
}

export class LiveTake {
  private readonly tracks: Track[] = [];
  private bars: Bar[];
  private pending: Note[][] = [];
  private readonly base: View | null;
  private cached: View | null = null;
  private last = -1;
  notes = 0;
  readonly area: Area;

  constructor(base: View | null, request: JobRequest) {
    this.base = base;
    this.area = areaOf(base, request);
    const keep = base ? keptBars(base, request) : [];
    this.bars = keep;
    if (base) {
      const rewritten = rewrittenTracks(request);
      this.tracks = base.tracks.map((track, index) => ({
        ...track,
        notes: track.notes.filter((note) =>
          note[0]! < this.area.from || note[0]! >= this.area.to || !rewritten(index)),
      }));
    }
    this.pending = this.tracks.map(() => []);
  }

  addTrack(event: TrackEvent): void {
    const index = event.track - 1;
    while (this.tracks.length <= index) {
      this.tracks.push({ name: '', program: 0, is_drum: false, notes: [] });
      this.pending.push([]);
    }
    this.tracks[index] = {
      name: event.name, program: event.program, is_drum: event.is_drum,
      notes: this.tracks[index]!.notes,
    };
    this.cached = null;
  }

  addBar(bar: Bar): void {
    const known = this.bars.findIndex((other) => other.start === bar.start);
    if (known >= 0) {
      if (!this.base) this.bars[known] = bar;
    } else {
      const before = this.bars.at(-1);
      // Nominal seconds of a new bar count from where the bars before it really end.
      const seconds = before && this.base ? before.seconds + (before.length * 60) / (before.tempo * 24)
                                          : bar.seconds;
      this.bars = [...this.bars, { ...bar, seconds }];
    }
    this.last = Math.max(this.last, bar.start);
    this.cached = null;
  }

  addNote(event: NoteEvent): void {
    this.addTrackIfMissing(event.track);
    this.pending[event.track - 1]!.push(
      [event.onset, event.duration, event.pitch, event.velocity]);
    this.last = Math.max(this.last, event.onset);
    ++this.notes;
    this.cached = null;
  }

  // Ticks before this are complete: beats are written one after the other, all tracks of each.
  get frontier(): number {
    if (this.last < 0) return this.area.from;
    const bar = this.bars[barIndexAt(this.bars, this.last)];
    if (!bar) return this.last;
    const beat = beatLength(bar.metre);
    return bar.start + Math.floor((this.last - bar.start) / beat) * beat;
  }

  view(): View {
    if (this.cached) return this.cached;
    this.tracks.forEach((track, index) => {
      const fresh = this.pending[index]!;
      if (fresh.length === 0) return;
      const notes = [...track.notes, ...fresh];
      notes.sort((a, b) => a[0]! - b[0]! || b[2]! - a[2]!);
      this.tracks[index] = { ...track, notes };
      this.pending[index] = [];
    });
    const shell = this.base ?? emptyView();
    const bars = this.bars.length > 0 ? this.bars : shell.bars;
    const end = bars.at(-1)!;
    this.cached = {
      ...shell,
      has_upbeat: this.base ? shell.has_upbeat : bars[0]!.number === 0,
      seconds: end.seconds + (end.length * 60) / (end.tempo * 24),
      bars,
      tracks: [...this.tracks],
    };
    return this.cached;
  }

  private addTrackIfMissing(number: number): void {
    if (this.tracks[number - 1]) return;
    this.addTrack({ variation: 1, track: number, name: '', program: 0, is_drum: false });
  }
}

export function areaOf(base: View | null, request: JobRequest): Area {
  const whole = { from: 0, to: Number.POSITIVE_INFINITY };
  if (!base) return whole;
  const startOf = (number: number) => base.bars.find((bar) => bar.number === number)?.start;
  const end = base.bars.at(-1)!.start + base.bars.at(-1)!.length;
  const endOf = (number: number) => startOf(number + 1) ?? end;
  switch (request.kind) {
    case 'continue':
      return {
        from: request.from_bar === undefined ? end : startOf(request.from_bar) ?? end,
        to: Number.POSITIVE_INFINITY,
      };
    case 'infill':
      return { from: startOf(request.first_bar) ?? 0, to: endOf(request.last_bar) };
    case 'accompany':
      return {
        from: request.first_bar === undefined ? 0 : startOf(request.first_bar) ?? 0,
        to: request.last_bar === undefined ? end : endOf(request.last_bar),
      };
    default:
      return whole;
  }
}

function keptBars(base: View, request: JobRequest): Bar[] {
  if (request.kind !== 'continue' || request.from_bar === undefined) return [...base.bars];
  return base.bars.filter((bar) => bar.number < request.from_bar!);
}

function rewrittenTracks(request: JobRequest): (index: number) => boolean {
  if (request.kind === 'accompany') return () => false;
  if (request.kind === 'infill' && request.tracks && request.tracks.length > 0) {
    const named = new Set(request.tracks.map((number) => number - 1));
    return (index) => named.has(index);
  }
  return () => true;
}
