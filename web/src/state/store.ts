// The page's state: one immutable object, exchanged as a whole, and those who watch it.
import { useSyncExternalStore } from 'react';
import type { Info, PieceSummary, View } from '../api/types';
import type { SoundfontState } from '../audio/sound';
import type { NoteKey } from '../music/notes';
import type { Clip } from '../music/gestures';
import { kNoHistory, type History } from './history';
import { loadWish, type Wish } from './wish';

export interface BarRange {
  first: number;  // indices of the view's bars, both included
  last: number;
}

export interface TrackMix {
  mute: boolean;
  solo: boolean;
  volume: number;  // 0 to 1
}

export interface Writing {
  job: string | null;  // null: not accepted yet
  kind: string;
  waitingFor: number | null;  // jobs before it
  done: number;  // 0 to 1
  secondsLeft: number | null;
  notes: number;
  variation: number;  // shown, from 1
  count: number;
  stopping: boolean;
  frontier: number;
  from: number;  // ticks
  to: number;
}

export interface Notice {
  id: number;
  tone: 'info' | 'error';
  text: string;
  action?: { label: string; run: () => void };
}

export type Dialog = 'record' | 'type' | 'play' | 'help' | 'login' | 'beats' | null;
export type Tab = 'notes' | 'sheet' | 'wave';
export type Saving = 'saved' | 'saving' | 'unsaved' | 'failed';

export interface State {
  info: Info | null;
  loaded: boolean;
  pieces: ReadonlyMap<string, PieceSummary>;
  history: History;
  view: View | null;
  selection: ReadonlySet<NoteKey>;
  bars: BarRange | null;
  track: number;  // where new notes go
  onlyTrack: boolean;  // rewriting and varying leave the other tracks alone
  mix: readonly TrackMix[];
  clip: Clip | null;
  compare: { piece: PieceSummary; view: View } | null;
  writing: Writing | null;
  busy: { label: string; done: number | null; cancel: (() => void) | null } | null;
  wish: Wish;
  dialog: Dialog;
  tab: Tab;
  notices: readonly Notice[];
  saving: Saving;
  soundfont: SoundfontState;
  playing: 'stopped' | 'playing' | 'waiting';
  looping: boolean;
  sheet: 'wish' | 'takes' | 'tracks' | null;  // on a phone
  tool: 'select' | 'draw';
}

const initial: State = {
  info: null,
  loaded: false,
  pieces: new Map(),
  history: kNoHistory,
  view: null,
  selection: new Set(),
  bars: null,
  track: 0,
  onlyTrack: false,
  mix: [],
  clip: null,
  compare: null,
  writing: null,
  busy: null,
  wish: loadWish(),
  dialog: null,
  tab: 'notes',
  notices: [],
  saving: 'saved',
  soundfont: { state: 'waiting' },
  playing: 'stopped',
  looping: false,
  sheet: null,
  tool: 'select',
};

let state = initial;
const watchers = new Set<() => void>();

export function get(): State {
  return state;
}

export function set(change: Partial<State>): void {
  state = { ...state, ...change };
  for (const watcher of watchers) watcher();
}

export function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

// `pick` must return the same value while nothing that it reads has changed.
export function useStudio<T>(pick: (state: State) => T): T {
  return useSyncExternalStore(watch, () => pick(state));
}

let nextNotice = 1;
export function notify(text: string, tone: Notice['tone'] = 'info', action?: Notice['action']): void {
  const id = nextNotice++;
  set({ notices: [...state.notices.slice(-2), { id, tone, text, ...(action ? { action } : {}) }] });
  if (tone === 'info') setTimeout(() => dismiss(id), 6000);
}

export function dismiss(id: number): void {
  set({ notices: state.notices.filter((notice) => notice.id !== id) });
}
