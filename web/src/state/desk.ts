// What lies on the desk, kept in the browser so that a reload finds everything as it was, also
// edits that the server has not been told yet.
import type { History } from './history';

export interface Desk {
  history: History;
  position: number;
}

const kDatabase = 'hemiola';
const kStore = 'desk';

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(kDatabase, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(kStore);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('no database'));
  });
}

let database: Promise<IDBDatabase> | null = null;

async function store(mode: IDBTransactionMode): Promise<IDBObjectStore> {
  database ??= open();
  return (await database).transaction(kStore, mode).objectStore(kStore);
}

export async function loadDesk(): Promise<Desk | null> {
  const desk = await store('readonly');
  return new Promise((resolve, reject) => {
    const request = desk.get('now') as IDBRequest<Desk | undefined>;
    request.onsuccess = () => resolve(request.result ?? null);
    request.onerror = () => reject(request.error ?? new Error('unreadable'));
  });
}

export async function saveDesk(value: Desk): Promise<void> {
  (await store('readwrite')).put(value, 'now');
}
