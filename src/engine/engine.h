// GPT-2 on the processor: a model's weights, packed once and never changed, and the calls that run
// them. Knows tensors and token ids only; what a token means is for others.
//
// Model is immutable after load: any number of caches may use one Model. A KvCache holds all that
// changes (keys, values, working memory) and belongs to its caller; one thread at a time per cache.
// Two threads may call the same Model at once with caches of their own; one of them then runs
// without the worker threads. Nothing is allocated and no lock is taken per token.
//
// Every result is independent of how the work is cut: a stream decoded alone, in a batch, with any
// number of threads, or prefilled in pieces of any size gives the same bits on one machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "engine/kv_cache.h"
#include "model/config.h"
#include "model/gpt2_tensors.h"
#include "model/packed.h"

namespace hemiola::engine {

using TokenId = std::int32_t;

enum class Precision {
  kAuto,  // what an export file holds; int8 for a model folder
  kFp32,
  kBf16,  // weights and the inputs of matrix products in bf16, sums in fp32
  kInt8,  // weights in int8 with a scale a row, inputs in int8 with a scale per 128, sums exact
  kInt4,  // weights and inputs with a scale per 32, inputs in int8; embedding and head as kInt8
};

std::string_view name(Precision precision);  // "auto", "fp32", "bf16", "int8", "int4"
std::optional<Precision> precision_named(std::string_view name);

struct Options {
  Precision precision = Precision::kAuto;
  CacheType cache = CacheType::kAuto;
  int threads = 0;            // 0: the processors this process may use
  std::string_view isa = {};  // kernels to use, a name of isa_names(); empty: the best there are
};

// One token of one stream, and where its logits go.
struct Step {
  int stream = 0;
  TokenId token = 0;
  std::span<float> logits = {};                 // (vocabulary), or empty when they are not wanted
  std::span<const std::uint64_t> allowed = {};  // bit t of word t / 64: token t may come next;
                                                // empty: all. Logits of others are unspecified.
};

// The sets of kernels that this processor can run: "plain", "avx2", ..., the best one last.
std::vector<std::string_view> isa_names();

class Model {
 public:
  // A model folder, or a file written by `export`.
  static Result<Model> load(const Path& path, const Options& options = {});
  // From weights in memory, for tests and benchmarks. kAuto is int8.
  static Result<Model> from_weights(const OwnedWeights& weights, const Options& options = {});
  static Result<Model> from_packed(PackedModel packed, const Options& options = {});

  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;
  ~Model();

  const ModelConfig& config() const;
  const std::string& tokenizer() const;  // the bytes of tokenizer.json; empty when there is none
  const std::string& card() const;
  Precision precision() const;  // never kAuto
  int threads() const;
  std::string_view isa() const;  // the kernels in use: "avx512-vnni" ...
  // Bytes of weights that one decoded token reads, not counting the cache.
  std::size_t bytes_per_token() const;
  // Bytes of cache that it reads for each token before it.
  std::size_t cache_bytes_per_token() const;

  // Room for `capacity` tokens of each stream; 0: the whole context.
  KvCache make_cache(int streams, int capacity = 0) const;

  // Appends tokens to one stream. logits: empty, (vocabulary) of the last token, or
  // (tokens.size(), vocabulary) of all of them.
  void prefill(KvCache& cache, int stream, std::span<const TokenId> tokens,
               std::span<float> logits = {}) const;

  // Appends one token to each of several streams (none twice), reading the weights once for all.
  void decode(KvCache& cache, std::span<const Step> steps) const;
  void decode(KvCache& cache, const Step& step) const { decode(cache, std::span(&step, 1)); }

  // All three throw std::invalid_argument for a token, stream or size out of range and
  // std::length_error when a stream is full; the cache is then unchanged.

 private:
  struct Parts;
  explicit Model(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace hemiola::engine
