// The same music as sound: the notes as the soundfont plays them, and what the waveform model
// makes of them, each with how long it took.
import { useEffect, useRef, useState } from 'react';
import { api } from '../api/client';
import { listen } from '../api/events';
import type { JobRequest, Sound as RenderedSound } from '../api/types';
import { spectrogramOf, type Spectrogram } from '../audio/peaks';
import { complain } from '../state/failures';
import { current } from '../state/history';
import { ensureSaved } from '../state/saving';
import { player, sound } from '../state/sounding';
import { useStudio } from '../state/store';
import { t } from '../texts';
import { Progress } from './controls';
import { MiniRoll } from './MiniRoll';

const kColumns = 480;
const kRows = 96;
const kWaveSeconds = 10;

type Made = { sound: RenderedSound; took: number };
const renderings = new Map<string, Made>();  // by kind and piece

export default function WaveView() {
  const info = useStudio((s) => s.info);
  const piece = useStudio((s) => current(s.history)?.base ?? '');
  useEffect(() => player.stop(), []);
  if (!info) return null;
  return (
    <div className="wave">
      {!info.capabilities.waveform && <p className="wave-none" role="note">{t.wave.none}</p>}
      <SoundPane key={`notes-${piece}`} kind="render" piece={piece} title={t.wave.notes} hint={t.wave.notesHint}
                 able={info.capabilities.render} unable={t.wave.noRender} action={t.wave.render} auto />
      {info.capabilities.waveform && (
        <SoundPane key={`wave-${piece}`} kind="waveform" piece={piece} title={t.wave.model} hint={t.wave.modelHint}
                   able unable="" action={t.wave.generate} />
      )}
    </div>
  );
}

interface PaneProps {
  kind: 'render' | 'waveform';
  piece: string;
  title: string;
  hint: string;
  able: boolean;
  unable: string;
  action: string;
  auto?: boolean;
}

function SoundPane({ kind, piece, title, hint, able, unable, action, auto }: PaneProps) {
  const [made, setMade] = useState<Made | null>(renderings.get(`${kind} ${piece}`) ?? null);
  const [progress, setProgress] = useState<{ done: number; job: string | null } | null>(null);
  const audio = useRef<HTMLAudioElement>(null);
  const stop = useRef<() => void>(() => {});

  const make = async () => {
    setProgress({ done: 0, job: null });
    const began = performance.now();
    try {
      const id = await ensureSaved();
      if (!id) return;
      const request: JobRequest = kind === 'render'
        ? { kind, piece: id, format: 'wav' } : { kind, piece: id, seconds: kWaveSeconds };
      const job = await api.createJob(request);
      setProgress({ done: 0, job: job.id });
      await new Promise<void>((resolve, reject) => {
        stop.current = listen(job.id, {
          progress: ({ done }) => setProgress({ done, job: job.id }),
          sound: (result) => {
            const entry = { sound: result, took: (performance.now() - began) / 1000 };
            renderings.set(`${kind} ${piece}`, entry);
            setMade(entry);
          },
          end: ({ state, error }) => (state === 'failed' ? reject(new Error(error?.message)) : resolve()),
        });
      });
    } catch (error) {
      complain(error);
    } finally {
      setProgress(null);
    }
  };
  useEffect(() => {
    if (auto && able && !made) void make();
    return () => stop.current();
  }, []);

  return (
    <section className="sound-pane" aria-label={title}>
      <header>
        <h2>{title}</h2>
        <p className="note">
          {hint}
          {made && `, ${t.wave.length(made.sound.seconds)}, ${t.wave.took(made.took)}`}
        </p>
      </header>
      {!able && <p className="wrong">{unable}</p>}
      {made && (
        <>
          <MiniRoll label={`${t.wave.waveform}: ${title}`} notes={[]} end={made.sound.seconds}
                    peaks={made.sound.peaks} height={112} at={() => audio.current?.currentTime ?? null}
                    onSeek={(at) => { if (audio.current) audio.current.currentTime = at; }} />
          <Spectrum url={made.sound.url} title={title} />
          <audio ref={audio} controls src={made.sound.url} aria-label={title} />
        </>
      )}
      {progress && (
        <div className="sound-progress">
          <Progress value={progress.done} label={action} />
          {progress.job && (
            <button type="button" className="link" onClick={() => void api.cancelJob(progress.job!).catch(complain)}>
              {t.busy.cancel}
            </button>
          )}
        </div>
      )}
      {able && !made && !progress && (
        <button type="button" className="button" onClick={() => void make()}>{action}</button>
      )}
    </section>
  );
}

function Spectrum({ url, title }: { url: string; title: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [data, setData] = useState<Spectrogram | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    void (async () => {
      try {
        const response = await fetch(url, { signal: abort.signal });
        const buffer = await sound.context.decodeAudioData(await response.arrayBuffer());
        if (!abort.signal.aborted) setData(spectrogramOf(buffer, kColumns, kRows));
      } catch {
        // The waveform above is there all the same.
      }
    })();
    return () => abort.abort();
  }, [url]);
  useEffect(() => {
    const ctx = canvas.current?.getContext('2d');
    if (!ctx || !data) return;
    const image = ctx.createImageData(data.columns, data.rows);
    // However the stylesheet writes the colour, the canvas gives it back as red, green and blue.
    ctx.fillStyle = getComputedStyle(canvas.current!).color;
    ctx.fillRect(0, 0, 1, 1);
    const ink = ctx.getImageData(0, 0, 1, 1).data;
    for (let column = 0; column < data.columns; ++column) {
      for (let row = 0; row < data.rows; ++row) {
        const at = 4 * ((data.rows - 1 - row) * data.columns + column);
        image.data.set([ink[0]!, ink[1]!, ink[2]!, 255 * data.level[column * data.rows + row]! ** 1.6], at);
      }
    }
    ctx.putImageData(image, 0, 0);
  }, [data]);
  return (
    <canvas ref={canvas} className="spectrum" width={kColumns} height={kRows} role="img"
            aria-label={`${t.wave.spectrogram}: ${title}`} />
  );
}
