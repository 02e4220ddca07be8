// Errors as people read them.
import { ApiError } from '../api/client';
import { t } from '../texts';
import { get, notify, set } from './store';

export function sentence(error: unknown): string {
  if (error instanceof ApiError) {
    if (error.detail.code === 'unreachable') return t.errors.unreachable;
    return error.detail.message;
  }
  return error instanceof Error ? error.message : String(error);
}

export function complain(error: unknown): void {
  if (error instanceof ApiError && error.status === 401) {
    set({ dialog: 'login' });
    return;
  }
  const text = sentence(error);
  if (get().notices.some((notice) => notice.text === text)) return;
  notify(text, 'error');
}
