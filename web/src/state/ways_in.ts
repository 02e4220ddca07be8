// Music from outside: files, recordings, typed numbers, played notes.
import { api, ApiError } from '../api/client';
import { listen } from '../api/events';
import type { CreatePiece } from '../api/types';
import { t } from '../texts';
import { complain, sentence } from './failures';
import { player } from './sounding';
import { get, notify, set } from './store';
import { showNew } from './takes';
import { remember, viewOf } from './views';

export async function openFile(file: Blob, name: string): Promise<void> {
  const { info, busy } = get();
  if (busy) return;
  if (file.size === 0) {
    notify(t.files.empty, 'error');
    return;
  }
  if (info && file.size > info.limits.upload_bytes) {
    notify(t.files.tooLarge(Math.floor(info.limits.upload_bytes / 1e6)), 'error');
    return;
  }
  player.stop();
  set({ busy: { label: `${t.files.opening} ${name}`, done: null, cancel: null } });
  try {
    const stored = await api.uploadFile(file, name);
    if (stored.type === 'audio') await transcribe(stored.id, name);
    else await create({ from: 'file', file: stored.id, name: name.replace(/\.[^.]+$/, '') }, 'open');
  } catch (error) {
    const damaged = error instanceof ApiError && error.detail.code === 'unreadable';
    notify(damaged ? t.files.damaged(name, sentence(error)) : `${t.files.unknown(name)} ${sentence(error)}`, 'error');
  } finally {
    set({ busy: null });
  }
}

export async function create(wish: CreatePiece, label: string): Promise<boolean> {
  const piece = await api.createPiece(wish);
  remember(piece);
  await showNew(piece.id, label);
  return true;
}

// Like create, for a dialog: complains in words and says whether it worked.
export async function keep(wish: CreatePiece, label: string): Promise<boolean> {
  try {
    return await create(wish, label);
  } catch (error) {
    complain(error);
    return false;
  }
}

// Sound becomes notes; then the beats are shown, to be put right before anything is written.
export async function transcribe(file: string, name: string): Promise<void> {
  const { info } = get();
  if (info && !info.capabilities.transcribe) {
    notify(t.record.unable, 'error');
    return;
  }
  const job = await api.createJob({ kind: 'transcribe', file, name: name.replace(/\.[^.]+$/, '') });
  const cancel = () => void api.cancelJob(job.id).catch(complain);
  set({ busy: { label: t.record.finding, done: 0, cancel } });
  let piece = '';
  await new Promise<void>((resolve, reject) => {
    listen(job.id, {
      progress: ({ done }) => set({ busy: { label: t.record.finding, done, cancel } }),
      piece: ({ id }) => { piece = id; },
      end: ({ state, error }) => {
        if (state === 'failed') reject(new Error(error?.message || t.errors.interrupted));
        else resolve();
      },
    });
  });
  if (!piece) return;
  await viewOf(piece);
  await showNew(piece, 'record');
  if (get().view?.performed) set({ dialog: 'beats' });
}
