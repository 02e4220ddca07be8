// The microphone: see the level, listen to it, then find the notes.
import { useEffect, useRef, useState } from 'react';
import { api } from '../api/client';
import { peaksOf } from '../audio/peaks';
import { extensionOf, record, type Recorder } from '../audio/recorder';
import { clock } from '../music/timeline';
import { complain } from '../state/failures';
import { player, sound } from '../state/sounding';
import { set, useStudio } from '../state/store';
import { transcribe } from '../state/ways_in';
import { t } from '../texts';
import { Dialog } from './controls';
import { Icon } from './icons';
import { MiniRoll } from './MiniRoll';

type Stage =
  | { stage: 'idle' }
  | { stage: 'recording'; since: number }
  | { stage: 'done'; blob: Blob; url: string; peaks: number[]; seconds: number };

const kQuiet = 0.02;
const kPeaks = 400;

export function RecordDialog() {
  const [stage, setStage] = useState<Stage>({ stage: 'idle' });
  const [problem, setProblem] = useState('');
  const recorder = useRef<Recorder | null>(null);
  const able = useStudio((s) => s.info?.capabilities.transcribe ?? true);

  useEffect(() => {
    player.stop();
    return () => recorder.current?.discard();
  }, []);
  useEffect(() => (stage.stage === 'done' ? () => URL.revokeObjectURL(stage.url) : undefined), [stage]);

  const begin = async () => {
    setProblem('');
    try {
      await sound.wake();
      recorder.current = await record(sound.context);
      setStage({ stage: 'recording', since: performance.now() });
    } catch (error) {
      const name = error instanceof DOMException ? error.name : '';
      setProblem(name === 'NotFoundError' ? t.record.none : t.record.denied);
    }
  };
  const end = async () => {
    const blob = await recorder.current!.stop();
    recorder.current = null;
    try {
      const buffer = await sound.context.decodeAudioData(await blob.arrayBuffer());
      setStage({
        stage: 'done', blob, url: URL.createObjectURL(blob), peaks: peaksOf(buffer, kPeaks),
        seconds: buffer.duration,
      });
    } catch (error) {
      setStage({ stage: 'idle' });
      complain(error);
    }
  };
  const use = async (blob: Blob) => {
    set({ dialog: null, busy: { label: t.record.finding, done: null, cancel: null } });
    try {
      const name = `recording.${extensionOf(blob)}`;
      const file = await api.uploadFile(blob, name);
      await transcribe(file.id, name);
    } catch (error) {
      complain(error);
    } finally {
      set({ busy: null });
    }
  };

  return (
    <Dialog title={t.record.title} onClose={() => set({ dialog: null })}>
      {!able && <p className="wrong">{t.record.unable}</p>}
      {problem && <p className="wrong" role="alert">{problem}</p>}
      {stage.stage === 'idle' && (
        <>
          <p className="hint">{t.record.idle}</p>
          <button type="button" className="record-button" onClick={() => void begin()} autoFocus>
            <Icon name="record" />{t.record.start}
          </button>
        </>
      )}
      {stage.stage === 'recording' && (
        <>
          <Meter recorder={recorder.current!} since={stage.since} />
          <button type="button" className="record-button on" onClick={() => void end()} autoFocus>
            <Icon name="stop" />{t.record.stop}
          </button>
        </>
      )}
      {stage.stage === 'done' && (
        <>
          <p className="hint">{t.record.ready}</p>
          <MiniRoll label={t.wave.waveform} notes={[]} end={stage.seconds} peaks={stage.peaks} />
          <audio controls src={stage.url} aria-label={t.record.playback} />
          {Math.max(...stage.peaks) < kQuiet && <p className="wrong" role="status">{t.record.quiet}</p>}
          <div className="dialog-actions">
            <button type="button" className="button" onClick={() => setStage({ stage: 'idle' })}>{t.record.again}</button>
            <button type="button" className="button primary" onClick={() => void use(stage.blob)} disabled={!able}>
              {t.record.use}
            </button>
          </div>
        </>
      )}
    </Dialog>
  );
}

function Meter({ recorder, since }: { recorder: Recorder; since: number }) {
  const [, setFrame] = useState(0);
  const past = useRef<number[]>([]);
  const started = useRef(since);
  useEffect(() => {
    const timer = setInterval(() => {
      past.current = [...past.current.slice(-(kPeaks / 2 - 1)), recorder.level()];
      setFrame((n) => n + 1);
    }, 60);
    return () => clearInterval(timer);
  }, [recorder]);
  const level = past.current.at(-1) ?? 0;
  // Loudness is heard in decibels: 60 of them fill the meter.
  const shown = Math.max(0, Math.min(1, 1 + (20 * Math.log10(level + 1e-4)) / 60));
  const silent = past.current.length > 40 && Math.max(...past.current.slice(-40)) < kQuiet;
  const empty = Array<number>(Math.max(0, kPeaks / 2 - past.current.length)).fill(0);
  return (
    <>
      <p className="hint" role="status">{silent ? t.record.quiet : t.record.listening}</p>
      <MiniRoll label={t.wave.waveform} notes={[]} end={1} peaks={[...empty, ...past.current]} />
      <div className="level">
        <meter aria-label={t.record.level} min={0} max={1} low={0.35} high={0.97} optimum={0.7} value={shown} />
        <span className="clock-time">{clock((performance.now() - started.current) / 1000)}</span>
      </div>
    </>
  );
}
