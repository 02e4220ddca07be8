#include "audiolm/stage_source.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/json.h"
#include "base/rng.h"

namespace hemiola::audiolm {
namespace {

// Units [begin, begin + count) of a piece.
Window cut(const TokenCache& cache, const Layout& layout, std::size_t piece, std::size_t begin,
           std::size_t count) {
  const std::size_t unit_codes =
      kFramesPerUnit * static_cast<std::size_t>(layout.shape().quantizers);
  return layout.window_of(cache.units(piece).subspan(begin, count),
                          cache.codes(piece).subspan(begin * unit_codes, count * unit_codes),
                          begin == 0);
}

// Puts a window into a row from `column` on; returns the column after it. `seen`: the ids that are
// shown, as many as the window's, which are to be told.
int put(const Window& window, std::span<const std::int32_t> seen, nn::Batch& batch, int row,
        int column, int segment) {
  const int inputs = static_cast<int>(window.ids.size()) - 1;
  for (int i = 0; i < inputs; ++i, ++column) {
    const auto at = static_cast<std::size_t>(row) * static_cast<std::size_t>(batch.length) +
                    static_cast<std::size_t>(column);
    const auto from = static_cast<std::size_t>(i);
    batch.ids[at] = seen[from];
    batch.positions[at] = i;
    batch.segments[at] = segment;
    if (i + 1 >= window.first) batch.targets[at] = window.ids[from + 1];
  }
  return column;
}

// The rest of a row is padding.
void pad(nn::Batch& batch, int row, int column, int segment) {
  for (int t = column; t < batch.length; ++t) {
    const auto at = static_cast<std::size_t>(row) * static_cast<std::size_t>(batch.length) +
                    static_cast<std::size_t>(t);
    batch.segments[at] = segment;
    batch.positions[at] = t - column;
  }
}

}  // namespace

StageSource::StageSource(const TokenCache& cache, const Layout& layout, std::uint64_t seed,
                         double misled)
    : cache_(cache), layout_(layout), seed_(seed), misled_(misled) {
  std::size_t sum = 0;
  for (const std::size_t piece : cache.of_split(Split::kTrain)) {
    const std::size_t units = cache.units(piece).size();
    if (units < 2) continue;
    pieces_.push_back(piece);
    sums_.push_back(sum += units);
  }
}

Result<std::unique_ptr<StageSource>> StageSource::create(const TokenCache& cache,
                                                         const Layout& layout, std::uint64_t seed,
                                                         double misled) {
  if (!(misled >= 0 && misled < 1)) {
    return fail("share of the past that misleads: expected 0 to less than 1, got {}", misled);
  }
  if (misled > 0 && layout.stage() != Stage::kCoarse && layout.stage() != Stage::kFine) {
    return fail("only the coarse and the fine stage can be misled by their past");
  }
  std::unique_ptr<StageSource> source(new StageSource(cache, layout, seed, misled));
  if (source->pieces_.empty()) {
    return fail("tokens: none of the {} pieces is in the training split", cache.size());
  }
  return source;
}

Window StageSource::draw(std::vector<std::int32_t>& seen) {
  Rng rng(mix64(seed_) + windows_);
  const std::size_t at = rng.below(sums_.back());
  const auto found = std::upper_bound(sums_.begin(), sums_.end(), at) - sums_.begin();
  const std::size_t piece = pieces_[static_cast<std::size_t>(found)];
  const std::size_t units = cache_.units(piece).size();
  const std::size_t count = std::min(units, static_cast<std::size_t>(layout_.window()));
  const std::size_t begin = rng.below(units - count + 1);
  ++windows_;
  units_ += count;
  Window window = cut(cache_, layout_, piece, begin, count);
  seen = window.ids;
  if (misled_ > 0) mislead(rng, piece, count, static_cast<std::size_t>(window.first), seen);
  return window;
}

// Stretches of the generated codes as they are at another moment of the piece. Lengths are even
// between one unit and kLongestStretch; what lies between is so long that the share comes out.
void StageSource::mislead(Rng& rng, std::size_t piece, std::size_t count, std::size_t first,
                          std::vector<std::int32_t>& seen) const {
  constexpr int kLongestStretch = kUnitsPerSecond;
  const auto per_unit = static_cast<std::size_t>(layout_.targets_per_unit());
  const std::size_t unit_codes =
      kFramesPerUnit * static_cast<std::size_t>(layout_.shape().quantizers);
  const double longest_rest = (kLongestStretch + 1) * (1 - misled_) / misled_;
  bool misleads = rng.uniform() < misled_;
  for (std::size_t unit = 0; unit < count; misleads = !misleads) {
    const std::size_t length = misleads
                                   ? static_cast<std::size_t>(rng.between(1, kLongestStretch))
                                   : static_cast<std::size_t>(rng.uniform() * longest_rest + 0.5);
    const std::size_t end = std::min(count, unit + length);
    if (misleads) {
      const std::size_t from = rng.below(cache_.units(piece).size() - (end - unit) + 1);
      const std::vector<std::int32_t> other = layout_.targets(
          {}, cache_.codes(piece).subspan(from * unit_codes, (end - unit) * unit_codes));
      std::copy(other.begin(), other.end(),
                seen.begin() + static_cast<std::ptrdiff_t>(first + unit * per_unit));
    }
    unit = end;
  }
}

Status StageSource::next(int rows, int length, nn::Batch& batch) {
  if (length < layout_.length() - 1) {
    return fail(
        "the {} stage: a window is {} tokens, a row only {}; give longer rows or a "
        "shorter window",
        name(layout_.stage()), layout_.length() - 1, length);
  }
  batch.resize(rows, length);
  std::vector<std::int32_t> seen;
  for (int row = 0; row < rows; ++row) {
    int column = 0, segment = 0;
    while (column + layout_.length() - 1 <= length) {
      const Window window = draw(seen);
      column = put(window, seen, batch, row, column, segment++);
    }
    pad(batch, row, column, segment);
  }
  return {};
}

double StageSource::epochs() const {
  return static_cast<double>(units_) / static_cast<double>(sums_.back());
}

std::string StageSource::state() const {
  return json_text(Json({{"tokens", cache_.fingerprint()},
                         {"stage", name(layout_.stage())},
                         {"window", layout_.window()},
                         {"misled", misled_},
                         {"seed", seed_},
                         {"windows", windows_},
                         {"units", units_}}));
}

Status StageSource::restore(std::string_view state) {
  HEMIOLA_TRY(const Json json, parse_json(state, "position in the tokens"));
  try {
    if (json.at("tokens").get<std::uint64_t>() != cache_.fingerprint()) {
      return fail("position in the tokens: it belongs to other tokens");
    }
    if (json.at("stage").get<std::string>() != name(layout_.stage()) ||
        json.at("window").get<int>() != layout_.window()) {
      return fail("position in the tokens: it belongs to another stage or window");
    }
    const double misled = json.value("misled", 0.0);
    if (!(misled >= 0 && misled < 1))
      return fail("position in the tokens: \"misled\" is {}", misled);
    misled_ = misled;
    seed_ = json.at("seed").get<std::uint64_t>();
    windows_ = json.at("windows").get<std::uint64_t>();
    units_ = json.at("units").get<std::uint64_t>();
  } catch (const Json::exception& error) {
    return fail("position in the tokens: {}", error.what());
  }
  return {};
}

StageHeldOut::StageHeldOut(const TokenCache& cache, const Layout& layout)
    : cache_(cache), layout_(layout) {
  const auto window = static_cast<std::size_t>(layout.window());
  for (const std::size_t piece : cache.of_split(Split::kValidation)) {
    const std::size_t units = cache.units(piece).size();
    if (units < 2) continue;
    windows_.push_back({piece, 0, std::min(units, window)});
    if (units > window) windows_.push_back({piece, units - window, window});
  }
}

Window StageHeldOut::window(std::size_t index) const {
  const Place& place = windows_[index];
  return cut(cache_, layout_, place.piece, place.begin, place.units);
}

nn::EvalDocument StageHeldOut::document(std::size_t index) const {
  Window cut = window(index);
  nn::EvalDocument document;
  document.ids = std::move(cut.ids);
  document.first = cut.first;
  return document;
}

double QuantizerLoss::perplexity() const {
  return tokens > 0 ? std::exp(nats / static_cast<double>(tokens)) : 0;
}

std::vector<QuantizerLoss> held_out_by_quantizer(
    const StageHeldOut& held_out, const Layout& layout,
    const std::function<std::vector<float>(const nn::Batch&)>& score, std::size_t max_windows) {
  std::vector<QuantizerLoss> losses;
  const std::size_t count =
      max_windows == 0 ? held_out.size() : std::min(max_windows, held_out.size());
  const int length = layout.length() - 1;
  constexpr std::size_t kRows = 8;
  nn::Batch batch;
  for (std::size_t done = 0; done < count; done += kRows) {
    const std::size_t rows = std::min(kRows, count - done);
    batch.resize(static_cast<int>(rows), length);
    std::vector<Window> windows;
    for (std::size_t r = 0; r < rows; ++r) {
      windows.push_back(held_out.window((done + r) * held_out.size() / count));
      const int row = static_cast<int>(r);
      pad(batch, row, put(windows.back(), windows.back().ids, batch, row, 0, 0), 1);
    }
    const std::vector<float> nats = score(batch);
    for (std::size_t r = 0; r < rows; ++r) {
      const int first = windows[r].first;
      // Without a start the first id of a window is given, not generated.
      const int skipped = !layout.conditioned() && windows[r].ids[0] != layout.mark() ? 1 : 0;
      for (int i = first; i < static_cast<int>(windows[r].ids.size()); ++i) {
        const int quantizer = layout.quantizer_at(i - first + skipped);
        auto loss = std::find_if(losses.begin(), losses.end(), [&](const QuantizerLoss& each) {
          return each.quantizer == quantizer;
        });
        if (loss == losses.end()) loss = losses.insert(losses.end(), {quantizer, 0, 0});
        loss->nats += static_cast<double>(
            nats[r * static_cast<std::size_t>(length) + static_cast<std::size_t>(i - 1)]);
        ++loss->tokens;
      }
    }
  }
  return losses;
}

}  // namespace hemiola::audiolm
