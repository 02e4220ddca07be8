// Asking for music and taking it in as it is written.
import { api } from '../api/client';
import { listen } from '../api/events';
import type { Job, JobRequest, View } from '../api/types';
import { areaOf, LiveTake } from '../music/live';
import { barIndexAt } from '../music/timeline';
import { t } from '../texts';
import { complain } from './failures';
import { current, push } from './history';
import { checkNovelty } from './novelty';
import { ensureSaved, keepDesk } from './saving';
import { mixOf, player, sound } from './sounding';
import { get, notify, set, type BarRange, type State } from './store';
import { commonRequest, controlsOf } from './wish';
import { remember, viewOf } from './views';

const kVariationsOfVary = 3;
const kAsked = 'hemiola.job';

export function writeAnew(): Promise<void> {
  const { wish } = get();
  return write(() => ({
    kind: 'generate', bars: wish.bars, controls: controlsOf(wish), ...commonRequest(wish),
  }));
}

export function goOn(after?: number): Promise<void> {
  const { wish, view } = get();
  return write((piece) => ({
    kind: 'continue', piece, bars: wish.bars, controls: controlsOf(wish), ...commonRequest(wish),
    ...(after !== undefined && after < view!.bars.at(-1)!.number ? { from_bar: after + 1 } : {}),
  }));
}

function barsOf(range: BarRange) {
  const { bars } = get().view!;
  return { first_bar: bars[range.first]!.number, last_bar: bars[range.last]!.number };
}

function tracksOf() {
  const { onlyTrack, track, view } = get();
  return onlyTrack && view!.tracks.length > 1 ? { tracks: [track + 1] } : {};
}

export function rewrite(range: BarRange): Promise<void> {
  const { wish } = get();
  const { instruments: _, ...controls } = controlsOf(wish);
  return write((piece) => ({
    kind: 'infill', piece, ...barsOf(range), ...tracksOf(), controls, ...commonRequest(wish),
  }));
}

// The same chords, other notes: three takes to step through.
export function vary(range: BarRange): Promise<void> {
  const { wish, view } = get();
  const { instruments: _, ...controls } = controlsOf(wish);
  const chords = view!.bars.slice(range.first, range.last + 1).map((bar) => bar.chord ?? '-');
  if (chords.some((chord) => chord !== '-')) controls.chords = chords.join(' ');
  return write((piece) => ({
    kind: 'infill', piece, ...barsOf(range), ...tracksOf(), controls, ...commonRequest(wish),
    count: Math.max(wish.count, kVariationsOfVary),
  }));
}

export function accompany(range: BarRange | null, instrument: string): Promise<void> {
  const { wish } = get();
  return write((piece) => ({
    kind: 'accompany', piece, ...(range ? barsOf(range) : {}), ...commonRequest(wish),
    controls: { ...controlsOf(wish), instruments: instrument },
  }));
}

export async function stopWriting(): Promise<void> {
  const { writing } = get();
  if (!writing?.job || writing.stopping) return;
  set({ writing: { ...writing, stopping: true } });
  try {
    await api.cancelJob(writing.job);
  } catch (error) {
    complain(error);
  }
}

async function write(request: (piece: string) => JobRequest): Promise<void> {
  if (get().writing) return;
  void sound.wake();
  const before = get().view;
  const start: JobRequest = request('');
  const needsPiece = start.kind !== 'generate';
  const area = areaOf(needsPiece ? before : null, start);
  set({
    writing: {
      job: null, kind: start.kind, waitingFor: null, done: 0, secondsLeft: null, notes: 0,
      variation: 1, count: 'count' in start ? start.count ?? 1 : 1, stopping: false,
      frontier: area.from, from: area.from, to: area.to,
    },
    selection: new Set(), compare: null, tab: 'notes', sheet: null,
  });
  if (!needsPiece) {
    player.stop();
    player.seek(0);
    set({ bars: null });
  }
  try {
    const piece = needsPiece ? await ensureSaved() : '';
    const sent = request(piece ?? '');
    const job = await api.createJob(sent);
    follow(job, sent, needsPiece ? get().view : null, before);
  } catch (error) {
    set({ writing: null });
    complain(error);
  }
}

// What this page had asked for when it was closed goes on being followed.
export async function followRunning(): Promise<void> {
  const asked = localStorage.getItem(kAsked);
  if (!asked || get().writing) return;
  const job = await api.job(asked).catch(() => null);
  if (job?.state !== 'queued' && job?.state !== 'running') {
    await takeUp(job);
    return;
  }
  const request = { ...job.request, kind: job.kind } as unknown as JobRequest;
  const base = 'piece' in request && request.piece ? await viewOf(request.piece) : null;
  const area = areaOf(base, request);
  set({
    writing: {
      job: job.id, kind: job.kind, waitingFor: job.position, done: job.progress.done,
      secondsLeft: job.progress.seconds_left, notes: 0, variation: 1,
      count: 'count' in request ? request.count ?? 1 : 1, stopping: false,
      frontier: area.from, from: area.from, to: area.to,
    },
  });
  follow(job, request, base, get().view);
}

