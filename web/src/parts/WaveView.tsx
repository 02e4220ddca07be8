// The same music as sound, side by side: the notes as the soundfont plays them, and what the
// waveform model makes of them, each with how long it took.
import { useEffect, useState } from 'react';
import { current } from '../state/history';
import { ensureSaved } from '../state/saving';
import { player } from '../state/sounding';
import { useStudio } from '../state/store';
import { t } from '../texts';
import { SoundProgress, useSoundJob, type Made } from './SoundJob';
import { SoundShown } from './SoundShown';
import { WaveformPane } from './WaveformPane';

const renderings = new Map<string, Made>();  // by piece

export default function WaveView() {
  const info = useStudio((s) => s.info);
  const piece = useStudio((s) => current(s.history)?.base ?? '');
  useEffect(() => player.stop(), []);
  if (!info) return null;
  return (
    <div className="wave">
      {!info.capabilities.waveform && <p className="wave-none" role="note">{t.wave.none}</p>}
      <RenderPane key={`notes-${piece}`} piece={piece} able={info.capabilities.render} />
      {info.capabilities.waveform && <WaveformPane key={`wave-${piece}`} piece={piece} />}
    </div>
  );
}

function RenderPane({ piece, able }: { piece: string; able: boolean }) {
  const [made, setMade] = useState<Made | null>(renderings.get(piece) ?? null);
  const { progress, make } = useSoundJob();
  const render = async () => {
    const entry = await make(async () => {
      const id = await ensureSaved();
      return id ? { kind: 'render', piece: id, format: 'wav' } : null;
    });
    if (!entry) return;
    renderings.set(piece, entry);
    setMade(entry);
  };
  useEffect(() => {
    if (able && !made) void render();
  }, []);
  const title = t.wave.notes;
  return (
    <section className="sound-pane" aria-label={title}>
      <header>
        <h2>{title}</h2>
        <p className="note">
          {t.wave.notesHint}
          {made && `, ${t.wave.length(made.sound.seconds)}, ${t.wave.took(made.took)}`}
        </p>
      </header>
      {!able && <p className="wrong">{t.wave.noRender}</p>}
      {made && <SoundShown made={made.sound} title={title} />}
      {progress && <SoundProgress progress={progress} label={t.wave.render} />}
      {able && !made && !progress && (
        <button type="button" className="button" onClick={() => void render()}>{t.wave.render}</button>
      )}
    </section>
  );
}
