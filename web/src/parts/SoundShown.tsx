// A sound: its waveform with a cursor, its spectrogram, and what it is played with. It may still be
// on its way.
import { useEffect, useRef, useState } from 'react';
import type { Sound as MadeSound } from '../api/types';
import { FileClip, type Clip } from '../audio/clip';
import { spectrogramOf, type Spectrogram } from '../audio/peaks';
import type { StreamedSound } from '../audio/streamed_sound';
import { playClip, sound } from '../state/sounding';
import { t } from '../texts';
import { ClipControls } from './ClipControls';
import { MiniRoll } from './MiniRoll';

const kColumns = 480;
const kRows = 96;

interface Props {
  made: MadeSound | null;  // null: not whole yet
  live?: StreamedSound | null;
  arrived?: number;  // seconds of it
  title: string;
}

export function SoundShown({ made, live, arrived = 0, title }: Props) {
  const audio = useRef<HTMLAudioElement>(null);
  const [file, setFile] = useState<Clip | null>(null);
  const url = live ? undefined : made?.url;
  useEffect(() => setFile(audio.current && made ? new FileClip(audio.current, made.seconds) : null), [url]);
  const clip = live ?? file;
  const prompt = live ? live.promptEnd : made?.prompt_seconds ?? 0;
  return (
    <>
      <MiniRoll label={`${t.wave.waveform}: ${title}`} notes={[]} end={live?.length || made?.seconds || 1} height={112}
                peaks={live?.peaks ?? made?.peaks ?? []} lines={prompt > 0 ? [prompt] : []}
                at={() => clip?.position ?? null}
                onSeek={(at) => {
                  if (!clip) return;
                  clip.seek(at);
                  playClip(clip);
                }} />
      <Spectrum url={url ?? null} live={live ?? null} arrived={arrived} title={title} />
      {url && <audio ref={audio} src={url} preload="metadata" aria-label={title} />}
      {clip && <ClipControls key={url ?? 'live'} clip={clip} title={title} />}
    </>
  );
}

interface SpectrumProps {
  url: string | null;
  live: StreamedSound | null;
  arrived: number;
  title: string;
}

function Spectrum({ url, live, arrived, title }: SpectrumProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [data, setData] = useState<Spectrogram | null>(null);
  useEffect(() => {
    if (live?.picture) setData(spectrogramOf(live.picture, kColumns, kRows));
  }, [live, arrived, live?.length]);
  useEffect(() => {
    if (!url) return;
    setData(null);
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
    const ctx = canvas.current?.getContext('2d', { willReadFrequently: true });
    if (!ctx) return;
    ctx.clearRect(0, 0, kColumns, kRows);
    if (!data) return;
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
