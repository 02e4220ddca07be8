#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_set>

#include "base/rng.h"
#include "data/atomic_file.h"
#include "data/loops.h"
#include "midi/writer.h"
#include "score/instruments.h"
#include "score/to_midi.h"

namespace hemiola::data {
namespace {

std::string key_text(const Key& key) {
  // The tonic's name along the line of fifths, from F-flat to B-sharp.
  static constexpr std::string_view kLetters = "FCGDAEB";
  const int place = key.fifths + (key.minor ? 3 : 0) + 1 + 14;
  std::string text(1, kLetters[static_cast<std::size_t>(place % 7)]);
  const int accidentals = place / 7 - 2;
  text += std::string(static_cast<std::size_t>(std::abs(accidentals)), accidentals < 0 ? 'b' : '#');
  return text + (key.minor ? " minor" : " major");
}

// The number of digits that a name has: all sets of fewer than 100,000 loops have the same names.
int name_digits(std::size_t count) {
  return std::max(5, static_cast<int>(std::to_string(count).size()));
}

// Changes whenever the same seed gives other loops.
constexpr int kLoopsVersion = 1;

// Refuses a folder whose loops are not the beginning of this set.
Status check_same_set(const Path& out, const LoopSetOptions& options) {
  const Path path = out / "loops.json";
  std::error_code code;
  if (!std::filesystem::exists(path, code)) {
    if (!std::filesystem::exists(out / "labels.jsonl", code)) return {};
    return fail("{}: holds labels.jsonl, but no loops.json; name another folder", out.string());
  }
  HEMIOLA_TRY(const std::string text, read_text(path));
  HEMIOLA_TRY(const Json json, parse_json(text, path.string()));
  const auto number = [&](const char* key) -> std::uint64_t {
    return json.is_object() && json.contains(key) && json[key].is_number_unsigned()
               ? json[key].get<std::uint64_t>()
               : ~std::uint64_t{0};
  };
  if (number("version") != kLoopsVersion || number("seed") != options.seed ||
      number("count") > options.count ||
      name_digits(number("count")) != name_digits(options.count)) {
    return fail(
        "{}: holds another set of loops ({} of seed {}, version {}); name another folder, or give "
        "that seed and at least as many",
        out.string(), number("count"), number("seed"), number("version"));
  }
  return {};
}

template <class Work>
void in_parallel(unsigned threads, std::size_t count, Work work) {
  std::atomic<std::size_t> next{0};
  const auto run = [&] {
    for (std::size_t i; (i = next++) < count;) work(i);
  };
  std::vector<std::thread> workers;
  for (unsigned i = 1; i < threads; ++i) workers.emplace_back(run);
  run();
  for (std::thread& worker : workers) worker.join();
}

Result<midi::File> midi_of(const Loop& loop, const std::string& name) {
  FromGridOptions options;
  options.title = name;
  for (const Role role : loop.labels.roles) options.track_names.emplace_back(role_name(role));
  return midi_from_grid(loop.score, options);
}

}  // namespace

Json to_json(const LoopLabels& labels) {
  Json json = Json::object();
  json["style"] = labels.style;
  json["key"] = key_text(labels.key);
  json["metre"] = fmt::format("{}/{}", labels.metre.numerator, labels.metre.denominator);
  json["tempo"] = labels.tempo;
  json["swing"] = labels.swing;
  json["progression"] = labels.progression;
  json["chords"] = labels.chords;
  json["drum_pattern"] = labels.drum_pattern.empty() ? Json() : Json(labels.drum_pattern);
  json["roles"] = Json::array();
  for (const Role role : labels.roles) json["roles"].push_back(role_name(role));
  json["split"] = labels.split;
  return json;
}

std::array<std::uint64_t, 4> near_copy_hashes(const Loop& loop) {
  const GridScore& score = loop.score;
  const int bar_ticks = bar_length(score.bars.front().metre).count();
  const int tonic = loop.labels.key.tonic();
  // Sums of mixed notes, so that neither their order nor their track matters.
  std::array<std::uint64_t, 4> bars{};
  for (const GridTrack& track : score.tracks) {
    if (track.is_drum) continue;
    for (const GridNote& note : track.notes) {
      const auto bar = static_cast<std::size_t>(note.onset.count() / bar_ticks);
      const int place = note.onset.count() % bar_ticks;
      bars[bar] += mix64(static_cast<std::uint64_t>(place * 256 + note.pitch + 128 - tonic));
    }
  }
  std::array<std::uint64_t, 4> hashes{};
  for (std::size_t without = 0; without < 4; ++without) {
    std::uint64_t hash = mix64(without);
    for (std::size_t bar = 0; bar < 4; ++bar) {
      if (bar != without) hash = mix64(hash ^ bars[bar]);
    }
    hashes[without] = hash;
  }
  return hashes;
}

Status write_loops(const Path& out, const LoopSetOptions& options) {
  HEMIOLA_CHECK(check_same_set(out, options));
  const unsigned threads = options.threads > 0 ? static_cast<unsigned>(options.threads)
                                               : std::max(1u, std::thread::hardware_concurrency());
  // Candidates are made and compared in rounds, so that the result does not depend on threads; one
  // that was there before is passed over.
  std::vector<std::uint64_t> seeds;
  std::unordered_set<std::uint64_t> known;
  std::vector<std::array<std::uint64_t, 4>> round(4096);
  for (std::uint64_t candidate = 0; seeds.size() < options.count; candidate += round.size()) {
    in_parallel(threads, round.size(), [&](std::size_t i) {
      round[i] = near_copy_hashes(make_loop(mix64(options.seed) + candidate + i));
    });
    for (std::size_t i = 0; i < round.size() && seeds.size() < options.count; ++i) {
      const auto is_known = [&](std::uint64_t hash) { return known.contains(hash); };
      if (std::any_of(round[i].begin(), round[i].end(), is_known)) continue;
      known.insert(round[i].begin(), round[i].end());
      seeds.push_back(mix64(options.seed) + candidate + i);
    }
  }

  std::error_code code;
  std::filesystem::create_directories(out, code);
  if (code) return fail("{}: cannot create the folder: {}", out.string(), code.message());
  const Json set = {{"version", kLoopsVersion}, {"seed", options.seed}, {"count", options.count}};
  HEMIOLA_CHECK(write_text(out / "loops.json", json_text(set) + "\n"));
  HEMIOLA_TRY(AtomicFile labels, AtomicFile::create(out / "labels.jsonl"));
  std::mutex mutex;
  std::optional<Error> error;
  std::size_t done = 0;
  std::vector<std::string> lines(seeds.size());
  const auto write_one = [&](std::size_t i) -> Status {
    const Loop loop = make_loop(seeds[i]);
    const std::string name = fmt::format("loop-{:0{}}", i + 1, name_digits(options.count));
    HEMIOLA_TRY(const midi::File file, midi_of(loop, name));
    const Path path = out / (name + ".mid");
    HEMIOLA_CHECK(write_file(path, midi::write(file)));
    if (options.then) HEMIOLA_CHECK(options.then(loop, file, path));
    Json line = {{"file", name + ".mid"}, {"seed", fmt::format("{:016x}", seeds[i])}};
    line.update(to_json(loop.labels));
    line["instruments"] = Json::array();
    for (const GridTrack& track : loop.score.tracks) {
      line["instruments"].push_back(instrument_name({track.program, track.is_drum}));
    }
    line["notes"] = loop.score.note_count();
    lines[i] = json_text(line) + "\n";
    return {};
  };
  in_parallel(threads, seeds.size(), [&](std::size_t i) {
    {
      const std::lock_guard lock(mutex);
      if (error) return;
    }
    const Status status = write_one(i);
    const std::lock_guard lock(mutex);
    if (!status && !error) error = status.error();
    if (options.progress && options.progress(++done, seeds.size()) && !error) {
      error = Error{"stopped; the same command goes on from here"};
    }
  });
  if (error) return fail(*error);
  for (const std::string& line : lines) HEMIOLA_CHECK(labels.write(line));
  return labels.commit();
}

}  // namespace hemiola::data
