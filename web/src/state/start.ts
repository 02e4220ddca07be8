// The page's first moments: what the server is, what lay on the desk, what is still being written.
import { api } from '../api/client';
import { applyTheme } from '../parts/theme';
import { loadDesk } from './desk';
import { complain } from './failures';
import { current } from './history';
import { checkNovelty } from './novelty';
import { keepDesk } from './saving';
import { connectSound, player, sound } from './sounding';
import { get, set, watch } from './store';
import { viewOfStep } from './views';
import { followRunning } from './writing';
import { saveWish } from './wish';

export async function start(): Promise<void> {
  applyTheme();
  connectSound();
  rememberWish();
  addEventListener('pagehide', keepDesk);
  await load();
}

// Everything that the server is asked for; again after logging in.
export async function load(): Promise<void> {
  try {
    const info = await api.info();
    set({ info });
    if (info.soundfont) void sound.load(info.soundfont);
    else set({ soundfont: { state: 'failed' } });
    const [pieces, desk] = await Promise.all([api.pieces(), loadDesk().catch(() => null)]);
    set({ pieces: new Map(pieces.map((piece) => [piece.id, piece])) });
    if (desk && desk.history.at >= 0) await layOut(desk.history, desk.position);
    set({ loaded: true });
    await followRunning();
  } catch (error) {
    set({ loaded: true });
    complain(error);
  }
}

async function layOut(history: ReturnType<typeof get>['history'], position: number): Promise<void> {
  const step = current(history);
  if (!step) return;
  try {
    const view = await viewOfStep(step);
    set({ history, view, saving: step.edits.length === 0 ? 'saved' : 'unsaved' });
    player.seek(position);
    void checkNovelty(step.base);
  } catch {
    // The piece is gone from the server: begin with the empty page.
  }
}

function rememberWish(): void {
  let last = get().wish;
  watch(() => {
    const { wish } = get();
    if (wish === last) return;
    last = wish;
    saveWish(wish);
  });
}
