// Which ids the three language models of AudioLM (Borsos et al. 2022, arXiv 2209.03143) see, and in
// which order. One window of sound is one sequence:
//
//   semantic   [start] z_1 z_2 ...                 25 units a second; start only where the sound
//                                                  begins, so that a window cut from its middle
//                                                  never looks like a beginning
//   coarse     z_1 .. z_S  separator  y_1^1 .. y_1^Q' y_2^1 ..     50 frames a second, Q' codes each
//   fine       y_1^1 .. y_F^Q'  separator  y_1^Q'+1 .. y_1^Q y_2^Q'+1 ..
//
// Each quantizer's codes have ids of their own (an offset per quantizer). What stands before the
// separator conditions and carries no loss. Units are kept as they come, repeats too: loops are
// locked to their tempo, and durations are half of what the units say. There is no end: how long a
// sound becomes is asked for.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/gpt2_tensors.h"

namespace hemiola::audiolm {

enum class Stage { kSemantic, kCoarse, kFine };

std::string_view name(Stage stage);  // "semantic", "coarse", "fine"
Result<Stage> stage_named(std::string_view name);

inline constexpr int kUnitsPerSecond = 25;
inline constexpr int kFramesPerUnit = 2;  // codec frames

// What units and codes look like.
struct TokenShape {
  int units = 512;      // different semantic units
  int quantizers = 8;   // codes of a frame, Q
  int codebook = 1024;  // values of a code
  int coarse = 3;       // quantizers of the coarse stage, Q'

  int fine() const { return quantizers - coarse; }
  bool operator==(const TokenShape&) const = default;
};

// 1 to 32767 units and codes, up to 32 quantizers, coarse at least one and not all.
Status check(const TokenShape& shape);

// One window as a model learns it.
struct Window {
  std::vector<std::int32_t> ids;
  int first = 1;  // index of the first id that carries loss, >= 1
};

class Layout {
 public:
  // window: units of a whole window; the published sizes are 30, 10 and 3 s. Precondition: check().
  Layout(Stage stage, const TokenShape& shape, int window);

  Stage stage() const { return stage_; }
  const TokenShape& shape() const { return shape_; }
  int window() const { return window_; }      // units
  int vocabulary() const { return vocabulary_; }
  int length() const;                         // ids of a whole window

  std::int32_t mark() const;                  // start, or separator
  std::int32_t unit(int value) const;         // precondition: not the fine stage
  std::int32_t code(int quantizer, int value) const;  // precondition: a quantizer of this stage
  int value_of(std::int32_t id) const;        // of a unit or code that is generated here

  int targets_per_unit() const;               // generated ids for each unit of time: 1, 2Q', 2(Q-Q')
  // Of the generated ids of a window, counted from 0: which quantizer; 0 for units.
  int quantizer_at(int index) const;
  // What may stand there: bit t of word t / 64 for id t. Valid as long as the layout.
  std::span<const std::uint64_t> allowed(int index) const;

  // The ids that condition: units (S) for coarse, the coarse codes of (frames, quantizers) for fine,
  // then the separator. Empty for semantic.
  std::vector<std::int32_t> prefix(std::span<const std::int16_t> units,
                                   std::span<const std::int16_t> codes) const;
  // The ids that are generated: units, or this stage's codes out of (frames, quantizers).
  std::vector<std::int32_t> targets(std::span<const std::int16_t> units,
                                    std::span<const std::int16_t> codes) const;
  // Both. units (S), codes (S * kFramesPerUnit, quantizers); from_start: the sound begins here.
  Window window_of(std::span<const std::int16_t> units, std::span<const std::int16_t> codes,
                   bool from_start) const;

  // Fresh weights whose positions are a code of time, the same for an id that conditions and for
  // the one generated of that moment, and one head of the first layer that compares these codes. It
  // stands for the relative positions of the published models: which of hundreds of places belongs
  // to the moment need not be found out first. Precondition: the config fits vocabulary and length.
  OwnedWeights fresh_weights(const ModelConfig& config, std::uint64_t seed) const;

 private:
  Stage stage_;
  TokenShape shape_;
  int window_;
  int vocabulary_ = 0;
  std::vector<std::vector<std::uint64_t>> masks_;  // of each generated quantizer, in turn
};

// A layout and what its ids come from, as the JSON text that a model carries in place of a
// tokenizer. The semantic stage knows no codec and the fine stage no encoder: empty there.
struct LayoutText {
  Layout layout;
  std::string codec_sha256, semantic_sha256;
};
std::string to_text(const Layout& layout, std::string_view codec_sha256,
                    std::string_view semantic_sha256);
Result<LayoutText> parse_layout(std::string_view text, std::string_view where);

}  // namespace hemiola::audiolm
