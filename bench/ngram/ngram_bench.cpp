// ngram_bench DATA [--tokenizer FILE] [--order 5] [--passes 1] [--split validation]: bits a note on
// held-out pieces of a Kneser-Ney n-gram over the same tokens as a model's: whole pieces in plain
// form, every token but the first scored. With more passes the training pieces are counted again,
// each time in another key.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>

#include "base/json.h"
#include "base/rng.h"
#include "compare/kneser_ney.h"
#include "data/augment.h"
#include "data/dataset.h"
#include "data/train_tokenizer.h"

namespace {

using namespace hemiola;

struct Options {
  Path data, tokenizer;
  int order = 5, passes = 1;
  std::string split = "validation";
  bool json = false;
};

Result<int> run(const Options& options) {
  const auto start = std::chrono::steady_clock::now();
  HEMIOLA_TRY(const data::Dataset dataset, data::Dataset::open(options.data));
  HEMIOLA_TRY(const tokens::Tokenizer tokenizer, options.tokenizer.empty()
                                                     ? data::train_tokenizer(dataset, {})
                                                     : tokens::Tokenizer::load(options.tokenizer));
  compare::KneserNey model(options.order, tokenizer.vocabulary().size());
  tokens::Encoded encoded;
  Rng rng(1);
  std::size_t learnt = 0;
  for (int pass = 0; pass < options.passes; ++pass) {
    for (const std::uint32_t entry : dataset.entries_of(data::Split::kTrain)) {
      HEMIOLA_TRY(GridScore score, dataset.score(entry));
      if (pass > 0) {
        const auto [low, high] = data::transposition_range(score, -6, 5);
        if (low <= high) data::transpose(score, rng.between(low, high));
      }
      HEMIOLA_CHECK(tokenizer.encode(score, {}, encoded));
      model.add(encoded.tokens);
      learnt += encoded.tokens.size();
    }
  }
  model.finish();
  double bits = 0;
  std::size_t notes = 0, scored = 0, pieces = 0;
  for (const std::uint32_t entry : dataset.entries_of(*data::split_from(options.split))) {
    HEMIOLA_TRY(const GridScore score, dataset.score(entry));
    HEMIOLA_CHECK(tokenizer.encode(score, {}, encoded));
    for (std::size_t at = 1; at < encoded.tokens.size(); ++at) {
      bits -= std::log2(model.probability(encoded.tokens, at));
    }
    notes += encoded.notes;
    scored += encoded.tokens.size() - 1;
    ++pieces;
  }
  if (notes == 0) return fail("{}: no {} pieces with notes", options.data.string(), options.split);
  const double a_note = bits / static_cast<double>(notes);
  const double a_token = bits / static_cast<double>(scored);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (options.json) {
    fmt::print("{}\n", Json{{"order", options.order},
                            {"passes", options.passes},
                            {"tokens", learnt},
                            {"pieces", pieces},
                            {"notes", notes},
                            {"bits_per_note", a_note},
                            {"bits_per_token", a_token},
                            {"seconds", seconds}}
                           .dump());
  } else {
    fmt::print(
        "{}-gram, {} tokens learnt from ({} passes), {} different {}-grams: {:.3f} bits a note, "
        "{:.3f} bits a token on {} {} pieces ({} notes); {:.0f} s\n",
        options.order, learnt, options.passes, model.grams(options.order), options.order, a_note,
        a_token, pieces, options.split, notes, seconds);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Bits a note of a Kneser-Ney n-gram over the tokens of a data set");
  app.add_option("DATA", options.data, "Data set")->required();
  app.add_option("--tokenizer", options.tokenizer, "Else learnt from the data set");
  app.add_option("--order", options.order)
      ->check(CLI::Range(1, compare::KneserNey::kMostOrder))
      ->capture_default_str();
  app.add_option("--passes", options.passes)->check(CLI::Range(1, 12))->capture_default_str();
  app.add_option("--split", options.split)
      ->check(CLI::IsMember({"train", "validation", "test"}))
      ->capture_default_str();
  app.add_flag("--json", options.json);
  CLI11_PARSE(app, argc, argv);
  const auto result = run(options);
  if (!result) fmt::print(stderr, "{}\n", result.error().message);
  return result ? *result : 1;
}
