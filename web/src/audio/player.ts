// Plays a view that may still grow or be exchanged for another while it sounds. Notes are given to
// the voice a moment ahead; where music is still being written, playing never passes what is
// complete and waits there for more.
import type { View } from '../api/types';
import { visitNotes } from '../music/note_index';
import { firstTick, lastTick, secondsAt, tickAt } from '../music/timeline';
import { channelOf } from './sound';

// What the player needs of Sound.
export interface Output {
  readonly now: number;
  noteOn(channel: number, pitch: number, velocity: number, time: number): void;
  noteOff(channel: number, pitch: number, time: number): void;
  silence(): void;
}

export interface Playable {
  view: View;
  frontier: number | null;  // ticks; null: all of it is there
}

export interface Loop {
  from: number;
  to: number;
}

interface Anchor {
  time: number;     // of the audio clock
  seconds: number;  // of the piece
}

interface Off {
  time: number;
  channel: number;
  pitch: number;
  track: number;
  onset: number;
}

const kAhead = 0.12;
const kAheadHidden = 1.6;  // a page in the background is woken once a second
const kLeadIn = 0.06;
const kPeriod = 25;

export class Player {
  state: 'stopped' | 'playing' | 'waiting' = 'stopped';
  loop: Loop | null = null;
  onState: () => void = () => {};

  private anchor: Anchor = { time: 0, seconds: 0 };
  private before: Anchor | null = null;  // in force until anchor.time, at a loop's seam
  private scheduled = 0;                 // ticks; everything before it was given to the voice
  private resting = 0;                   // tick while stopped or waiting
  private offs: Off[] = [];
  private seen: View | null = null;
  private timer: ReturnType<typeof setInterval> | null = null;

  constructor(private readonly output: Output, private readonly source: () => Playable) {}

  get playing(): boolean {
    return this.state !== 'stopped';
  }

  // The tick that sounds now.
  position(): number {
    if (this.state !== 'playing') return this.resting;
    const view = this.seen ?? this.source().view;
    return tickAt(view, this.secondsNow(this.output.now));
  }

  play(from = this.resting): void {
    const { view, frontier } = this.source();
    const start = Math.max(from, firstTick(view));
    this.resting = frontier === null && start >= lastTick(view) ? firstTick(view) : start;
    if (this.loop && (this.resting < this.loop.from || this.resting >= this.loop.to)) {
      this.resting = this.loop.from;
    }
    this.seen = view;
    this.begin(this.output.now + kLeadIn);
    this.timer ??= setInterval(() => this.step(), kPeriod);
    this.step();
  }

  stop(): void {
    if (this.state === 'stopped') return;
    this.resting = this.position();
    this.state = 'stopped';
    if (this.timer) clearInterval(this.timer);
    this.timer = null;
    this.offs = [];
    this.output.silence();
    // What was given ahead may still begin; it is silenced too.
    setTimeout(() => { if (this.state === 'stopped') this.output.silence(); }, kAhead * 1000 + 20);
    this.onState();
  }

  seek(tick: number): void {
    this.resting = Math.max(0, tick);
    if (!this.playing) {
      this.onState();
      return;
    }
    for (const off of this.offs) this.output.noteOff(off.channel, off.pitch, this.output.now);
    this.offs = [];
    this.begin(this.output.now + 0.02);
    this.step();
  }

  private begin(time: number): void {
    const { view } = this.source();
    this.scheduled = this.resting;
    this.anchor = { time, seconds: secondsAt(view, this.resting) };
    this.before = null;
    this.setState('playing');
  }

  private setState(state: Player['state']): void {
    if (this.state === state) return;
    this.state = state;
    this.onState();
  }

  private secondsNow(now: number): number {
    const anchor = this.before && now < this.anchor.time ? this.before : this.anchor;
    return anchor.seconds + Math.max(0, now - anchor.time);
  }

  private step(): void {
    const { view, frontier } = this.source();
    const now = this.output.now;
    if (view !== this.seen) this.exchange(view, now);
    if (this.state === 'waiting') {
      if (frontier !== null && frontier <= this.resting) return;
      this.begin(now + kLeadIn);
    }
    const hidden = typeof document !== 'undefined' && document.hidden;
    const horizon = now + (hidden ? kAheadHidden : kAhead);
    this.schedule(view, frontier, horizon);
    this.release(horizon);

    const position = tickAt(view, this.secondsNow(now));
    if (frontier !== null && position >= frontier && this.scheduled >= frontier) {
      this.resting = Math.max(frontier, this.resting);
      this.setState('waiting');
    } else if (frontier === null && !this.loop && position >= lastTick(view)) {
      this.stop();
      this.resting = firstTick(view);
      this.onState();
    }
  }

  private schedule(view: View, frontier: number | null, horizon: number): void {
    for (let turns = 0; turns < 8; ++turns) {
      const reach = tickAt(view, this.anchor.seconds + (horizon - this.anchor.time));
      let until = Math.min(reach, frontier ?? Number.POSITIVE_INFINITY);
      const seam = this.loop && this.scheduled < this.loop.to ? this.loop : null;
      if (seam) until = Math.min(until, seam.to);
      if (until > this.scheduled) {
        this.give(view, this.scheduled, until);
        this.scheduled = until;
      }
      if (!seam || until < seam.to) return;
      const time = this.anchor.time + (secondsAt(view, seam.to) - this.anchor.seconds);
      this.before = this.anchor;
      this.anchor = { time, seconds: secondsAt(view, seam.from) };
      this.scheduled = seam.from;
    }
  }

  private give(view: View, from: number, until: number): void {
    const timeOf = (tick: number) =>
      this.anchor.time + (secondsAt(view, tick) - this.anchor.seconds);
    visitNotes(view, from, Math.ceil(until), (track, note) => {
      const [onset, duration, pitch, velocity] = note as [number, number, number, number];
      if (onset < from || onset >= until) return;
      const channel = channelOf(track, view.tracks[track]!.is_drum);
      const time = timeOf(onset);
      this.output.noteOn(channel, pitch, velocity, time);
      const end = Math.max(time + 0.03, timeOf(onset + duration) - 0.004);
      this.offs.push({ time: end, channel, pitch, track, onset });
    });
  }

  private release(horizon: number): void {
    const later: Off[] = [];
    for (const off of this.offs) {
      if (off.time <= horizon) this.output.noteOff(off.channel, off.pitch, off.time);
      else later.push(off);
    }
    this.offs = later;
  }

  // Another view takes over at the same tick, without a gap; notes that it does not hold end.
  private exchange(view: View, now: number): void {
    if (this.seen && this.state === 'playing') {
      const tick = tickAt(this.seen, this.secondsNow(now));
      const lead = Math.max(now, this.anchor.time);
      this.anchor = { time: lead, seconds: secondsAt(view, tick) };
      this.before = null;
      const cut = now + kAhead;
      for (const off of this.offs) {
        if (!holds(view, off)) off.time = Math.min(off.time, cut);
      }
    }
    this.seen = view;
  }
}

function holds(view: View, off: Off): boolean {
  let found = false;
  visitNotes(view, off.onset, off.onset + 1, (track, note) => {
    if (track === off.track && note[0] === off.onset && note[2] === off.pitch) found = true;
  });
  return found;
}
