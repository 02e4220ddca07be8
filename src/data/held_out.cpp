#include <algorithm>

#include "data/augment.h"
#include "data/loader.h"
#include "data/styles.h"
#include "data/windows.h"

namespace hemiola::data {
namespace {

// A window of a piece: bars from `first` on, scored from bar `scored` on.
struct Window {
  std::uint32_t entry = 0;
  int first = 0;
  int scored = 0;
  int end = 0;
};

class HeldOut final : public nn::EvalSource {
 public:
  HeldOut(const Dataset& dataset, const tokens::Tokenizer& tokenizer, const HeldOutOptions& options)
      : dataset_(dataset), tokenizer_(tokenizer), options_(options) {}

  Status plan() {
    std::vector<std::uint32_t> pieces;
    for (const Split split : options_.splits) {
      for (const std::uint32_t entry : dataset_.entries_of(split)) {
        const auto is = [&](const std::string& style) { return has_style(dataset_, entry, style); };
        if (!options_.without_style.empty() && is(options_.without_style)) continue;
        if (options_.only_style.empty() || is(options_.only_style)) pieces.push_back(entry);
      }
    }
    if (options_.most_pieces > 0 && pieces.size() > options_.most_pieces) {
      std::vector<std::uint32_t> chosen;
      for (std::size_t i = 0; i < options_.most_pieces; ++i) {
        chosen.push_back(pieces[i * pieces.size() / options_.most_pieces]);
      }
      pieces = std::move(chosen);
    }
    for (const std::uint32_t entry : pieces) HEMIOLA_CHECK(plan_piece(entry));
    return {};
  }

  std::size_t size() const override { return windows_.size(); }

  nn::EvalDocument document(std::size_t index) const override {
    const Window& window = windows_[index];
    nn::EvalDocument document;
    const auto encoded = encode(*piece(window.entry), window);
    if (!encoded) return document;  // planning has encoded it already
    const auto& tokens = encoded->tokens;
    const std::size_t size = std::min(tokens.size(), static_cast<std::size_t>(options_.length) + 1);
    document.ids.assign(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(size));
    const auto scored = static_cast<std::size_t>(window.scored - window.first);
    document.first =
        window.first == 0 && scored == 0 ? 1 : static_cast<int>(encoded->bar_begins[scored]);
    for (std::size_t i = static_cast<std::size_t>(document.first); i < size; ++i) {
      document.notes += tokenizer_.vocabulary().notes_of(tokens[i]);
    }
    const auto score = piece(window.entry);
    for (int bar = window.scored; bar < window.end; ++bar) {
      document.beats += bar_length(score->bars[static_cast<std::size_t>(bar)].metre).count() / 24.0;
    }
    return document;
  }

 private:
  Result<GridScore> piece(std::uint32_t entry) const {
    auto score = dataset_.score(entry);
    if (score && options_.flatten) return flattened(*score);
    return score;
  }

  Result<tokens::Encoded> encode(const GridScore& score, const Window& window) const {
    const int count = window.end - window.first;
    tokens::Frame frame = tokens::window_frame(score, window.first, count);
    frame.counts_bars = options_.counts_bars;
    tokens::Encoded encoded;
    HEMIOLA_CHECK(tokenizer_.encode(tokens::window(score, window.first, count), frame, encoded));
    return encoded;
  }

  Status plan_piece(std::uint32_t entry) {
    HEMIOLA_TRY(const GridScore score, piece(entry));
    HEMIOLA_TRY(const BarCosts costs, BarCosts::measure(score, tokenizer_));
    const int most = options_.length + 1;
    const int before = static_cast<int>(options_.overlap * most);
    for (int scored = 0; scored < costs.bars();) {
      Window window{.entry = entry, .first = scored, .scored = scored, .end = 0};
      if (scored > 0) window.first = costs.earliest(scored, before);
      window.end = window.first + costs.fitting(window.first, most);
      window.end = std::max(window.end, scored + 1);
      // The estimate may be off by a token or two.
      for (;;) {
        HEMIOLA_TRY(const tokens::Encoded encoded, encode(score, window));
        if (static_cast<int>(encoded.tokens.size()) <= most) break;
        if (window.end > scored + 1) {
          --window.end;
        } else if (window.first < scored) {
          ++window.first;
        } else {
          break;  // one bar that is longer than the context
        }
      }
      windows_.push_back(window);
      scored = window.end;
    }
    return {};
  }

  const Dataset& dataset_;
  const tokens::Tokenizer& tokenizer_;
  const HeldOutOptions options_;
  std::vector<Window> windows_;
};

}  // namespace

Result<std::unique_ptr<nn::EvalSource>> make_held_out(const Dataset& dataset,
                                                      const tokens::Tokenizer& tokenizer,
                                                      const HeldOutOptions& options) {
  if (options.length < 2 || !(options.overlap >= 0 && options.overlap < 1)) {
    return fail(
        "held-out documents of {} tokens with an overlap of {}: expected 2 or more, and a "
        "share below 1",
        options.length, options.overlap);
  }
  auto source = std::make_unique<HeldOut>(dataset, tokenizer, options);
  HEMIOLA_CHECK(source->plan());
  return std::unique_ptr<nn::EvalSource>(std::move(source));
}

}  // namespace hemiola::data
