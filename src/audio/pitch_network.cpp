#include "audio/pitch_network.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "model/packed.h"

namespace hemiola {
namespace {

using engine::Activation;
using engine::Conv2d;
using engine::Planes;

constexpr int kWindow = 2 * kPitchRate - kPitchHop;  // samples
constexpr int kFrames = 172;                         // of a window
constexpr int kOverlap = 30;                         // frames that two windows share
constexpr int kStep = kWindow - kOverlap * kPitchHop;
constexpr int kKept = kFrames - kOverlap;  // frames of each window that go into the result

constexpr int kOctaves = 9;
constexpr int kOctaveBins = 36;  // three to the semitone
constexpr int kTaps = 256;       // samples under a frame, at each octave's own rate
constexpr int kBins = 309;       // of the transform; the lowest of the nine octaves is cut
constexpr int kLanes = 16;

// Where each harmonic of a bin stands: a half, 1, 2, ... 7 times its frequency, in bins.
constexpr std::array kHarmonics = {-36, 0, 36, 57, 72, 84, 93, 101};

enum Layer { kContourHidden, kContour, kNoteHidden, kNote, kOnsetHidden, kOnset, kLayers };

struct LayerPlan {
  const char* name;
  engine::ConvShape shape;
  Activation activation;
};

constexpr std::array<LayerPlan, kLayers> kPlan = {{
    {"contour.hidden", {3, 39, 8, 8, 1}, Activation::kRelu},
    {"contour", {5, 5, 8, 1, 1}, Activation::kSigmoid},
    {"note.hidden", {7, 7, 1, 32, 3}, Activation::kRelu},
    {"note", {7, 3, 32, 1, 1}, Activation::kSigmoid},
    {"onset.hidden", {5, 5, 8, 32, 3}, Activation::kRelu},
    {"onset", {3, 3, 33, 1, 1}, Activation::kSigmoid},
}};

Result<std::vector<float>> read_tensor(const SafetensorsView& file, const std::string& name,
                                       const Shape& shape) {
  const TensorView* tensor = file.find(name);
  if (tensor == nullptr || tensor->dtype != Dtype::kF32 || tensor->shape != shape) {
    return fail("expected a tensor {} of F32 {}, got {}", name, shown(shape),
                tensor == nullptr ? "none" : shown(tensor->shape));
  }
  std::vector<float> values(tensor->elements());
  read_floats(*tensor, 0, values);
  return values;
}

engine::Margins margins_of(const std::vector<Conv2d>& layers,
                           std::initializer_list<Layer> readers) {
  engine::Margins all;
  for (const Layer layer : readers) {
    const engine::Margins margins = layers[layer].margins();
    all = {std::max(all.rows, margins.rows), std::max(all.columns, margins.columns)};
  }
  return all;
}

// Mirrors `count` values beyond both their ends.
void reflect(float* x, int count, int margin) {
  for (int i = 1; i <= margin; ++i) {
    x[-i] = x[i];
    x[count - 1 + i] = x[count - 1 - i];
  }
}

}  // namespace

// What one run writes and reads again, sized once.
struct PitchNetwork::Scratch {
  explicit Scratch(const std::vector<Conv2d>& layers)
      : spectrum(static_cast<std::size_t>(kFrames * kBins)),
        harmonics(8, kFrames, kContourBins, margins_of(layers, {kContourHidden})),
        harmonics_split(24, kFrames, kPitchKeys, margins_of(layers, {kOnsetHidden})),
        contour_hidden(8, kFrames, kContourBins, margins_of(layers, {kContour})),
        contour(1, kFrames, kContourBins, {}),
        contour_split(3, kFrames, kPitchKeys, margins_of(layers, {kNoteHidden})),
        note_hidden(32, kFrames, kPitchKeys, margins_of(layers, {kNote})),
        onset_in(33, kFrames, kPitchKeys, margins_of(layers, {kOnset})),
        onset(1, kFrames, kPitchKeys, {}) {}

