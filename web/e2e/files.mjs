// Files for the tests, made from nothing: a small MIDI file and a melody as sound.

// notes: [tick, duration, pitch, velocity] at 480 ticks a quarter, on one track.
export function midiFile(notes, { tempo = 120, metre = [4, 4] } = {}) {
  const events = [];
  for (const [tick, duration, pitch, velocity] of notes) {
    events.push([tick, 1, [0x90, pitch, velocity]], [tick + duration, 0, [0x80, pitch, 0]]);
  }
  events.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const micros = Math.round(60e6 / tempo);
  const bytes = [
    0, 0xff, 0x51, 3, micros >> 16, (micros >> 8) & 255, micros & 255,
    0, 0xff, 0x58, 4, metre[0], Math.log2(metre[1]), 24, 8,
  ];
  let now = 0;
  for (const [tick, , message] of events) {
    bytes.push(...variable(tick - now), ...message);
    now = tick;
  }
  bytes.push(0, 0xff, 0x2f, 0);
  return Buffer.from([
    ...Buffer.from('MThd'), 0, 0, 0, 6, 0, 0, 0, 1, 480 >> 8, 480 & 255,
    ...Buffer.from('MTrk'), ...big(bytes.length), ...bytes,
  ]);
}

function variable(value) {
  const out = [value & 127];
  for (let rest = value >> 7; rest > 0; rest >>= 7) out.unshift((rest & 127) | 128);
  return out;
}

const big = (n) => [(n >>> 24) & 255, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];

// A melody of soft plucked tones, mono, 16 bits.
export function wavFile(notes, { rate = 44100, tail = 0.5 } = {}) {
  const seconds = Math.max(...notes.map(([onset, duration]) => onset + duration)) + tail;
  const samples = new Float64Array(Math.ceil(seconds * rate));
  for (const [onset, duration, pitch] of notes) {
    const frequency = 440 * 2 ** ((pitch - 69) / 12);
    const begin = Math.round(onset * rate);
    for (let i = 0; i < duration * rate; ++i) {
      const t = i / rate;
      const envelope = Math.min(1, t / 0.005) * Math.exp(-2.5 * t) * Math.min(1, (duration - t) / 0.02);
      let sum = 0;
      for (let k = 1; k <= 5; ++k) sum += Math.sin(2 * Math.PI * frequency * k * t) / k ** 1.6;
      samples[begin + i] += 0.3 * envelope * sum;
    }
  }
  const data = Buffer.alloc(44 + samples.length * 2);
  data.write('RIFF', 0);
  data.writeUInt32LE(36 + samples.length * 2, 4);
  data.write('WAVEfmt ', 8);
  data.writeUInt32LE(16, 16);
  data.writeUInt16LE(1, 20);
  data.writeUInt16LE(1, 22);
  data.writeUInt32LE(rate, 24);
  data.writeUInt32LE(rate * 2, 28);
  data.writeUInt16LE(2, 32);
  data.writeUInt16LE(16, 34);
  data.write('data', 36);
  data.writeUInt32LE(samples.length * 2, 40);
  samples.forEach((value, i) =>
    data.writeInt16LE(Math.round(32767 * Math.max(-1, Math.min(1, value))), 44 + 2 * i));
  return data;
}
