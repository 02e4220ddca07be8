// A job whose outcome is a sound, while it runs.
import { useEffect, useRef, useState } from 'react';
import { api } from '../api/client';
import { listen } from '../api/events';
import type { Job, JobRequest, Sound as MadeSound } from '../api/types';
import type { SoundPart } from '../audio/streamed_sound';
import { complain } from '../state/failures';
import { t } from '../texts';
import { Progress } from './controls';

export type Made = { sound: MadeSound; took: number };  // took: seconds, as waited for

// What is done with a sound while it is on its way.
interface Arriving {
  audio: (part: SoundPart) => void;
  restart: () => void;
}

// One job at a time whose outcome is a sound.
export function useSoundJob() {
  const [progress, setProgress] = useState<{ done: number; job: string | null } | null>(null);
  const stop = useRef<() => void>(() => {});
  useEffect(() => () => stop.current(), []);
  // `ask` gives what to do, or a job that is under way already.
  const make = async (ask: () => Promise<JobRequest | Job | null>, arriving?: Arriving): Promise<Made | null> => {
    setProgress({ done: 0, job: null });
    const began = performance.now();
    let made: Made | null = null;
    try {
      const request = await ask();
      if (!request) return null;
      const job = 'state' in request ? request : await api.createJob(request);
      setProgress({ done: 0, job: job.id });
      await new Promise<void>((resolve, reject) => {
        stop.current = listen(job.id, {
          progress: ({ done }) => setProgress({ done, job: job.id }),
          ...arriving,
          sound: (result) => { made = { sound: result, took: (performance.now() - began) / 1000 }; },
          end: ({ state, error }) => (state === 'failed' ? reject(new Error(error?.message)) : resolve()),
        });
      });
    } catch (error) {
      complain(error);
    } finally {
      setProgress(null);
    }
    return made;
  };
  return { progress, make };
}

export function SoundProgress({ progress, label }: { progress: { done: number; job: string | null }; label: string }) {
  return (
    <div className="sound-progress">
      <Progress value={progress.done} label={label} />
      {progress.job && (
        <button type="button" className="link" onClick={() => void api.cancelJob(progress.job!).catch(complain)}>
          {t.busy.cancel}
        </button>
      )}
    </div>
  );
}
