// From the TensorFlow.js graph model of basic-pitch to safetensors, under names that say what each
// tensor is for (src/audio/pitch_network.cpp reads them). Kernels stay (rows, columns, inputs,
// outputs). usage: node convert_basic_pitch.mjs MODEL.json OUT
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const [modelPath, outPath] = process.argv.slice(2);
if (!outPath) {
  console.error('usage: node convert_basic_pitch.mjs MODEL.json OUT');
  process.exit(2);
}

const prefix = 'StatefulPartitionedCall/model_1/';
const transform = (index) => `cq_t2010v2_1/conv1d${index === 0 ? '' : `_${index}`}/ExpandDims_1`;
const octaves = 9;

// ours: [theirs, our shape]
const wanted = {
  'transform.first': [transform(0), [256, 36]],
  'transform.second': [transform(1), [256, 36]],
  'transform.halve': [transform(2), [256]],
  'transform.scale': ['cq_t2010v2_1/Sqrt', [309]],
  'norm.scale': ['batch_normalization/FusedBatchNormV3/Scaled', [1]],
  'norm.offset': ['batch_normalization/FusedBatchNormV3/Offset', [1]],
  'contour.hidden.weight': ['conv2d_1/Conv2D_weights', [3, 39, 8, 8]],
  'contour.hidden.bias': ['conv2d_1/Conv2D_bn_offset', [8]],
  'contour.weight': ['contours-reduced/Conv2D/ReadVariableOp', [5, 5, 8, 1]],
  'contour.bias': ['contours-reduced/BiasAdd/ReadVariableOp', [1]],
  'note.hidden.weight': ['conv2d_2/Conv2D/ReadVariableOp', [7, 7, 1, 32]],
  'note.hidden.bias': ['conv2d_2/BiasAdd/ReadVariableOp', [32]],
  'note.weight': ['conv2d_3/Conv2D/ReadVariableOp', [7, 3, 32, 1]],
  'note.bias': ['conv2d_3/BiasAdd/ReadVariableOp', [1]],
  'onset.hidden.weight': ['conv2d_4/Conv2D_weights', [5, 5, 8, 32]],
  'onset.hidden.bias': ['conv2d_4/Conv2D_bn_offset', [32]],
  'onset.weight': ['conv2d_5/Conv2D/ReadVariableOp', [3, 3, 33, 1]],
  'onset.bias': ['conv2d_5/BiasAdd/ReadVariableOp', [1]],
};

const [{ paths, weights }] = JSON.parse(readFileSync(modelPath, 'utf8')).weightsManifest;
const bytes = Buffer.concat(paths.map((path) => readFileSync(join(dirname(modelPath), path))));
const tensors = new Map();
let offset = 0;
for (const { name, shape, dtype, quantization } of weights) {
  if (quantization || !['float32', 'int32'].includes(dtype)) {
    throw new Error(`${name}: expected plain float32 or int32, got ${dtype}`);
  }
  const size = 4 * shape.reduce((product, n) => product * n, 1);
  tensors.set(name, bytes.subarray(offset, offset + size));
  offset += size;
}
if (offset !== bytes.length) throw new Error(`expected ${offset} bytes of weights, got ${bytes.length}`);

const tensor = (name) => {
  const found = tensors.get(prefix + name);
  if (!found) throw new Error(`no tensor ${name}`);
  return found;
};

// Each octave has its own copy of the same three kernels; one is kept.
for (let octave = 1; octave < octaves; ++octave) {
  const copies = [transform(3 * octave - 1), transform(3 * octave), transform(3 * octave + 1)].map(tensor);
  const first = [transform(2), transform(0), transform(1)].map(tensor);
  const same = (a, b) => a.equals(b);
  const straight = same(copies[1], first[1]) && same(copies[2], first[2]);
  const crossed = same(copies[1], first[2]) && same(copies[2], first[1]);
  if (!same(copies[0], first[0]) || !(straight || crossed)) {
    throw new Error(`octave ${octave} has kernels of its own`);
  }
}

const header = { __metadata__: { source: '@spotify/basic-pitch 1.0.1', licence: 'Apache-2.0' } };
const parts = [];
let end = 0;
for (const [name, [theirs, shape]] of Object.entries(wanted)) {
  const data = tensor(theirs);
  const size = 4 * shape.reduce((product, n) => product * n, 1);
  if (data.length !== size) throw new Error(`${theirs}: expected ${size} bytes, got ${data.length}`);
  header[name] = { dtype: 'F32', shape, data_offsets: [end, end + size] };
  parts.push(data);
  end += size;
}
let text = JSON.stringify(header);
text += ' '.repeat((64 - ((8 + text.length) % 64)) % 64);
const length = Buffer.alloc(8);
length.writeBigUInt64LE(BigInt(text.length));
writeFileSync(outPath, Buffer.concat([length, Buffer.from(text), ...parts]));
