// What the end-to-end tests stand on: the real server with a fresh data folder, and Debian's
// Chromium, or its Firefox (HEMIOLA_BROWSER=firefox), driven through playwright-core.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import playwright from 'playwright-core';

const kChromium = process.env.HEMIOLA_CHROMIUM ?? '/usr/bin/chromium';
const kFirefox = process.env.HEMIOLA_FIREFOX ?? '/usr/bin/firefox-esr';
export const isFirefox = process.env.HEMIOLA_BROWSER === 'firefox';
export const downloads = join(tmpdir(), `hemiola-downloads-${process.pid}`);  // of Firefox
const kStartMs = 30_000;

// `more`: further options of `hemiola serve`.
export async function startServer(more = []) {
  const binary = process.env.HEMIOLA_BIN;
  if (!binary || !existsSync(binary)) {
    throw new Error('HEMIOLA_BIN must name the hemiola binary, such as build/release/hemiola');
  }
  const data = mkdtempSync(join(tmpdir(), 'hemiola-e2e-'));
  const web = new URL('../dist', import.meta.url).pathname;
  const options = ['--port', '0', '--data', data, '--web', web, '--quiet', '--client-rate', '10000', ...more];
  const server = spawn(binary, ['serve', ...options], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  const url = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the server did not start:\n${log}`)), kStartMs);
    server.stderr.on('data', (chunk) => {
      log += chunk;
      const match = /listening on (http:\/\/\S+)/.exec(log);
      if (!match) return;
      clearTimeout(timer);
      resolve(match[1]);
    });
    server.on('exit', (code) => reject(new Error(`the server ended with ${code}:\n${log}`)));
  });
  return {
    url,
    log: () => log,
    // Sends a signal to its workers that were started with this option: to hold one (SIGSTOP) in the
    // middle of its work, and to let it go on (SIGCONT).
    signalWorkers: (option, signal) => {
      for (const pid of workersOf(server.pid, option)) {
        try {
          process.kill(pid, signal);
        } catch (error) {
          if (error.code !== 'ESRCH') throw error;  // it has ended meanwhile
        }
      }
    },
    stop: async () => {
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGTERM');
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 5000))]);
      server.kill('SIGKILL');
      rmSync(data, { recursive: true, force: true });
    },
  };
}

function workersOf(server, option) {
  const parent = (pid) => Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (command[1] !== 'worker' || !command.includes(option)) return false;
      for (let at = pid; at > 1; at = parent(at)) if (at === server) return true;
    } catch {
      // It has ended.
    }
    return false;
  });
}

// `microphone`: a WAV file that the browser takes for one; Firefox has a tone of its own instead.
export async function launch({ microphone } = {}) {
  if (isFirefox) {
    return playwright._bidiFirefox.launch({
      executablePath: kFirefox,
      headless: true,
      firefoxUserPrefs: {
        'media.autoplay.default': 0, 'media.navigator.streams.fake': true, 'media.navigator.permission.disabled': true,
        'browser.download.folderList': 2, 'browser.download.dir': downloads, 'browser.download.always_ask_before_handling_new_types': false,
      },
    });
  }
  return playwright.chromium.launch({
    executablePath: kChromium,
    headless: true,
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
      '--autoplay-policy=no-user-gesture-required',
      '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
      ...(microphone ? [`--use-file-for-fake-audio-capture=${microphone}`] : []),
    ],
  });
}

// Before the page's own scripts: listens to what really reaches the loudspeaker, so that "it
// sounds" is measured and not claimed. window.heard() is when sound first rose over -60 dB.
export const kListen = () => {
  let first = null;
  let analyser = null;
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target instanceof AudioDestinationNode) {
      analyser = this.context.createAnalyser();
      analyser.fftSize = 2048;
      connect.call(this, analyser);
    }
    return connect.call(this, target, ...rest);
  };
  const samples = new Float32Array(2048);
  setInterval(() => {
    if (!analyser) return;
    analyser.getFloatTimeDomainData(samples);
    window.loudness = Math.max(...samples.map(Math.abs));
    if (first === null && window.loudness > 0.001) first = performance.now();
  }, 10);
  window.heard = () => first;
  window.listenAnew = () => { first = null; };
};
