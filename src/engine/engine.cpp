#include "engine/engine.h"

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "engine/forward.h"
#include "engine/kernels.h"
#include "engine/thread_pool.h"
#include "model/model_folder.h"
#include "model/packed.h"

namespace hemiola::engine {
namespace {

constexpr int kMaxThreads = 256;
constexpr int kMaxStreams = 1024;

Packing packing_of(Precision precision) {
  switch (precision) {
    case Precision::kFp32:
      return Packing::kF32;
    case Precision::kBf16:
      return Packing::kBf16;
    case Precision::kInt4:
      return Packing::kInt4;
    case Precision::kAuto:
    case Precision::kInt8:
      break;
  }
  return Packing::kInt8;
}

Precision precision_of(Packing packing) {
  return packing == Packing::kF32    ? Precision::kFp32
         : packing == Packing::kBf16 ? Precision::kBf16
         : packing == Packing::kInt4 ? Precision::kInt4
                                     : Precision::kInt8;
}

CacheType cache_beside(const PackedModel& model) {
  switch (model.packing) {
    case Packing::kF32:
      return CacheType::kFp32;
    case Packing::kBf16:
      return CacheType::kBf16;
    case Packing::kInt8:
    case Packing::kInt4:
      break;
  }
  return model.config.head_width() <= kInt8HeadWidth ? CacheType::kInt8 : CacheType::kBf16;
}

void require(bool condition, const char* what) {
  if (!condition) throw std::invalid_argument(what);
}

}  // namespace

std::string_view name(Precision precision) {
  return precision == Precision::kAuto ? "auto" : hemiola::name(packing_of(precision));
}

std::optional<Precision> precision_named(std::string_view name) {
  if (name == "auto") return Precision::kAuto;
  const auto packing = packing_named(name);
  return packing ? std::optional(precision_of(*packing)) : std::nullopt;
}

struct Model::Parts {
  Parts(PackedModel model, const Kernels& table, int threads, CacheType cache)
      : packed(std::move(model)),
        weights(packed),
        kernels(table),
        pool(threads),
        cache_type(cache != CacheType::kAuto ? cache : cache_beside(packed)) {}

  ScratchPlan plan(int streams, int capacity) const {
    const std::size_t room = cache_type == CacheType::kInt8
                                 ? kernels.room_for_rows(packed.config.head_width(), capacity)
                                 : 0;
    return {packed.config, packed.packing, streams, capacity, pool.threads(), room};
  }

