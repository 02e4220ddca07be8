// The npm package @spotify/basic-pitch on the sound that transcribe_bench wrote, to compare with.
// Needs it installed where node finds it. usage: node npm.mjs DIR [N]   (the first N files)
import { readFileSync, writeFileSync, existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';

const [folder, count = '20'] = process.argv.slice(2);
const require = createRequire(resolve('package.json'));
const tf = require('@tensorflow/tfjs');
const { BasicPitch, noteFramesToTime, outputToNotesPoly } = require('@spotify/basic-pitch');

const modelPath = join(dirname(require.resolve('@spotify/basic-pitch')), '../model/model.json');
const { modelTopology, weightsManifest } = JSON.parse(readFileSync(modelPath, 'utf8'));
const weights = Buffer.concat(
  weightsManifest.flatMap(({ paths }) => paths.map((path) => readFileSync(join(dirname(modelPath), path)))),
);
const model = await tf.loadGraphModel({
  load: async () => ({
    modelTopology,
    weightSpecs: weightsManifest.flatMap(({ weights: specs }) => specs),
    weightData: weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.length),
  }),
});

// 16-bit mono WAV with a plain header.
function samplesOf(path) {
  const bytes = readFileSync(path);
  const at = bytes.indexOf('data') + 8;
  const samples = new Float32Array((bytes.length - at) >> 1);
  for (let i = 0; i < samples.length; ++i) samples[i] = bytes.readInt16LE(at + 2 * i) / 32768;
  return samples;
}

let sound = 0;
const start = process.cpuUsage();
for (let i = 0; i < Number(count) && existsSync(join(folder, `${i}.wav`)); ++i) {
  const samples = samplesOf(join(folder, `${i}.wav`));
  const frames = [];
  const onsets = [];
  await new BasicPitch(Promise.resolve(model)).evaluateModel(
    samples,
    (f, o) => {
      frames.push(...f);
      onsets.push(...o);
    },
    () => {},
  );
  const notes = noteFramesToTime(outputToNotesPoly(frames, onsets, 0.5, 0.3, 11));
  writeFileSync(
    join(folder, `${i}.txt`),
    notes.map((note) => `${note.startTimeSeconds} ${note.pitchMidi}\n`).join(''),
  );
  sound += samples.length / 22050;
  console.log(i, notes.length);
}
const { user, system } = process.cpuUsage(start);
const seconds = (user + system) / 1e6;
console.log(`${sound.toFixed(0)} s of sound in ${seconds.toFixed(1)} s of processor: ${(sound / seconds).toFixed(2)} times real time`);
