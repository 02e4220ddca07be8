#include "audiolm/token_writer.h"

#include <algorithm>
#include <utility>

#include "base/rng.h"

namespace hemiola::audiolm {

Result<StageModel> StageModel::load(const Path& path, const engine::Options& options,
                                    std::string* codec_sha256, std::string* semantic_sha256) {
  HEMIOLA_TRY(engine::Model model, engine::Model::load(path, options));
  HEMIOLA_TRY(LayoutText text, parse_layout(model.tokenizer(), path.string()));
  if (codec_sha256 != nullptr) *codec_sha256 = text.codec_sha256;
  if (semantic_sha256 != nullptr) *semantic_sha256 = text.semantic_sha256;
  return StageModel{std::move(model), std::move(text.layout)};
}

Status check(const Stages& stages) {
  const auto one = [&](const StageModel& each, Stage stage) -> Status {
    const Layout& layout = each.layout;
    if (layout.stage() != stage) {
      return fail("expected the {} stage, got the {} stage", name(stage), name(layout.stage()));
    }
    TokenShape shape = stages.semantic.layout.shape();
    if (stage == Stage::kFine) shape.units = layout.shape().units;  // it knows no units
    if (layout.shape() != shape) {
      return fail("the {} stage was trained on other units or codes than the semantic stage",
                  name(stage));
    }
    if (each.model.config().vocabulary != layout.vocabulary()) {
      return fail("the {} stage: a vocabulary of {}, its layout has {}", name(stage),
                  each.model.config().vocabulary, layout.vocabulary());
    }
    if (each.model.config().context < layout.length()) {
      return fail("the {} stage: a context of {}, a window takes {}", name(stage),
                  each.model.config().context, layout.length());
    }
    return {};
  };
  HEMIOLA_CHECK(one(stages.semantic, Stage::kSemantic));
  HEMIOLA_CHECK(one(stages.coarse, Stage::kCoarse));
  HEMIOLA_CHECK(one(stages.fine, Stage::kFine));
  const UnitClasses& classes = stages.semantic.layout.classes();
  if (stages.rhythm) {
    HEMIOLA_CHECK(one(*stages.rhythm, Stage::kRhythm));
    if (stages.rhythm->layout.classes() != classes) {
      return fail("the rhythm stage was trained on other classes than the semantic stage");
    }
    if (stages.rhythm->layout.window() < 2) {
      return fail("windows of one unit cannot go on: at least two are needed");
    }
  } else if (!classes.empty()) {
    return fail("the semantic stage goes by classes of units; a rhythm stage is missing");
  }
  if (stages.coarse.layout.window() < 2 || stages.semantic.layout.window() < 2) {
    return fail("windows of one unit cannot go on: at least two are needed");
  }
  return {};
}

Status check(const StageSampling& sampling, const TokenShape& shape) {
  for (const auto* each :
       {&sampling.rhythm, &sampling.semantic, &sampling.coarse, &sampling.fine}) {
    HEMIOLA_CHECK(check(*each));
  }
  if (sampling.quantizers != 0 &&
      (sampling.quantizers < shape.coarse || sampling.quantizers > shape.quantizers)) {
    return fail("quantizers: expected {} (the coarse ones) to {}, or 0 for all, got {}",
                shape.coarse, shape.quantizers, sampling.quantizers);
  }
  return {};
}

// One stage at work.
struct TokenWriter::Stream {
  Stream(const StageModel& of, const engine::SamplerOptions& options, std::uint64_t seed)
      : stage(of),
        cache(of.model.make_cache(1, of.layout.length())),
        sampler(of.layout.vocabulary(), options, seed),
        logits(static_cast<std::size_t>(of.layout.vocabulary())) {}

