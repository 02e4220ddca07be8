// precision_bench MODEL DATA [PIECES [KIND]]: what numbers of fewer bits cost. The held-out loss of
// a model (a folder, or a file written by export, whose numbers are then taken for the truth), in
// each kind of weights and of cache, and its ratio to the first of them, fp32's. KIND: only those
// whose name begins so. docs/benchmarks.md has the figures.
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "data/dataset.h"
#include "data/loader.h"
#include "engine/engine.h"

namespace {

using namespace hemiola;
using engine::CacheType;
using engine::Precision;

struct Kind {
  const char* name;
  Precision precision;
  CacheType cache;
};

constexpr Kind kKinds[] = {
    {"fp32", Precision::kFp32, CacheType::kFp32},
    {"fp32, cache bf16", Precision::kFp32, CacheType::kBf16},
    {"fp32, cache int8", Precision::kFp32, CacheType::kInt8},
    {"bf16", Precision::kBf16, CacheType::kBf16},
    {"int8, cache bf16", Precision::kInt8, CacheType::kBf16},
    {"int8, cache int8", Precision::kInt8, CacheType::kInt8},
    {"int4, cache bf16", Precision::kInt4, CacheType::kBf16},
    {"int4, cache int8", Precision::kInt4, CacheType::kInt8},
};

// The weights of an exported model as plain floats.
OwnedWeights unpacked(const PackedModel& packed) {
  OwnedWeights weights = OwnedWeights::zero(packed.config);
  for (const TensorSpec& spec : gpt2_tensors(packed.config)) {
    const std::span<float> to = weights.values(spec.name);
    const auto matrix = packed.matrices.find(spec.name);
    if (matrix == packed.matrices.end()) {
      const auto& from = packed.vectors.find(spec.name)->second;  // biases are padded
      std::copy_n(from.begin(), to.size(), to.begin());
      continue;
    }
    const bool by_rows = spec.role == TensorRole::kEmbedding;
    const auto columns = static_cast<std::size_t>(spec.shape[1]);
    for (std::size_t i = 0; i < to.size(); ++i) {
      const int row = static_cast<int>(i / columns), column = static_cast<int>(i % columns);
      to[i] = by_rows ? matrix->second.at(column, row) : matrix->second.at(row, column);
    }
  }
  return weights;
}

struct Loss {
  double nats = 0;
  std::size_t tokens = 0;
};

Loss loss_of(const engine::Model& model, const nn::EvalSource& source) {
  const auto vocabulary = static_cast<std::size_t>(model.config().vocabulary);
  engine::KvCache cache = model.make_cache(1);
  std::vector<float> logits;
  Loss loss;
  for (std::size_t d = 0; d < source.size(); ++d) {
    const nn::EvalDocument document = source.document(d);
    if (document.ids.size() < 2) continue;
    const std::vector<engine::TokenId> ids(document.ids.begin(), document.ids.end() - 1);
    logits.resize(ids.size() * vocabulary);
    cache.truncate(0, 0);
    model.prefill(cache, 0, ids, logits);
    for (auto t = static_cast<std::size_t>(std::max(1, document.first)); t < document.ids.size();
         ++t) {
      const float* row = logits.data() + (t - 1) * vocabulary;
      const float most = *std::max_element(row, row + vocabulary);
      double sum = 0;
      for (std::size_t v = 0; v < vocabulary; ++v) sum += std::exp(double{row[v]} - most);
      loss.nats += std::log(sum) + most - row[document.ids[t]];
      ++loss.tokens;
    }
  }
  return loss;
}

Status run(const Path& path, const Path& data, std::size_t pieces, std::string_view only) {
  std::error_code code;
  std::string tokenizer_text;
  OwnedWeights weights = OwnedWeights::zero(*preset("tiny"));
  if (std::filesystem::is_directory(path, code)) {
    HEMIOLA_TRY(const ModelFolder folder, load_model_folder(path));
    weights = OwnedWeights::zero(folder.config);
    for (const TensorSpec& spec : gpt2_tensors(folder.config)) {
      read_floats(folder.weights.find(spec.name)->second, 0, weights.values(spec.name));
    }
    tokenizer_text = folder.tokenizer;
  } else {
    HEMIOLA_TRY(const PackedModel packed, load_export(path));
    weights = unpacked(packed);
    tokenizer_text = packed.tokenizer;
  }
  HEMIOLA_TRY(const tokens::Tokenizer tokenizer,
              tokens::Tokenizer::parse(tokenizer_text, path.string()));
  HEMIOLA_TRY(const data::Dataset dataset, data::Dataset::open(data));
  data::HeldOutOptions holding;
  holding.length = weights.config().context;
  holding.most_pieces = pieces;
  HEMIOLA_TRY(const auto source, data::make_held_out(dataset, tokenizer, holding));
  double truth = 0;
  for (const Kind& kind : kKinds) {
    if (!std::string_view(kind.name).starts_with(only)) continue;
    HEMIOLA_TRY(
        const engine::Model model,
        engine::Model::from_weights(weights, {.precision = kind.precision, .cache = kind.cache}));
    const Loss loss = loss_of(model, *source);
    const double per_token = loss.nats / static_cast<double>(loss.tokens);
    if (truth == 0) truth = per_token;
    std::printf("%-20s %8.4f nats a token (%zu tokens) %+7.3f %%\n", kind.name, per_token,
                loss.tokens, (per_token / truth - 1) * 100);
    std::fflush(stdout);
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return std::fprintf(stderr, "precision_bench MODEL DATA [PIECES [KIND]]\n"), 2;
  const auto done = run(argv[1], argv[2], argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 40,
                        argc > 4 ? argv[4] : "");
  if (!done) return std::fprintf(stderr, "%s\n", done.error().message.c_str()), 1;
}
