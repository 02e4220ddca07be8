// A job's events, typed. The browser resumes a broken stream by itself with the last event's id;
// only when it gives up is the job asked for directly.
import { api } from './client';
import type { JobEvents } from './types';

type Names = keyof JobEvents;
export type JobListener = { [N in Names]?: (data: NonNullable<JobEvents[N]>) => void };

const kNames: Names[] =
  ['state', 'progress', 'track', 'bar', 'note', 'again', 'left_out', 'audio', 'piece', 'sound', 'result', 'restart', 'end'];

// Returns a function that stops listening; the job itself goes on.
export function listen(jobId: string, listener: JobListener): () => void {
  const source = new EventSource(api.eventsUrl(jobId));
  for (const name of kNames) {
    source.addEventListener(name, (event) => {
      const data = JSON.parse((event as MessageEvent<string>).data) as never;
      if (name === 'end') source.close();
      (listener[name] as ((value: never) => void) | undefined)?.(data);
    });
  }
  source.onerror = () => {
    if (source.readyState !== EventSource.CLOSED) return;
    void api.job(jobId).then(
      (job) => listener.end?.({ state: job.state, error: job.error } as never),
      () => listener.end?.({
        state: 'failed',
        error: { code: 'unreachable', message: '' },
      } as never));
  };
  return () => source.close();
}
