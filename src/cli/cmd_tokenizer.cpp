// hemiola tokenizer train: learn a vocabulary from a data set.
#include <chrono>
#include <memory>

#include "cli/command.h"
#include "data/train_tokenizer.h"

namespace hemiola::cli {
namespace {

struct Arguments {
  std::string data;
  std::string out;
  int vocabulary = tokens::kDefaultVocabulary;
  bool flatten = false;
  bool force = false;
  bool json = false;
};

Result<int> run(const Arguments& arguments) {
  HEMIOLA_CHECK(may_write(arguments.out, arguments.force));
  catch_interrupts();
  const auto start = std::chrono::steady_clock::now();
  HEMIOLA_TRY(const data::Dataset dataset, data::Dataset::open(arguments.data));
  data::TokenizerOptions options;
  options.vocabulary = arguments.vocabulary;
  options.flatten = arguments.flatten;
  Progress progress("tokenizer");
  options.progress = [&](std::size_t done, std::size_t total) {
    progress.show(static_cast<double>(done), static_cast<double>(total), "pieces read");
    return interrupted();
  };
  HEMIOLA_TRY(const tokens::Tokenizer tokenizer, data::train_tokenizer(dataset, options));
  HEMIOLA_CHECK(tokenizer.save(arguments.out));
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const auto& vocabulary = tokenizer.vocabulary();
  if (arguments.json) {
    print(Json{{"path", arguments.out},
               {"vocabulary", vocabulary.size()},
               {"words", tokens::kWordCount},
               {"merges", vocabulary.merges().size()},
               {"styles", tokenizer.settings().styles},
               {"sha256", tokenizer.sha256()},
               {"seconds", seconds}});
  } else {
    print(fmt::format("{}: vocabulary of {} ({} words, {} merges, {} reserved), {} styles; {}",
                      arguments.out, vocabulary.size(), tokens::kWordCount,
                      vocabulary.merges().size(), vocabulary.size() - vocabulary.used(),
                      tokenizer.settings().styles.size(), duration_text(seconds)));
  }
  return 0;
}

}  // namespace

Action add_tokenizer(CLI::App& app) {
  app.require_subcommand(1);
  auto arguments = std::make_shared<Arguments>();
  CLI::App* train =
      app.add_subcommand("train", "Learn merges from the training pieces of a data set");
  train->add_option("DIR", arguments->data, "Data set, made by `hemiola dataset import`")
      ->required();
  train->add_option("-o,--out", arguments->out, "The tokenizer, one JSON file")->required();
  train->add_option("--vocab", arguments->vocabulary, "Number of tokens in all")
      ->check(CLI::Range(tokens::kWordCount, 65535))
      ->capture_default_str();
  train->add_flag("--flatten", arguments->flatten,
                  "Learn from all pitched tracks of a piece as one piano track");
  train->add_flag("--force", arguments->force, "Replace an existing file");
  train->add_flag("--json", arguments->json, "Report as JSON");
  train->footer(
      "The words of docs/tokens.md come first; the rest of the vocabulary is pairs of tokens that\n"
      "stand together most often. A model can only be used with the tokenizer it was trained "
      "with.\n"
      "Example: hemiola tokenizer train data -o data/tokenizer.json");
  return [arguments] { return run(*arguments); };
}

}  // namespace hemiola::cli
