// Where the beats of a recording or performance are, to be put right before anything is written:
// tap or nudge, and the lines move over the waveform while the bars in the roll follow.
import { useEffect, useMemo, useRef, useState } from 'react';
import { api } from '../api/client';
import { peaksOf } from '../audio/peaks';
import { evenBeats, tappedTempo, type BeatWish } from '../music/beats';
import { secondsAt } from '../music/timeline';
import { complain } from '../state/failures';
import { current, replace } from '../state/history';
import { keepDesk } from '../state/saving';
import { player, sound } from '../state/sounding';
import { get, set } from '../state/store';
import { remember, viewOf } from '../state/views';
import { t } from '../texts';
import { kMetres } from './choices';
import { Dialog, Field, NumberInput } from './controls';
import { Icon } from './icons';
import { MiniRoll, type MiniNote } from './MiniRoll';

const kPeaks = 600;
const kPause = 350;
const kNudge = 0.02;  // seconds

export function BeatsDialog() {
  // What was heard stays what it is; only where the beats lie in it changes.
  const [source] = useState(() => ({ piece: current(get().history)!.base, view: get().view! }));
  const heard = useMemo(() => notesInSeconds(source.view), [source]);
  const [wish, setWish] = useState<BeatWish | null>(null);
  const [wave, setWave] = useState<{ peaks: number[]; seconds: number } | null>(null);
  const audio = useRef<HTMLAudioElement>(null);
  const [file] = useState(() => get().pieces.get(source.piece)?.origin.file ?? null);
  const [spoken, setSpoken] = useState(file !== null);
  const taps = useRef<number[]>([]);
  const made = useRef<string | null>(null);
  const sounding = useMemo(() => heard.reduce((last, note) => Math.max(last, note.to), 1), [heard]);
  const end = wave?.seconds ?? sounding;
  const found = useMemo(() => foundWish(source.view), [source]);
  const shown = wish ?? found;

  useEffect(() => {
    player.stop();
    if (!file) return;
    const abort = new AbortController();
    void (async () => {
      try {
        const response = await fetch(api.fileUrl(file), { signal: abort.signal });
        const buffer = await sound.context.decodeAudioData(await response.arrayBuffer());
        setWave({ peaks: peaksOf(buffer, kPeaks), seconds: buffer.duration });
      } catch {
        // A performance, not a sound file: there is no waveform to draw.
        setSpoken(false);
      }
    })();
    return () => abort.abort();
  }, [file]);

  useEffect(() => {
    if (!wish) return;
    const timer = setTimeout(() => void realign(source.piece, wish, made), kPause);
    return () => clearTimeout(timer);
  }, [wish, source]);

  const lines = wish ? evenBeats(wish, end) : foundBeats(source.view);
  const change = (part: Partial<BeatWish>) => setWish({ ...shown, ...part });
  const tap = () => {
    const now = audio.current && !audio.current.paused ? audio.current.currentTime : performance.now() / 1000;
    taps.current = [...taps.current.filter((at) => now - at < 8 && at < now), now];
    const tempo = tappedTempo(taps.current);
    if (tempo) {
      change(audio.current && !audio.current.paused
        ? { tempo, first_downbeat: phase(taps.current[0]!, tempo, shown) } : { tempo });
    }
  };

  return (
    <Dialog title={t.beats.title} onClose={() => set({ dialog: null })} wide>
      <p className="hint">{t.beats.hint}</p>
      <MiniRoll label={t.beats.waveform} notes={heard} end={end} height={144} lines={lines.map((line) => line.seconds)}
                strong={(index) => lines[index]?.downbeat ?? false} {...(wave ? { peaks: wave.peaks } : {})}
                at={() => (audio.current && !audio.current.paused ? audio.current.currentTime : null)}
                onSeek={(at) => { if (audio.current) audio.current.currentTime = at; }} />
      {file && spoken && (
        <audio ref={audio} controls src={api.fileUrl(file)} aria-label={t.record.playback}
               onError={() => setSpoken(false)} />
      )}
      <div className="beat-fields">
        <Field label={t.beats.tempo}>
          {(id) => (
            <NumberInput id={id} value={Math.round(shown.tempo * 10) / 10} min={20} max={400} step={0.5}
                         onChange={(tempo) => { if (tempo) change({ tempo }); }} />
          )}
        </Field>
        <button type="button" className="button" onClick={() => change({ tempo: Math.max(20, shown.tempo / 2) })}>
          {t.beats.half}
        </button>
        <button type="button" className="button" onClick={() => change({ tempo: Math.min(400, shown.tempo * 2) })}>
          {t.beats.double}
        </button>
        <button type="button" className="button" onPointerDown={tap}
                onKeyDown={(e) => { if (e.key === 'Enter' || e.key === ' ') { e.preventDefault(); tap(); } }}>
          {t.beats.tap}
        </button>
        <Field label={t.beats.metre}>
          {(id) => (
            <select id={id} value={shown.metre} onChange={(e) => change({ metre: e.target.value })}>
              {!kMetres.includes(shown.metre) && <option>{shown.metre}</option>}
              {kMetres.map((metre) => <option key={metre}>{metre}</option>)}
            </select>
          )}
        </Field>
        <Field label={t.beats.downbeat}>
          {(id) => (
            <div className="stepper">
              <button type="button" className="icon-button" aria-label={t.beats.earlier}
                      onClick={() => change({ first_downbeat: Math.max(0, shown.first_downbeat - kNudge) })}>
                <Icon name="previous" />
              </button>
              <NumberInput id={id} value={Math.round(shown.first_downbeat * 100) / 100} min={0} max={600} step={0.01}
                           onChange={(at) => { if (at !== undefined) change({ first_downbeat: at }); }} />
              <button type="button" className="icon-button" aria-label={t.beats.later}
                      onClick={() => change({ first_downbeat: shown.first_downbeat + kNudge })}>
                <Icon name="next" />
              </button>
            </div>
          )}
        </Field>
      </div>
      <div className="dialog-actions">
        <button type="button" className="button primary" onClick={() => set({ dialog: null })}>{t.beats.use}</button>
      </div>
    </Dialog>
  );
}

