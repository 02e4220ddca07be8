// Fetches the soundfont once and keeps it in the browser's cache; tells how far it is.

const kCache = 'hemiola-soundfont-1';

export interface SoundfontSource {
  url: string;
  bytes: number;
}

async function kept(source: SoundfontSource): Promise<ArrayBuffer | null> {
  if (!('caches' in globalThis)) return null;
  const hit = await (await caches.open(kCache)).match(source.url);
  if (!hit) return null;
  const bytes = await hit.arrayBuffer();
  return bytes.byteLength === source.bytes ? bytes : null;
}

async function keep(source: SoundfontSource, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  if (!('caches' in globalThis)) return;
  try {
    await (await caches.open(kCache)).put(source.url, new Response(bytes));
  } catch {
    // No room left: the soundfont is fetched again next time.
  }
}

export async function fetchSoundfont(
  source: SoundfontSource, progress: (share: number) => void): Promise<ArrayBuffer> {
  const known = await kept(source).catch(() => null);
  if (known) return known;
  const response = await fetch(source.url, { credentials: 'same-origin' });
  if (!response.ok || !response.body) throw new Error(`the soundfont answered ${response.status}`);
  const parts: Uint8Array[] = [];
  let size = 0;
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    size += value.byteLength;
    progress(Math.min(1, size / source.bytes));
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  void keep(source, bytes.slice());
  return bytes.buffer;
}