  PackedModel packed;
  WeightsView weights;
  const Kernels& kernels;
  mutable ThreadPool pool;
  CacheType cache_type;
};

Model::Model(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;
Model::~Model() = default;

std::vector<std::string_view> isa_names() {
  std::vector<std::string_view> names;
  for (const Kernels* kernels : available_kernels()) names.emplace_back(kernels->name);
  return names;
}

Result<Model> Model::from_packed(PackedModel packed, const Options& options) {
  const Kernels* kernels = find_kernels(options.isa);
  if (kernels == nullptr) {
    return fail("this processor has no kernels \"{}\"; it has {}", options.isa,
                fmt::join(isa_names(), ", "));
  }
  if (options.threads < 0 || options.threads > kMaxThreads) {
    return fail("threads: expected 0 (one a processor) to {}, got {}", kMaxThreads,
                options.threads);
  }
  if (options.cache == CacheType::kInt8 && packed.config.head_width() > kInt8HeadWidth) {
    return fail(
        "a cache in int8 is for heads of width {} at most, this model's have {}; ask for bf16",
        kInt8HeadWidth, packed.config.head_width());
  }
  const int threads = options.threads > 0 ? options.threads
                                          : std::min(ThreadPool::usable_processors(), kMaxThreads);
  return Model(std::make_unique<Parts>(std::move(packed), *kernels, threads, options.cache));
}

Result<Model> Model::load(const Path& path, const Options& options) {
  std::error_code code;
  if (std::filesystem::is_directory(path, code)) {
    HEMIOLA_TRY(ModelFolder folder, load_model_folder(path));
    HEMIOLA_TRY(PackedModel packed,
                pack_model(folder.config, folder.weights, packing_of(options.precision)));
    packed.tokenizer = std::move(folder.tokenizer);
    packed.card = std::move(folder.card);
    return from_packed(std::move(packed), options);
  }
  if (!std::filesystem::exists(path, code)) {
    return fail("{}: no such model; name a model folder or a file written by export",
                path.string());
  }
  HEMIOLA_TRY(PackedModel packed, load_export(path));
  if (options.precision != Precision::kAuto && precision_of(packed.packing) != options.precision) {
    return fail(
        "{}: holds {} weights, {} was asked for; load the model folder it was exported "
        "from, or ask for no precision",
        path.string(), hemiola::name(packed.packing), name(options.precision));
  }
  return from_packed(std::move(packed), options);
}

Result<Model> Model::from_weights(const OwnedWeights& weights, const Options& options) {
  HEMIOLA_CHECK(check(weights.config()));
  const auto views = weights.views();
  HEMIOLA_TRY(const WeightMap map, match_gpt2_tensors(weights.config(), views, "weights"));
  HEMIOLA_TRY(PackedModel packed, pack_model(weights.config(), map, packing_of(options.precision)));
  return from_packed(std::move(packed), options);
}

const ModelConfig& Model::config() const { return parts_->packed.config; }
const std::string& Model::tokenizer() const { return parts_->packed.tokenizer; }
const std::string& Model::card() const { return parts_->packed.card; }
Precision Model::precision() const { return precision_of(parts_->packed.packing); }
int Model::threads() const { return parts_->pool.threads(); }
std::string_view Model::isa() const { return parts_->kernels.name; }

std::size_t Model::bytes_per_token() const {
  const auto& packed = parts_->packed;
  std::size_t bytes = 0;
  for (const auto& [name, matrix] : packed.matrices) {
    if (name == "wte.weight" && !packed.config.tied_head) continue;  // one row of it
    bytes += matrix.bytes() + matrix.scales.size() * sizeof(float);
  }
  return bytes;
}

std::size_t Model::cache_bytes_per_token() const {
  const auto& config = parts_->packed.config;
  const CacheType type = parts_->cache_type;
  const std::size_t element = type == CacheType::kFp32 ? 4 : type == CacheType::kBf16 ? 2 : 1;
  const std::size_t scales =
      type == CacheType::kInt8 ? sizeof(float) * static_cast<std::size_t>(config.heads) : 0;
  return 2 * static_cast<std::size_t>(config.layers) *
         (element * static_cast<std::size_t>(config.width) + scales);
}

KvCache Model::make_cache(int streams, int capacity) const {
  const ModelConfig& config = parts_->packed.config;
  if (capacity == 0) capacity = config.context;
  require(streams >= 1 && streams <= kMaxStreams, "make_cache: streams out of range");
  require(capacity >= 1 && capacity <= config.context, "make_cache: capacity out of range");
  KvCache::Shape shape;
  shape.layers = config.layers;
  shape.heads = config.heads;
  shape.head_width = config.head_width();
  shape.streams = streams;
  shape.capacity = capacity;
  shape.type = parts_->cache_type;
  shape.scratch_bytes = parts_->plan(streams, capacity).bytes;
  return KvCache(shape);
}

void Model::prefill(KvCache& cache, int stream, std::span<const TokenId> tokens,
                    std::span<float> logits) const {
  const auto vocabulary = static_cast<std::size_t>(config().vocabulary);
  require(stream >= 0 && stream < cache.streams(), "prefill: no such stream");
  const bool every = tokens.size() > 1 && logits.size() == tokens.size() * vocabulary;
  require(logits.empty() || every || (logits.size() == vocabulary && !tokens.empty()),
          "prefill: logits are neither empty, nor of the last token, nor of all");
  for (const TokenId token : tokens) {
    require(token >= 0 && token < config().vocabulary, "prefill: token out of range");
  }
  const int length = cache.length(stream);
  if (tokens.size() > static_cast<std::size_t>(cache.capacity() - length)) {
    throw std::length_error("prefill: more tokens than the cache has room for");
  }
  const ScratchPlan plan = parts_->plan(cache.streams(), cache.capacity());
  Forward forward(parts_->weights, parts_->kernels, plan, parts_->pool, cache);
  Row* rows = reinterpret_cast<Row*>(cache.scratch() + plan.row_list);
  for (std::size_t begin = 0; begin < tokens.size();) {
    const auto count = std::min(tokens.size() - begin, static_cast<std::size_t>(plan.rows));
    for (std::size_t i = 0; i < count; ++i) {
      rows[i] = {stream, length + static_cast<int>(begin + i), tokens[begin + i]};
    }
    forward.run({rows, count});
    const auto done = static_cast<int>(begin + count);
    cache.set_length(stream, length + done);
    if (every) {
      forward.head(0, static_cast<int>(count), logits.data() + begin * vocabulary,
                   static_cast<std::ptrdiff_t>(vocabulary));
    } else if (!logits.empty() && begin + count == tokens.size()) {
      forward.head(static_cast<int>(count) - 1, 1, logits.data(), 0);
    }
    begin += count;
  }
}

void Model::decode(KvCache& cache, std::span<const Step> steps) const {
  const auto vocabulary = static_cast<std::size_t>(config().vocabulary);
  require(steps.size() <= static_cast<std::size_t>(cache.streams()), "decode: too many steps");
  bool any_logits = false, all_panels = false;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Step& step = steps[i];
    require(step.stream >= 0 && step.stream < cache.streams(), "decode: no such stream");
    require(step.token >= 0 && step.token < config().vocabulary, "decode: token out of range");
    require(step.logits.empty() || step.logits.size() == vocabulary,
            "decode: logits are not of the vocabulary");
    require(step.allowed.empty() || step.allowed.size() >= (vocabulary + 63) / 64,
            "decode: the set of allowed tokens is too short");
    for (std::size_t j = 0; j < i; ++j) {
      require(steps[j].stream != step.stream, "decode: a stream stands there twice");
    }
    if (cache.length(step.stream) >= cache.capacity()) {
      throw std::length_error("decode: the stream is full");
    }
    any_logits |= !step.logits.empty();
    all_panels |= !step.logits.empty() && step.allowed.empty();
  }
  if (steps.empty()) return;
  const ScratchPlan plan = parts_->plan(cache.streams(), cache.capacity());
  Forward forward(parts_->weights, parts_->kernels, plan, parts_->pool, cache);
  Row* rows = reinterpret_cast<Row*>(cache.scratch() + plan.row_list);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    rows[i] = {steps[i].stream, cache.length(steps[i].stream), steps[i].token};
  }
  forward.run({rows, steps.size()});
  for (const Step& step : steps) cache.set_length(step.stream, cache.length(step.stream) + 1);
  if (!any_logits) return;

