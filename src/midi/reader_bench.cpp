// How long reading takes: every MIDI file of each folder named in HEMIOLA_BENCH_MIDI (several with
// ':'), else of the shared collections where they are. Bytes are in memory before the clock starts;
// read_from_disk adds opening and reading the files.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "midi/reader.h"
#include "midi/writer.h"
#include "tests/test_data.h"

namespace {

using namespace hemiola;

std::vector<Path> midi_files(const Path& folder) {
  std::vector<Path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const auto extension = entry.path().extension();
    if (entry.is_regular_file() && (extension == ".mid" || extension == ".MID")) {
      files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  return files;
}

struct Corpus {
  explicit Corpus(const Path& folder) {
    for (Path& path : midi_files(folder)) {
      auto content = read_file(path);
      if (!content) continue;
      bytes += content->size();
      contents.push_back(std::move(*content));
      paths.push_back(std::move(path));
    }
  }

  void report(benchmark::State& state) const {
    const auto rounds = static_cast<double>(state.iterations());
    state.SetBytesProcessed(static_cast<std::int64_t>(rounds * static_cast<double>(bytes)));
    state.counters["files"] = static_cast<double>(paths.size());
    state.counters["per_file"] =
        benchmark::Counter(rounds * static_cast<double>(paths.size()),
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  }

  std::vector<Path> paths;
  std::vector<Bytes> contents;
  std::size_t bytes = 0;
};

void parse(benchmark::State& state, const Path& folder) {
  const Corpus corpus(folder);
  for (auto _ : state) {
    for (const Bytes& bytes : corpus.contents) benchmark::DoNotOptimize(midi::read(bytes));
  }
  corpus.report(state);
}

void read_from_disk(benchmark::State& state, const Path& folder) {
  const Corpus corpus(folder);
  for (auto _ : state) {
    for (const Path& path : corpus.paths) benchmark::DoNotOptimize(midi::read(path));
  }
  corpus.report(state);
}

void write(benchmark::State& state, const Path& folder) {
  const Corpus corpus(folder);
  std::vector<midi::File> files;
  for (const Bytes& bytes : corpus.contents) {
    if (auto file = midi::read(bytes)) files.push_back(std::move(*file));
  }
  for (auto _ : state) {
    for (const midi::File& file : files) benchmark::DoNotOptimize(midi::write(file));
  }
  corpus.report(state);
}

std::vector<Path> folders() {
  std::vector<Path> result;
  if (const char* named = std::getenv("HEMIOLA_BENCH_MIDI")) {
    std::istringstream list(named);
    for (std::string folder; std::getline(list, folder, ':');) result.emplace_back(folder);
    return result;
  }
  for (const char* name : {"piano", "multitrack", "pop909", "asap"}) {
    if (const auto folder = test_data(name)) result.push_back(*folder);
  }
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (const Path& folder : folders()) {
    const std::string name = folder.filename().string();
    const auto add = [&](const char* what, void (*function)(benchmark::State&, const Path&)) {
      benchmark::RegisterBenchmark((what + name).c_str(), function, folder)
          ->Unit(benchmark::kMillisecond);
    };
    add("parse/", parse);
    add("read_from_disk/", read_from_disk);
    add("write/", write);
  }
  benchmark::RunSpecifiedBenchmarks();
}
