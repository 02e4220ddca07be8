// What the waveform model writes, directly as sound: on from this piece as it sounds, from the
// recording it was heard in, from a sound file, or from nothing.
import { useEffect, useRef, useState } from 'react';
import { api } from '../api/client';
import type { Job, JobRequest, Sound as MadeSound, SoundNovelty } from '../api/types';
import { StreamedSound } from '../audio/streamed_sound';
import { complain } from '../state/failures';
import { ensureSaved } from '../state/saving';
import { playClip, sound } from '../state/sounding';
import { get, notify, useStudio } from '../state/store';
import { t } from '../texts';
import { Field, IconButton, NumberInput, Popover, Progress } from './controls';
import { useSoundJob } from './SoundJob';
import { SoundShown } from './SoundShown';

type Prompt = 'piece' | 'recording' | 'file' | 'nothing';
type Settings = { prompt: Prompt; seconds: number; seed: string };

const kSounds = [['WAV', 'audio/wav'], ['FLAC', 'audio/flac'], ['MP3', 'audio/mpeg']] as const;

export function WaveformPane({ piece }: { piece: string }) {
  const summary = useStudio((s) => s.pieces.get(piece));
  const canRender = useStudio((s) => s.info?.capabilities.render ?? false);
  const recording = summary?.origin.kind === 'transcribed' ? summary.origin.file ?? null : null;
  const [all, setAll] = useState<MadeSound[]>([]);  // the newest first
  const [shown, setShown] = useState(0);
  const [settings, setSettings] = useState<Settings>(
    { prompt: canRender ? 'piece' : recording ? 'recording' : 'nothing', seconds: 8, seed: '' });
  const [file, setFile] = useState<{ id: string; name: string } | null>(null);
  const chooser = useRef<HTMLInputElement>(null);
  const [live, setLive] = useState<StreamedSound | null>(null);  // what is written, or was just now
  const [arrived, setArrived] = useState(0);  // seconds of it
  const { progress, make } = useSoundJob();
  const change = (part: Partial<Settings>) => setSettings({ ...settings, ...part });

  const made = all[shown] ?? null;

  // What was written before, for this piece or for none, is still kept; what is being written is
  // followed again.
  useEffect(() => {
    let gone = false;
    void api.jobs().then(({ jobs }) => {
      const own = jobs.filter((job) => job.kind === 'waveform' && (job.request.piece ?? piece) === piece);
      if (gone) return;
      setAll((now) => [...now, ...own.flatMap((job) => job.sound ?? [])]);
      const running = own.find((job) => job.state === 'running' || job.state === 'queued');
      if (running) hear(async () => running);
    }, () => {});
    return () => { gone = true; };
  }, []);

  const choose = async (chosen: File | undefined) => {
    if (!chosen) return;
    try {
      const stored = await api.uploadFile(chosen, chosen.name);
      if (stored.type !== 'audio') {
        notify(t.wave.notSound(chosen.name), 'error');
        return;
      }
      setFile({ id: stored.id, name: chosen.name });
      change({ prompt: 'file' });
    } catch (error) {
      complain(error);
    }
  };

  const request = async (): Promise<JobRequest | null> => {
    const common = { kind: 'waveform' as const, seconds: settings.seconds, ...(settings.seed ? { seed: settings.seed } : {}) };
    if (settings.prompt === 'nothing') return common;
    if (settings.prompt === 'recording') return { ...common, file: recording! };
    if (settings.prompt === 'file') return { ...common, file: file!.id };
    const id = await ensureSaved();
    return id ? { ...common, piece: id } : null;
  };
  // Heard from its first part on.
  const write = () => {
    const stream = hear(request);
    playClip(stream);
  };
  const hear = (ask: () => Promise<JobRequest | Job | null>): StreamedSound => {
    const stream = new StreamedSound(sound.context, sound.out);
    setLive(stream);
    setArrived(0);
    void receive(ask, stream);
    return stream;
  };
  const receive = async (ask: () => Promise<JobRequest | Job | null>, stream: StreamedSound) => {
    const entry = await make(ask, {
      audio: (part) => {
        stream.push(part);
        setArrived(stream.arrived);
      },
      restart: () => stream.clear(),
    });
    stream.end();
    // The whole is kept by the server; what was heard goes on if no part of it is missing.
    if (!entry || Math.abs(stream.length - entry.sound.seconds) > 0.1) {
      stream.pause();
      setLive(null);
    }
    if (!entry) return;
    setAll((now) => [entry.sound, ...now]);
    setShown(0);
  };
  const stop = (job: string) => api.cancelJob(job).catch(complain);
  const step = (by: number) => {
    setLive(null);
    setShown((at) => Math.min(all.length - 1, Math.max(0, at + by)));
  };

  const title = t.wave.model;
  return (
    <section className="sound-pane" aria-label={title}>
      <header>
        <h2>{title}</h2>
        <p className="note">
          {t.wave.modelHint}
          {progress ? arrived > 0 && `, ${t.wave.soFar(arrived)}`
            : made && `, ${t.wave.length(made.seconds)}, ${t.wave.took(made.recipe?.seconds ?? 0)}`}
          {!progress && made?.recipe?.complete === false && `, ${t.recipe.stopped}`}
        </p>
      </header>
      <div className="wave-wish">
        <Field label={t.wave.from}>
          {(id) => (
            <select id={id} value={settings.prompt} onChange={(e) => {
              if (e.target.value === 'file' && !file) chooser.current?.click();
              else change({ prompt: e.target.value as Prompt });
            }}>
              {canRender && <option value="piece">{t.wave.prompts.piece}</option>}
              {recording && <option value="recording">{t.wave.prompts.recording}</option>}
              <option value="file">{file ? file.name : t.wave.prompts.file}</option>
              <option value="nothing">{t.wave.prompts.nothing}</option>
            </select>
          )}
        </Field>
        <Field label={t.wave.seconds}>
          {(id) => <NumberInput id={id} value={settings.seconds} min={1} max={60}
                                onChange={(seconds) => change({ seconds: seconds ?? 8 })} />}
        </Field>
        <Field label={t.wish.seed}>
          {(id) => <input id={id} type="text" inputMode="numeric" value={settings.seed} placeholder={t.wish.seedAny}
                          maxLength={19} onChange={(e) => change({ seed: e.target.value.replace(/\D/g, '') })} />}
        </Field>
        {progress ? (
          <button type="button" className="button" disabled={!progress.job} onClick={() => void stop(progress.job!)}>
            {t.write.stop}
          </button>
        ) : (
          <button type="button" className="button primary" onClick={write}>
            {made ? t.wave.again : t.wave.generate}
          </button>
        )}
        <input ref={chooser} type="file" hidden accept="audio/*,.flac,.ogg,.opus,.m4a" aria-label={t.wave.prompts.file}
               onChange={(e) => {
                 void choose(e.target.files?.[0]);
                 e.target.value = '';
               }} />
      </div>
      {progress && <Progress value={progress.done} label={t.wave.generate} />}
      {(progress ? arrived > 0 : made) && (
        <SoundShown made={progress ? null : made} live={live} arrived={arrived} title={title} />
      )}
      {made && !progress && (
        <>
          {made.prompt_seconds ? <p className="note">{t.wave.promptPart(made.prompt_seconds)}</p> : null}
          <div className="wave-keep">
            {kSounds.map(([label, type]) => <DownloadLink key={type} sound={made} label={label} type={type} piece={piece} />)}
            {made.novelty && <NoveltyBadge novelty={made.novelty} />}
            {made.recipe && (
              <Popover label={t.recipe.title} className="badge" button={t.recipe.title} up>
                {() => <SoundRecipe sound={made} onSeed={(seed) => change({ seed })} />}
              </Popover>
            )}
            {all.length > 1 && (
              <span className="variations" role="group" aria-label={t.wave.others}>
                <IconButton icon="previous" label={t.wave.newer} onClick={() => step(-1)} disabled={shown === 0} />
                <span>{t.write.variation(shown + 1, all.length)}</span>
                <IconButton icon="next" label={t.wave.older} onClick={() => step(1)} disabled={shown === all.length - 1} />
              </span>
            )}
          </div>
        </>
      )}
    </section>
  );
}