  // One octave's sound with kTaps / 2 samples beyond each end, and the same split in even and odd.
  std::vector<float> window = std::vector<float>(kWindow + 2 * kTaps + kLanes);
  std::vector<float> phases = std::vector<float>(kWindow + 2 * kTaps + 4 * kLanes);
  std::vector<float> parts = std::vector<float>(std::size_t{kFrames} * 2 * kOctaveBins);
  std::vector<float> spectrum;  // (frames, bins)
  Planes harmonics, harmonics_split, contour_hidden, contour, contour_split, note_hidden;
  Planes onset_in;  // the note's own activation, then the 32 hidden ones
  Planes onset;
};

Result<PitchNetwork> PitchNetwork::load(const Path& weights) {
  HEMIOLA_TRY(const SafetensorsFile file, SafetensorsFile::open(weights));
  auto network = read(file.view());
  if (!network) return fail(std::move(network.error()).within(weights.string()));
  return network;
}

Result<PitchNetwork> PitchNetwork::read(const SafetensorsView& file) {
  PitchNetwork network;
  for (const LayerPlan& plan : kPlan) {
    const engine::ConvShape& s = plan.shape;
    const std::string name = plan.name;
    HEMIOLA_TRY(const auto weight,
                read_tensor(file, name + ".weight", {s.height, s.width, s.inputs, s.outputs}));
    HEMIOLA_TRY(const auto bias, read_tensor(file, name + ".bias", {s.outputs}));
    network.layers_.emplace_back(s, weight, bias, plan.activation);
  }
  // The real and the imaginary part of each bin, side by side.
  HEMIOLA_TRY(const auto first, read_tensor(file, "transform.first", {kTaps, kOctaveBins}));
  HEMIOLA_TRY(const auto second, read_tensor(file, "transform.second", {kTaps, kOctaveBins}));
  std::vector<float> both;
  for (int tap = 0; tap < kTaps; ++tap) {
    for (const auto* part : {&first, &second}) {
      both.insert(both.end(), part->begin() + tap * kOctaveBins,
                  part->begin() + (tap + 1) * kOctaveBins);
    }
  }
  PackedMatrix matrix;
  matrix.in = kTaps;
  matrix.out = 2 * kOctaveBins;
  network.transform_panels_ = AlignedBytes(matrix.bytes());
  HEMIOLA_TRY(matrix, pack_matrix(view_of("transform", {kTaps, 2 * kOctaveBins}, both), false,
                                  Packing::kF32, network.transform_panels_.data()));
  HEMIOLA_TRY(network.halve_, read_tensor(file, "transform.halve", {kTaps}));
  HEMIOLA_TRY(network.scale_, read_tensor(file, "transform.scale", {kBins}));
  HEMIOLA_TRY(const auto scale, read_tensor(file, "norm.scale", {1}));
  HEMIOLA_TRY(const auto offset, read_tensor(file, "norm.offset", {1}));
  network.norm_scale_ = scale.front();
  network.norm_offset_ = offset.front();
  return network;
}

// From scratch.window, whose sound begins kTaps in, to scratch.spectrum: the log power of each bin,
// brought to [0, 1] over the whole window, then scaled. Octaves from the highest down; each next
// one hears the sound at half the rate.
void PitchNetwork::transform(const engine::Kernels& kernels, Scratch& scratch) const {
  std::array<std::ptrdiff_t, kTaps> offsets;
  const float no_bias = 0;
  float* x = scratch.window.data() + kTaps;
  int length = kWindow;
  for (int octave = 0; octave < kOctaves; ++octave) {
    if (octave > 0) {
      // Half the rate, with zeros beyond both ends; the even and odd samples stand in two rows, so
      // that the taps of neighbouring results are neighbours.
      constexpr int kBefore = kTaps / 2 - 1;
      const int next = (length - 2) / 2 + 1;
      const int half = (length + 2 * kBefore + 1) / 2 + kLanes;
      std::fill_n(scratch.phases.begin(), 2 * half, 0.0f);
      for (int i = 0; i < length; ++i) {
        const int at = i + kBefore;
        scratch.phases[static_cast<std::size_t>((at & 1) * half + at / 2)] = x[i];
      }
      for (int tap = 0; tap < kTaps; ++tap) {
        offsets[static_cast<std::size_t>(tap)] = (tap & 1) * half + tap / 2;
      }
      engine::Convolve c{};
      c.x = scratch.phases.data();
      c.offsets = offsets.data();
      c.weights = halve_.data();
      c.bias = &no_bias;
      c.taps = kTaps;
      c.outputs = 1;
      c.rows = 1;
      c.columns = next;
      c.y = x;
      kernels.convolve(c);
      length = next;
    }
    reflect(x, length, kTaps / 2);
    engine::Matmul m{};
    m.panels = transform_panels_.data();
    m.in = kTaps;
    m.out = 2 * kOctaveBins;
    m.panel_end = panel_count(m.out);
    m.rows = kFrames;
    m.x = x - kTaps / 2;
    m.x_stride = kPitchHop >> octave;
    m.y = scratch.parts.data();
    m.y_stride = m.out;
    kernels.matmul_f32(m);
    const int first = kBins - (octave + 1) * kOctaveBins;
    for (int frame = 0; frame < kFrames; ++frame) {
      const float* part = scratch.parts.data() + frame * m.y_stride;
      float* row = scratch.spectrum.data() + frame * kBins;
      for (int bin = std::max(0, -first); bin < kOctaveBins; ++bin) {
        const float scale = scale_[static_cast<std::size_t>(first + bin)];
        const float a = part[bin] * scale, b = part[kOctaveBins + bin] * scale;
        row[first + bin] = 10 * std::log10(a * a + b * b + 1e-10f);
      }
    }
  }
  const auto [low, high] = std::minmax_element(scratch.spectrum.begin(), scratch.spectrum.end());
  const float least = *low, range = *high - *low;
  const float factor = range > 0 ? norm_scale_ / range : 0.0f;
  for (float& value : scratch.spectrum) value = (value - least) * factor + norm_offset_;
}

// From scratch.spectrum to contour, note (channel 0 of onset_in) and onset.
void PitchNetwork::convolve(const engine::Kernels& kernels, Scratch& scratch) const {
  for (std::size_t h = 0; h < kHarmonics.size(); ++h) {
    // Beyond the ends of the spectrum the planes stay zero.
    const int shift = kHarmonics[h];
    const int begin = std::max(0, -shift), end = std::min(kContourBins, kBins - shift);
    for (int frame = 0; frame < kFrames; ++frame) {
      const float* from = scratch.spectrum.data() + frame * kBins + shift;
      float* to = scratch.harmonics.at(static_cast<int>(h)) + frame * scratch.harmonics.row_stride;
      std::copy(from + begin, from + end, to + begin);
    }
  }
  layers_[kContourHidden].run(kernels, scratch.harmonics, scratch.contour_hidden);
  layers_[kContour].run(kernels, scratch.contour_hidden, scratch.contour);
  split_columns(scratch.contour, kBinsPerKey, scratch.contour_split);
  layers_[kNoteHidden].run(kernels, scratch.contour_split, scratch.note_hidden);
  layers_[kNote].run(kernels, scratch.note_hidden, scratch.onset_in, 0);
  split_columns(scratch.harmonics, kBinsPerKey, scratch.harmonics_split);
  layers_[kOnsetHidden].run(kernels, scratch.harmonics_split, scratch.onset_in, 1);
  layers_[kOnset].run(kernels, scratch.onset_in, scratch.onset);
}

Result<PitchActivations> PitchNetwork::run(std::span<const float> samples,
                                           const PitchRun& options) const {
  const engine::Kernels* kernels = engine::find_kernels(options.isa);
  if (kernels == nullptr) return fail("this processor has no kernels '{}'", options.isa);
  PitchActivations out;
  // As published: as many frames as the windows that the sound fills give, in proportion.
  out.frames = samples.size() * kKept / kStep;
  out.note.reserve(out.frames * kPitchKeys);
  out.onset.reserve(out.frames * kPitchKeys);
  if (options.contour) out.contour.reserve(out.frames * kContourBins);
  Scratch scratch(layers_);
  // The first window begins half an overlap before the sound.
  constexpr std::ptrdiff_t kLead = kOverlap / 2 * kPitchHop;
  for (std::size_t window = 0, frames = 0; frames < out.frames; ++window, frames += kKept) {
    if (options.progress &&
        !options.progress(static_cast<double>(frames) / static_cast<double>(out.frames))) {
      return fail("stopped while listening for notes");
    }
    const std::ptrdiff_t start = static_cast<std::ptrdiff_t>(window) * kStep - kLead;
    const auto size = static_cast<std::ptrdiff_t>(samples.size());
    std::fill(scratch.window.begin(), scratch.window.end(), 0.0f);
    const std::ptrdiff_t from = std::clamp<std::ptrdiff_t>(start, 0, size);
    const std::ptrdiff_t until = std::clamp<std::ptrdiff_t>(start + kWindow, 0, size);
    std::copy(samples.begin() + from, samples.begin() + until,
              scratch.window.begin() + kTaps + (from - start));
    transform(*kernels, scratch);
    convolve(*kernels, scratch);
    const auto count = static_cast<int>(std::min<std::size_t>(kKept, out.frames - frames));
    const auto keep = [&](const Planes& planes, std::vector<float>& to) {
      for (int frame = kOverlap / 2; frame < kOverlap / 2 + count; ++frame) {
        const float* row = planes.at(0) + frame * planes.row_stride;
        to.insert(to.end(), row, row + planes.columns);
      }
    };
    keep(scratch.onset_in, out.note);
    keep(scratch.onset, out.onset);
    if (options.contour) keep(scratch.contour, out.contour);
  }
  return out;
}

}  // namespace hemiola
