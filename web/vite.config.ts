import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// Everything is bundled into dist/, which the server serves at /. Nothing is inlined: the page's
// content security policy allows scripts, styles and fonts from its own address alone.
export default defineConfig({
  plugins: [react()],
  build: { target: 'es2022', assetsInlineLimit: 0, chunkSizeWarningLimit: 8000 },
  worker: { format: 'es' },
  server: { proxy: { '/api': proxyTarget(), '/soundfont.sf3': proxyTarget() } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});

function proxyTarget(): string {
  return process.env.HEMIOLA_URL ?? 'http://127.0.0.1:8080';
}
