// Everything a piece can be taken away as.
import { useState } from 'react';
import { api, type ExportFormat } from '../api/client';
import { listen } from '../api/events';
import { complain } from '../state/failures';
import { ensureSaved } from '../state/saving';
import { get, useStudio } from '../state/store';
import { t } from '../texts';
import { Progress } from './controls';

const kFiles: ExportFormat[] = ['mid', 'musicxml', 'jianpu', 'tokens', 'project'];
const kSounds = ['wav', 'flac', 'mp3'] as const;
type SoundFormat = (typeof kSounds)[number];

function save(url: string): void {
  const link = document.createElement('a');
  link.href = url;
  link.download = '';
  document.body.append(link);
  link.click();
  link.remove();
}

export function DownloadMenu({ close }: { close: () => void }) {
  const canRender = useStudio((s) => s.info?.capabilities.render ?? false);
  const [rendering, setRendering] = useState<{ format: SoundFormat; done: number } | null>(null);

  const file = async (format: ExportFormat) => {
    try {
      const id = await ensureSaved();
      if (id) save(api.exportUrl(id, format));
      close();
    } catch (error) {
      complain(error);
    }
  };

  const sound = async (format: SoundFormat) => {
    setRendering({ format, done: 0 });
    try {
      const id = await ensureSaved();
      if (!id) return;
      const name = get().pieces.get(id)?.name ?? 'piece';
      const job = await api.createJob({ kind: 'render', piece: id, format });
      await new Promise<void>((resolve, reject) => {
        listen(job.id, {
          progress: ({ done }) => setRendering({ format, done }),
          sound: ({ url }) => save(`${url}?name=${encodeURIComponent(name)}`),
          end: ({ state, error }) => (state === 'failed' ? reject(new Error(error?.message || t.errors.unreachable)) : resolve()),
        });
      });
      close();
    } catch (error) {
      complain(error);
    } finally {
      setRendering(null);
    }
  };

  if (rendering) {
    return (
      <div className="menu">
        <p className="note">{t.download.rendering(t.download[rendering.format])}</p>
        <Progress value={rendering.done} label={t.download.rendering(t.download[rendering.format])} />
      </div>
    );
  }
  const item = (format: ExportFormat | SoundFormat, run: () => void) => (
    <button key={format} type="button" className="menu-item" onClick={run}>
      {t.download[format]}
      <span className="menu-note">{t.download.hints[format]}</span>
    </button>
  );
  return (
    <div className="menu">
      {item('mid', () => void file('mid'))}
      {canRender && kSounds.map((format) => item(format, () => void sound(format)))}
      {kFiles.filter((format) => format !== 'mid').map((format) => item(format, () => void file(format)))}
    </div>
  );
}
