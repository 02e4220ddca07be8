// Asks the server to compare a piece with the training music, once, when it is first shown.
import { api } from '../api/client';
import { listen } from '../api/events';
import type { Novelty } from '../api/types';
import { get, set } from './store';

const asked = new Set<string>();

export async function checkNovelty(id: string): Promise<void> {
  const { info, pieces } = get();
  const piece = pieces.get(id);
  if (!info?.capabilities.novelty || !piece || piece.novelty || asked.has(id)) return;
  asked.add(id);
  try {
    const job = await api.createJob({ kind: 'novelty', piece: id });
    listen(job.id, {
      result: (result) => {
        const known = get().pieces.get(id);
        if (!known) return;
        const novelty = result as unknown as Novelty;
        set({ pieces: new Map(get().pieces).set(id, { ...known, novelty }) });
      },
    });
  } catch {
    // The badge stays away; nothing else depends on it.
    asked.delete(id);
  }
}