  void begin(std::span<const std::int32_t> ids) {
    cache.truncate(0, 0);
    stage.model.prefill(cache, 0, ids, logits);
    last = -1;
    open = true;
  }
  // The id that comes at `index` of those generated in this window; of: see Layout::allowed().
  std::int32_t pick(int index, int of = 0) {
    const std::span<const std::uint64_t> allowed = stage.layout.allowed(index, of);
    if (last >= 0) {
      stage.model.decode(cache, {.token = last, .logits = logits, .allowed = allowed});
    }
    last = sampler.pick(logits, allowed);
    return last;
  }

  const StageModel& stage;
  engine::KvCache cache;
  engine::Sampler sampler;
  std::vector<float> logits;  // (vocabulary)
  std::int32_t last = -1;     // picked, not seen by the model yet
  bool open = false;          // a window was begun
};

TokenWriter::TokenWriter(const Stages& stages, const TokenPrompt& prompt,
                         const StageSampling& sampling, std::uint64_t seed)
    : stages_(stages),
      units_(prompt.units.begin(), prompt.units.end()),
      codes_(prompt.codes.begin(), prompt.codes.end()),
      from_start_(prompt.units.empty()),
      hears_fine_(sampling.heard(stages.coarse.layout.shape()) >
                  stages.coarse.layout.shape().coarse),
      semantic_stream_(std::make_unique<Stream>(stages.semantic, sampling.semantic, mix64(seed))),
      coarse_stream_(std::make_unique<Stream>(stages.coarse, sampling.coarse, mix64(seed) + 1)),
      fine_stream_(std::make_unique<Stream>(stages.fine, sampling.fine, mix64(seed) + 2)) {
  if (stages.rhythm) {
    rhythm_stream_ = std::make_unique<Stream>(*stages.rhythm, sampling.rhythm, mix64(seed) + 3);
    add_classes(units_);
  }
  const TokenShape& shape = stages.semantic.layout.shape();
  frames_ = codes_.size() / static_cast<std::size_t>(shape.quantizers);
  coarse_ = frames_ * static_cast<std::size_t>(shape.coarse);
}

TokenWriter::~TokenWriter() = default;

void TokenWriter::give_units(std::span<const std::int16_t> units) {
  units_.insert(units_.end(), units.begin(), units.end());
  if (rhythm_stream_ != nullptr) add_classes(units);
}

void TokenWriter::add_classes(std::span<const std::int16_t> units) {
  const UnitClasses& classes = stages_.rhythm->layout.classes();
  for (const std::int16_t unit : units) {
    classes_.push_back(classes[static_cast<std::size_t>(unit)]);
  }
}

void TokenWriter::give_codes(std::span<const std::int16_t> codes) {
  codes_.insert(codes_.end(), codes.begin(), codes.end());
  const TokenShape& shape = stages_.semantic.layout.shape();
  coarse_ = codes_.size() / static_cast<std::size_t>(shape.quantizers) *
            static_cast<std::size_t>(shape.coarse);
}

int TokenWriter::chunk_frames() const { return stages_.fine.layout.window() * kFramesPerUnit; }

// `Token`s one after the other by a stage that nothing conditions.
template <class Token>
void TokenWriter::write_on(Stream& stream, std::vector<Token>& tokens, std::size_t count) {
  const Layout& layout = stream.stage.layout;
  const auto window = static_cast<std::size_t>(layout.window());
  while (tokens.size() < count) {
    // The model has seen `window` tokens at most. A new window keeps half of the one before.
    if (!stream.open || stream.cache.length(0) == layout.window()) {
      const std::size_t kept = tokens.size() < window ? tokens.size() : window / 2;
      std::vector<std::int32_t> ids;
      if (from_start_ && kept == tokens.size()) ids.push_back(layout.mark());
      // The ids of classes, and of units, are their numbers.
      ids.insert(ids.end(), tokens.end() - static_cast<std::ptrdiff_t>(kept), tokens.end());
      stream.begin(ids);
    }
    tokens.push_back(static_cast<Token>(stream.pick(0)));
  }
}

void TokenWriter::write_units(std::size_t count) {
  Stream& stream = *semantic_stream_;
  if (rhythm_stream_ == nullptr) return write_on(stream, units_, count);
  const Layout& layout = stages_.semantic.layout;
  const auto window = static_cast<std::size_t>(layout.window());
  while (units_.size() < count) {
    const std::size_t done = units_.size();
    if (!stream.open || done == units_begin_ + window) {
      units_begin_ = done > window / 2 ? done - window / 2 : 0;
      write_on(*rhythm_stream_, classes_, units_begin_ + window);
      std::vector<std::int32_t> ids;
      for (std::size_t i = units_begin_; i < units_begin_ + window; ++i) {
        ids.push_back(layout.class_id(classes_[i]));
      }
      ids.push_back(layout.mark());
      ids.insert(ids.end(), units_.begin() + static_cast<std::ptrdiff_t>(units_begin_),
                 units_.end());
      stream.begin(ids);
    }
    units_.push_back(static_cast<std::int16_t>(
        stream.pick(static_cast<int>(done - units_begin_), classes_[done])));
  }
}

void TokenWriter::write_coarse(std::size_t frames) {
  Stream& stream = *coarse_stream_;
  const Layout& layout = stages_.coarse.layout;
  const auto window = static_cast<std::size_t>(layout.window());
  const auto per_unit = static_cast<std::size_t>(layout.targets_per_unit());
  const auto coarse = static_cast<std::size_t>(layout.shape().coarse);
  const auto quantizers = static_cast<std::size_t>(layout.shape().quantizers);
  while (coarse_ < frames * coarse) {
    if (!stream.open || coarse_ == (window_begin_ + window) * per_unit) {
      const std::size_t done = coarse_ / per_unit;  // whole units: prompts and windows end with one
      window_begin_ = done > window / 2 ? done - window / 2 : 0;
      write_units(window_begin_ + window);
      std::vector<std::int32_t> ids =
          layout.prefix(std::span(units_).subspan(window_begin_, window), {});
      const std::size_t frame_codes = kFramesPerUnit * quantizers;
      const std::vector<std::int32_t> kept =
          layout.targets({}, std::span(codes_).subspan(window_begin_ * frame_codes,
                                                       (done - window_begin_) * frame_codes));
      ids.insert(ids.end(), kept.begin(), kept.end());
      stream.begin(ids);
    }
    const std::size_t frame = coarse_ / coarse;
    codes_.resize(std::max(codes_.size(), (frame + 1) * quantizers), 0);
    const std::int32_t id = stream.pick(static_cast<int>(coarse_ - window_begin_ * per_unit));
    codes_[frame * quantizers + coarse_ % coarse] = static_cast<std::int16_t>(layout.value_of(id));
    ++coarse_;
  }
}

void TokenWriter::write_fine(std::size_t begin, std::size_t frames) {
  Stream& stream = *fine_stream_;
  const Layout& layout = stages_.fine.layout;
  const auto quantizers = static_cast<std::size_t>(layout.shape().quantizers);
  stream.begin(
      layout.prefix({}, std::span(codes_).subspan(begin * quantizers, frames * quantizers)));
  int index = 0;
  for (std::size_t frame = begin; frame < begin + frames; ++frame) {
    for (std::size_t q = static_cast<std::size_t>(layout.shape().coarse); q < quantizers; ++q) {
      codes_[frame * quantizers + q] =
          static_cast<std::int16_t>(layout.value_of(stream.pick(index++)));
    }
  }
}

std::vector<std::int16_t> TokenWriter::next() {
  const auto quantizers = static_cast<std::size_t>(stages_.fine.layout.shape().quantizers);
  const auto frames = static_cast<std::size_t>(chunk_frames());
  write_coarse(frames_ + frames);
  if (hears_fine_) write_fine(frames_, frames);
  const auto chunk = std::span(codes_).subspan(frames_ * quantizers, frames * quantizers);
  frames_ += frames;
  return {chunk.begin(), chunk.end()};
}

}  // namespace hemiola::audiolm
