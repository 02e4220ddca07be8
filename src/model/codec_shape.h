// The sizes of the neural codec, and its layers by name: what stands in codec.safetensors. The
// trainer (libtorch) and the codec that is run (src/audiolm) both go by this one list.
//
// Every layer is a causal convolution over rows in time, (rows, channels). A stride of s is a fold:
// s rows of c channels become one row of s * c, which in memory is no change at all. So a kernel of
// `taps` rows after a fold of s is a strided convolution of width taps * s; the decoder's layers
// give s * c channels, unfolded to s rows of c: a transposed convolution.
//
//   encoder: fold, stem; for each stride: 3 residual units, activation, fold, down; activation, out
//   decoder: in; for each stride, backwards: activation, up, unfold, 3 residual units; activation,
//            head, unfold
//   residual unit: x + mix(activation(spread(activation(x)))), the dilations 1, 3, 9
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace hemiola {

enum class CodecActivation { kLeakyRelu, kElu };
inline constexpr float kCodecSlope = 0.1f;  // of leaky ReLU below zero
inline constexpr int kCodecUnits = 3;       // residual units of a stage
inline constexpr int kCodecDilations[kCodecUnits] = {1, 3, 9};

// The default is the preset "small": 50 frames a second, 2.4 million weights.
struct CodecShape {
  int rate = 16000;      // Hz
  int hop = 320;         // samples of a frame: stem_stride times the strides
  int quantizers = 8;    // one codebook each
  int codebook = 1024;   // entries
  int width = 64;        // numbers of a frame before it is quantised
  int stem_stride = 16;  // samples of the stem's rows
  int stem_taps = 4;     // of stem and head, in such rows
  std::vector<int> strides{5, 2, 2};
  std::vector<int> channels{64, 128, 256, 384};  // after the stem, and after each stride
  int unit_taps = 3;
  int unit_divisor = 2;  // of the channels inside a residual unit
  int end_taps = 3;      // of the encoder's last and the decoder's first layer
  CodecActivation activation = CodecActivation::kLeakyRelu;

  int frame_rate() const { return rate / hop; }
  bool operator==(const CodecShape&) const = default;
};

// "small", or "paper": SoundStream's and AudioLM's published sizes (Zeghidour et al. 2021; Borsos
// et al. 2022), 6 kbit/s.
Result<CodecShape> codec_preset(std::string_view name);

// Refuses shapes that no codec has, or of more than a hundred million numbers.
Status check(const CodecShape& shape);
Json to_json(const CodecShape& shape);
Result<CodecShape> codec_shape_from_json(const Json& json, std::string_view where);

struct CodecLayer {
  enum class Kind {
    kForward,  // weight (outputs, taps, inputs), taps from the oldest row to the newest
    kUnfold,   // the same, of the decoder: outputs are unfolded to rows
  };
  std::string name;  // "encoder.stem"; tensors are name + ".weight" and name + ".bias"
  Kind kind = Kind::kForward;
  int fold = 1;  // kForward: rows folded before it; kUnfold: rows that come of one
  int in = 1;    // channels of a row before the fold
  int out = 1;   // channels of a row after the unfold
  int taps = 1;
  int dilation = 1;

  int inputs() const { return kind == Kind::kForward ? in * fold : in; }     // of the matrix
  int outputs() const { return kind == Kind::kUnfold ? out * fold : out; }  // of the matrix
  std::size_t weights() const {
    return static_cast<std::size_t>(inputs()) * static_cast<std::size_t>(outputs()) *
           static_cast<std::size_t>(taps);
  }
};

// In the order in which they are run; encoder first. Precondition: check().
std::vector<CodecLayer> codec_layers(const CodecShape& shape);

// The file's other tensor: (quantizers, codebook, width).
inline constexpr const char* kCodebooks = "codebooks";
inline constexpr const char* kCodecFormat = "hemiola-codec-1";

}  // namespace hemiola
