// The one place that knows who engraves.
import type { EngraveReply, EngraveRequest } from './engraver.worker';

let worker: Worker | null = null;
let next = 1;
const waiting = new Map<number, { resolve: (reply: EngraveReply) => void; reject: (error: Error) => void }>();

export function engrave(musicxml: string, width: number): Promise<EngraveReply> {
  if (!worker) {
    worker = new Worker(new URL('./engraver.worker.ts', import.meta.url), { type: 'module' });
    worker.onmessage = (event: MessageEvent<EngraveReply>) => {
      const call = waiting.get(event.data.id);
      waiting.delete(event.data.id);
      if (event.data.error) call?.reject(new Error(event.data.error));
      else call?.resolve(event.data);
    };
    worker.onerror = (event) => {
      for (const call of waiting.values()) call.reject(new Error(event.message));
      waiting.clear();
      worker = null;
    };
  }
  const id = next++;
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    worker!.postMessage({ id, musicxml, width } satisfies EngraveRequest);
  });
}