// It came to its end while nobody looked.
async function takeUp(job: Job | null): Promise<void> {
  localStorage.removeItem(kAsked);
  const first = job?.pieces[0]?.piece;
  if (first) showWritten(first, await viewOf(first), job.kind);
}

function follow(job: Job, request: JobRequest, base: View | null, before: View | null): void {
  let takes = new Map<number, LiveTake>();
  let drawing = 0;
  let started = player.playing;
  let arrived = 0;
  let landed = false;  // the finished piece is shown in place of what was taken down
  const finished = new Map<number, string>();
  const leftOut = new Map<number, string>();  // and why
  let shown = 1;  // the first variation that is not left out
  const takeOf = (variation: number) => {
    let take = takes.get(variation);
    if (!take) {
      take = new LiveTake(base, request);
      takes.set(variation, take);
    }
    return take;
  };
  const change = (part: Partial<NonNullable<ReturnType<typeof get>['writing']>>) => {
    const { writing } = get();
    if (writing) set({ writing: { ...writing, ...part } });
  };

  // What arrived since the last frame is shown at once; a hidden page draws no frames.
  const show = () => {
    drawing = 0;
    const { writing } = get();
    if (!writing) return;
    const take = takeOf(shown);
    if (take.notes === 0 && !base) return;
    const whole = finished.has(shown);
    set({
      ...(landed ? {} : { view: take.view() }),
      writing: {
        ...writing, notes: arrived,
        frontier: whole ? Number.POSITIVE_INFINITY : take.frontier,
      },
    });
    if (!started && take.frontier > take.area.from) {
      started = true;
      player.play(leadIn(get().view!, take.area.from));
    }
  };
  const showSoon = () => {
    if (drawing) return;
    drawing = document.hidden ? setTimeout(show, 50) as unknown as number : requestAnimationFrame(show);
  };

  change({ job: job.id, waitingFor: job.position });
  localStorage.setItem(kAsked, job.id);
  listen(job.id, {
    state: ({ state, position }) => change({ waitingFor: state === 'queued' ? position : null }),
    progress: ({ done, seconds_left }) => change({ done, secondsLeft: seconds_left }),
    track: (track) => {
      takeOf(track.variation).addTrack(track);
      showSoon();
    },
    bar: ({ variation, bar }) => {
      takeOf(variation).addBar(bar);
      showSoon();
    },
    note: (note) => {
      takeOf(note.variation).addNote(note);
      ++arrived;
      showSoon();
    },
    again: ({ variation }) => {
      takes.delete(variation);
      showSoon();
    },
    left_out: ({ variation, message }) => {
      leftOut.set(variation, message);
      while (leftOut.has(shown)) ++shown;
      change({ variation: shown });
      showSoon();
    },
    restart: () => {
      takes = new Map();
      leftOut.clear();
      shown = 1;
      change({ variation: shown });
      arrived = 0;
      notify(t.errors.restarted);
    },
    piece: ({ variation, id, tracks }) => {
      finished.set(variation, id);
      void api.piece(id).then((piece) => {
        remember(piece);
        if (variation !== shown) return;
        landed = true;
        if (tracks) set(renumbered(get(), tracks));
        showWritten(piece.id, piece.view, request.kind);
      }, complain);
    },
    end: ({ state, error }) => {
      // Where all are missing, the job has failed and says why itself.
      const [why] = leftOut.values();
      if (finished.size > 0 && why !== undefined) {
        notify(t.errors.leftOut(leftOut.size, leftOut.size + finished.size, why), 'error');
      }
      void end(state, error?.message ?? '', finished, before);
    },
  });
}

// A bar of what stands before is heard first, so that the new bars make sense.
function leadIn(view: View, from: number): number {
  const index = barIndexAt(view.bars, from);
  return view.bars[Math.max(0, from > 0 ? index - 1 : 0)]!.start;
}

// Tracks that stayed silent are not kept: what was set for the others moves up with them.
function renumbered({ mix, track }: Pick<State, 'mix' | 'track'>, told: number[]): Pick<State, 'mix' | 'track'> {
  return {
    mix: mix.length > 0 ? told.map((number) => mixOf(mix, number - 1)) : mix,
    track: Math.max(0, told.indexOf(track + 1)),
  };
}

function showWritten(id: string, view: View, label: string): void {
  const { history, writing } = get();
  set({
    history: push(history, { base: id, edits: [], label }), view, saving: 'saved', bars: null,
    ...(writing ? { writing: { ...writing, frontier: Number.POSITIVE_INFINITY } } : {}),
  });
  keepDesk();
  void checkNovelty(id);
}

async function end(
  state: string, message: string, finished: Map<number, string>, before: View | null,
): Promise<void> {
  localStorage.removeItem(kAsked);
  // The view of the first one may still be on its way.
  const first = finished.get(Math.min(...finished.keys()));
  if (first) {
    try {
      await viewOf(first);
    } catch (error) {
      complain(error);
    }
  }
  set({ writing: null });
  if (finished.size === 0) {
    player.stop();
    const step = current(get().history);
    set({ view: step ? before : null });
    if (state === 'cancelled') notify(t.errors.nothing);
  }
  if (state === 'failed') {
    notify(message || t.errors.interrupted, 'error');
  }
}