// The server counts the same notes against other beats; what an earlier nudge made is not kept.
async function realign(piece: string, beats: BeatWish, made: { current: string | null }): Promise<void> {
  try {
    const next = await api.createPiece({ from: 'beats', parent: piece, beats });
    remember(next);
    const before = made.current;
    made.current = next.id;
    set({
      history: replace(get().history, { base: next.id, edits: [], label: 'beats' }),
      view: await viewOf(next.id), selection: new Set(), bars: null,
    });
    keepDesk();
    if (before) {
      await api.deletePiece(before);
      const pieces = new Map(get().pieces);
      pieces.delete(before);
      set({ pieces });
    }
  } catch (error) {
    complain(error);
  }
}

type AnyView = NonNullable<ReturnType<typeof get>['view']>;

function notesInSeconds(view: AnyView): MiniNote[] {
  return view.tracks.flatMap((track, index) => track.notes.map((note) => ({
    from: secondsAt(view, note[0]!), to: secondsAt(view, note[0]! + note[1]!), pitch: note[2]!, track: index,
  })));
}

function foundWish(view: AnyView): BeatWish {
  const first = view.bars[view.has_upbeat ? 1 : 0] ?? view.bars[0]!;
  return { tempo: first.tempo, metre: first.metre, first_downbeat: Math.max(0, first.seconds) };
}

function foundBeats(view: AnyView) {
  const bars = view.bars.map((bar) => bar.seconds);
  return view.beats.map((seconds) => ({
    seconds, downbeat: bars.some((bar) => Math.abs(bar - seconds) < 0.02),
  }));
}

// The downbeat keeps its place in the bar as nearly as a tapped beat allows.
function phase(tapped: number, tempo: number, wish: BeatWish): number {
  const beat = 60 / tempo;
  const at = tapped - Math.round((tapped - wish.first_downbeat) / beat) * beat;
  return at < 0 ? at + beat : at;
}
