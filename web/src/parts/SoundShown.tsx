// A sound that was made: its waveform with a cursor, its spectrogram, and the player.
import { useEffect, useRef, useState } from 'react';
import type { Sound as MadeSound } from '../api/types';
import { spectrogramOf, type Spectrogram } from '../audio/peaks';
import { sound } from '../state/sounding';
import { t } from '../texts';
import { MiniRoll } from './MiniRoll';

const kColumns = 480;
const kRows = 96;

export function SoundShown({ made, title }: { made: MadeSound; title: string }) {
  const audio = useRef<HTMLAudioElement>(null);
  return (
    <>
      <MiniRoll label={`${t.wave.waveform}: ${title}`} notes={[]} end={made.seconds} peaks={made.peaks} height={112}
                at={() => audio.current?.currentTime ?? null}
                onSeek={(at) => { if (audio.current) audio.current.currentTime = at; }} />
      <Spectrum url={made.url} title={title} />
      <audio ref={audio} controls src={made.url} aria-label={title} />
    </>
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
