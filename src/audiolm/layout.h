// Which ids the language models of AudioLM (Borsos et al. 2022, arXiv 2209.03143) see, and in which
// order. One window of sound is one sequence:
//
//   rhythm     [start] r_1 r_2 ...                 25 a second: the class of each unit
//   semantic   r_1 .. r_S  separator  z_1 z_2 ..   25 units a second
//   coarse     z_1 .. z_S  separator  y_1^1 .. y_1^Q' y_2^1 ..     50 frames a second, Q' codes
//   each fine       y_1^1 .. y_F^Q'  separator  y_1^Q'+1 .. y_1^Q y_2^Q'+1 ..
//
// Each quantizer's codes have ids of their own (an offset per quantizer). What stands before the
// separator conditions and carries no loss. Units are kept as they come, repeats too: loops are
// locked to their tempo, and durations are half of what the units say. The start stands only where
// the sound begins, so that a window cut from its middle never looks like a beginning. There is no
// end: how long a sound becomes is asked for.
//
// The rhythm is no part of the published model. A unit says at once what sounds and when it began,
// so the same drums under another chord are other units, and a model of units hardly finds a rhythm
// again. A class is a unit's rises alone (semantic.h): when, not what. It follows from the unit, so
// it is never stored. Without classes there is no rhythm stage, and the semantic stage is as
// published: [start] z_1 z_2 ...
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

enum class Stage { kRhythm, kSemantic, kCoarse, kFine };

std::string_view name(Stage stage);  // "rhythm", "semantic", "coarse", "fine"
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

// The class of each unit, from 0 on; empty: none.
using UnitClasses = std::vector<int>;

// One for each unit, and of each class up to the highest at least one unit; kMostClasses at most.
inline constexpr int kMostClasses = 1024;
Status check(const UnitClasses& classes, const TokenShape& shape);

// One window as a model learns it.
struct Window {
  std::vector<std::int32_t> ids;
  int first = 1;  // index of the first id that carries loss, >= 1
};

class Layout {
 public:
  // window: units of a whole window; the published sizes are 30, 10 and 3 s. classes: of the rhythm
  // stage, and of a semantic stage with one before it. Precondition: check() of both, classes for
  // the rhythm stage and none for the coarse and the fine one.
  Layout(Stage stage, const TokenShape& shape, int window, UnitClasses classes = {});

  Stage stage() const { return stage_; }
  const TokenShape& shape() const { return shape_; }
  int window() const { return window_; }  // units
  const UnitClasses& classes() const { return classes_; }
  int vocabulary() const { return vocabulary_; }
  int length() const;  // ids of a whole window

  std::int32_t mark() const;                          // start, or separator
  std::int32_t unit(int value) const;                 // precondition: semantic or coarse
  std::int32_t class_id(int value) const;             // precondition: a class of this layout
  std::int32_t class_of(int unit) const;              // id of a unit's class; precondition: classes
  std::int32_t code(int quantizer, int value) const;  // precondition: a quantizer of this stage
  int value_of(std::int32_t id) const;                // of a unit or code that is generated here

  int targets_per_unit() const;  // generated ids for each unit of time: 1, 2Q', 2(Q-Q')
  bool conditioned() const;      // does anything stand before the separator?
  // Of the generated ids of a window, counted from 0: which quantizer; 0 for classes and units.
  int quantizer_at(int index) const;
  // What may stand there: bit t of word t / 64 for id t. Valid as long as the layout. of: the class
  // whose units may stand there, in a semantic stage with classes; not read elsewhere.
  std::span<const std::uint64_t> allowed(int index, int of = 0) const;

  // The ids that condition: classes of units (S) for semantic, units for coarse, the coarse codes
  // of (frames, quantizers) for fine, then the separator. Empty where nothing conditions.
  std::vector<std::int32_t> prefix(std::span<const std::int16_t> units,
                                   std::span<const std::int16_t> codes) const;
  // The ids that are generated: classes of units, units, or this stage's codes out of (frames,
  // quantizers).
  std::vector<std::int32_t> targets(std::span<const std::int16_t> units,
                                    std::span<const std::int16_t> codes) const;
  // Both. units (S), codes (S * kFramesPerUnit, quantizers); from_start: the sound begins here.
  Window window_of(std::span<const std::int16_t> units, std::span<const std::int16_t> codes,
                   bool from_start) const;

  // Fresh weights whose positions are a code of time: how long ago something was is the same turn
  // of that code everywhere. It stands for the relative positions of the published models. It is
  // the same for an id that conditions and for the one generated of that moment, and one head of
  // the first layer compares these codes: which of hundreds of places belongs to the moment need
  // not be found out first. Precondition: the config fits vocabulary and length.
  OwnedWeights fresh_weights(const ModelConfig& config, std::uint64_t seed) const;

 private:
  int before_per_unit() const;  // ids that condition, for each unit of time

  Stage stage_;
  TokenShape shape_;
  int window_;
  int vocabulary_ = 0;
  UnitClasses classes_;
  // Of each generated quantizer, in turn; of a semantic stage with classes, the units of each
  // class.
  std::vector<std::vector<std::uint64_t>> masks_;
};

// A layout and what its ids come from, as the JSON text that a model carries in place of a
// tokenizer. Rhythm and semantic stage know no codec and the fine stage no encoder: empty there.
struct LayoutText {
  Layout layout;
  std::string codec_sha256, semantic_sha256;
};
std::string to_text(const Layout& layout, std::string_view codec_sha256,
                    std::string_view semantic_sha256);
Result<LayoutText> parse_layout(std::string_view text, std::string_view where);

}  // namespace hemiola::audiolm