  std::span<std::uint64_t> panels;
  if (!all_panels) {
    const std::size_t words = (vocabulary + kPanel - 1) / kPanel / 64 + 1;
    panels = {reinterpret_cast<std::uint64_t*>(cache.scratch() + plan.needed_panels), words};
    std::fill(panels.begin(), panels.end(), 0);
    for (const Step& step : steps) {
      if (step.logits.empty()) continue;
      for (std::size_t word = 0; word < (vocabulary + 63) / 64; ++word) {
        // A word of 64 tokens is two panels.
        const std::uint64_t bits = step.allowed[word];
        const auto two = static_cast<std::uint64_t>((bits & 0xffffffffu) != 0) |
                         static_cast<std::uint64_t>((bits >> 32) != 0) << 1;
        panels[word / 32] |= two << (2 * (word % 32));
      }
    }
  }
  if (steps.size() == 1) {
    forward.head(0, 1, steps[0].logits.data(), 0, panels);
    return;
  }
  float* logits = reinterpret_cast<float*>(cache.scratch() + plan.logits);
  forward.head(0, static_cast<int>(steps.size()), logits, plan.logit_stride, panels);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const float* from = logits + static_cast<std::ptrdiff_t>(i) * plan.logit_stride;
    std::copy_n(from, steps[i].logits.size(), steps[i].logits.data());
  }
}

}  // namespace hemiola::engine