function DownloadLink({ sound, label, type, piece }: { sound: MadeSound; label: string; type: string; piece: string }) {
  const file = sound.media_type === type ? sound : sound.others?.find((other) => other.media_type === type);
  if (!file) return null;
  const name = get().pieces.get(piece)?.name ?? 'waveform';
  return (
    <a className="button" href={`${file.url}?name=${encodeURIComponent(name)}`} download>
      {`${t.download.title} ${label}`}
    </a>
  );
}

function NoveltyBadge({ novelty }: { novelty: SoundNovelty }) {
  const fresh = novelty.verdict === 'new';
  const label = fresh ? t.novelty.fresh : t.novelty.copy;
  const say = fresh ? t.wave.fresh : t.wave.copy;
  return (
    <Popover label={label} className={`badge ${fresh ? 'fresh' : 'known'}`} button={label} up>
      {() => <p className="note">{say(novelty.exact_piece ?? novelty.nearest.piece, Math.round(100 * novelty.copied))}</p>}
    </Popover>
  );
}

function SoundRecipe({ sound, onSeed }: { sound: MadeSound; onSeed: (seed: string) => void }) {
  const recipe = sound.recipe!;
  const sampling = Object.entries((recipe.settings.sampling ?? {}) as Record<string, Record<string, number>>);
  return (
    <dl className="recipe">
      <dt>{t.recipe.model}</dt>
      <dd>{recipe.model_name} <code title={recipe.model}>{recipe.model.slice(0, 8)}</code></dd>
      <dt>{t.recipe.seed}</dt>
      <dd>
        <code>{recipe.seed}</code>{' '}
        <button type="button" className="link" onClick={() => onSeed(recipe.seed)}>{t.recipe.useSeed}</button>
      </dd>
      <dt>{t.recipe.took}</dt>
      <dd>{t.recipe.seconds(recipe.seconds)}</dd>
      <dt>{t.recipe.settings}</dt>
      <dd>
        {sampling.map(([stage, options]) => (
          <span key={stage} className="setting">
            {stage} {Object.entries(options).map(([name, value]) => `${name.replace(/_/g, ' ')} ${+value.toFixed(3)}`).join(', ')}
          </span>
        ))}
      </dd>
    </dl>
  );
}
