#include "cli/bench_tokenize.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "data/loops.h"
#include "data/source.h"
#include "data/sources.h"
#include "midi/reader.h"
#include "tokens/tokenizer.h"

namespace hemiola::cli {
namespace {

using engine::Measurement;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// One thread's work: what is kept between files, and what was counted.
struct Worker {
  tokens::Encoded encoded;
  std::size_t refused = 0, notes = 0, tokens = 0;
};

class Files {
 public:
  Files(std::vector<data::SourceFile> files, const tokens::Tokenizer& tokenizer, int runs)
      : files_(std::move(files)), tokenizer_(tokenizer), runs_(runs) {}

  // All files in memory, for parse().
  Status load() {
    for (const data::SourceFile& file : files_) {
      HEMIOLA_TRY(contents_.emplace_back(), read_file(file.path));
    }
    return {};
  }

  void parse(std::size_t i, Worker& worker) const {
    if (!midi::read(contents_[i])) ++worker.refused;
  }
  void read(std::size_t i, Worker& worker) const {
    const auto bytes = read_file(files_[i].path);
    if (!bytes || !midi::read(*bytes)) ++worker.refused;
  }
  void score(std::size_t i, Worker& worker) const {
    if (!data::read_score(files_[i].path)) ++worker.refused;
  }
  void tokens(std::size_t i, Worker& worker, Timing timing) const {
    data::SourceOptions options;
    options.timing = timing;
    options.for_data = true;
    const auto source = data::read_source(files_[i].path, options);
    if (!source || !tokenizer_.encode(source->grid(), {}, worker.encoded)) {
      ++worker.refused;
      return;
    }
    worker.notes += worker.encoded.notes;
    worker.tokens += worker.encoded.tokens.size();
  }

  // The median in ms a file; the counts of the last run in `total`.
  template <class Work>
  double measure(int threads, Worker& total, const Work& work) const {
    std::vector<double> taken;
    for (int run = 0; run <= runs_; ++run) {
      std::atomic<std::size_t> next{0};
      std::vector<Worker> workers(static_cast<std::size_t>(threads));
      const auto serve = [&](Worker& worker) {
        for (std::size_t i; (i = next++) < files_.size();) work(i, worker);
      };
      const auto start = Clock::now();
      std::vector<std::thread> others;
      for (std::size_t t = 1; t < workers.size(); ++t) {
        others.emplace_back(serve, std::ref(workers[t]));
      }
      serve(workers[0]);
      for (std::thread& other : others) other.join();
      if (run > 0) taken.push_back(1e3 * seconds_since(start) / static_cast<double>(files_.size()));
      total = {};
      for (const Worker& worker : workers) {
        total.refused += worker.refused;
        total.notes += worker.notes;
        total.tokens += worker.tokens;
      }
    }
    return median(taken);
  }

  std::size_t size() const { return files_.size(); }

 private:
  std::vector<data::SourceFile> files_;
  std::vector<Bytes> contents_;
  const tokens::Tokenizer& tokenizer_;
  const int runs_;
};

}  // namespace

Result<std::vector<Measurement>> measure_encoding(int runs) {
  constexpr std::uint64_t kPieces = 2000;
  std::vector<GridScore> scores;
  tokens::MergeTrainer trainer;
  for (std::uint64_t seed = 0; seed < kPieces; ++seed) {
    scores.push_back(data::make_loop(seed).score);
    trainer.add(scores.back());
  }
  HEMIOLA_TRY(const tokens::Tokenizer tokenizer, trainer.finish());
  std::vector<double> rates, note_rates;
  tokens::Encoded encoded;
  for (int run = 0; run <= runs; ++run) {
    std::size_t tokens = 0, notes = 0;
    const auto start = Clock::now();
    for (const GridScore& score : scores) {
      HEMIOLA_CHECK(tokenizer.encode(score, {}, encoded));
      tokens += encoded.tokens.size();
      notes += encoded.notes;
    }
    const double seconds = seconds_since(start);
    if (run == 0) continue;  // to warm up
    rates.push_back(static_cast<double>(tokens) / seconds);
    note_rates.push_back(static_cast<double>(notes) / seconds);
  }
  return std::vector<Measurement>{{"tokenize.t1", median(rates), "tokens/s"},
                                  {"tokenize.notes.t1", median(note_rates), "notes/s"}};
}

Result<std::vector<Measurement>> measure_files(const FilesMeasureOptions& options) {
  HEMIOLA_TRY(const tokens::Tokenizer tokenizer, tokens::Tokenizer::load(options.tokenizer));
  HEMIOLA_TRY(std::vector<data::SourceFile> sources, data::list_sources(options.paths));
  std::erase_if(sources, [](const data::SourceFile& file) { return file.is_archive; });
  if (sources.empty()) return fail("bench tokenize: there is no MIDI file in what is named");
  Files files(std::move(sources), tokenizer, options.runs);
  HEMIOLA_CHECK(files.load());
  std::vector<Measurement> results;
  Worker total;
  const auto measure = [&](const std::string& name, int threads, const auto& work) {
    results.push_back(
        {fmt::format("{}.t{}", name, threads), files.measure(threads, total, work), "ms/file"});
  };
  measure("parse", 1, [&](std::size_t i, Worker& w) { files.parse(i, w); });
  measure("read", 1, [&](std::size_t i, Worker& w) { files.read(i, w); });
  measure("score", 1, [&](std::size_t i, Worker& w) { files.score(i, w); });
  measure("tracked", 1, [&](std::size_t i, Worker& w) { files.tokens(i, w, Timing::kAuto); });
  for (const int threads : options.threads) {
    measure("tokens", threads,
            [&](std::size_t i, Worker& w) { files.tokens(i, w, Timing::kAligned); });
  }
  const auto count = [&](const char* name, std::size_t value, const char* unit) {
    results.push_back({name, static_cast<double>(value), unit});
  };
  count("files", files.size(), "files");
  count("refused", total.refused, "files");
  count("notes", total.notes, "notes");
  count("tokens", total.tokens, "tokens");
  return results;
}

}  // namespace hemiola::cli
