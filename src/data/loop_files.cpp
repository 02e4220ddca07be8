#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_set>

#include "base/rng.h"
#include "data/atomic_file.h"
#include "data/canonical.h"
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

// What makes two loops the same music: notes up to transposition, and the drums.
std::uint64_t identity(const GridScore& score) {
  const Sha256Digest notes = canonical_hash(canonical_notes(score));
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < 8; ++i) hash = hash << 8 | notes[i];
  for (const GridTrack& track : score.tracks) {
    if (!track.is_drum) continue;
    for (const GridNote& note : track.notes) {
      hash = mix64(hash ^ (static_cast<std::uint64_t>(note.onset.count()) << 8 | note.pitch));
    }
  }
  return hash;
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

Result<Bytes> midi_of(const Loop& loop, const std::string& name) {
  FromGridOptions options;
  options.title = name;
  for (const Role role : loop.labels.roles) options.track_names.emplace_back(role_name(role));
  HEMIOLA_TRY(const midi::File file, midi_from_grid(loop.score, options));
  return midi::write(file);
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

Status write_loops(const Path& out, const LoopSetOptions& options) {
  const unsigned threads = options.threads > 0 ? static_cast<unsigned>(options.threads)
                                               : std::max(1u, std::thread::hardware_concurrency());
  // Candidates are made and compared in rounds, so that the result does not depend on threads; one
  // that was there before is passed over.
  std::vector<std::uint64_t> seeds;
  std::unordered_set<std::uint64_t> known;
  std::vector<std::uint64_t> round(4096);
  for (std::uint64_t candidate = 0; seeds.size() < options.count; candidate += round.size()) {
    in_parallel(threads, round.size(), [&](std::size_t i) {
      round[i] = identity(make_loop(mix64(options.seed) + candidate + i).score);
    });
    for (std::size_t i = 0; i < round.size() && seeds.size() < options.count; ++i) {
      if (known.insert(round[i]).second) seeds.push_back(mix64(options.seed) + candidate + i);
    }
  }

  std::error_code code;
  std::filesystem::create_directories(out, code);
  if (code) return fail("{}: cannot create the folder: {}", out.string(), code.message());
  HEMIOLA_TRY(AtomicFile labels, AtomicFile::create(out / "labels.jsonl"));
  const int digits = std::max(5, static_cast<int>(std::to_string(options.count).size()));
  std::mutex mutex;
  std::optional<Error> error;
  std::size_t done = 0;
  std::vector<std::string> lines(seeds.size());
  in_parallel(threads, seeds.size(), [&](std::size_t i) {
    {
      const std::lock_guard lock(mutex);
      if (error) return;
      if (options.progress && options.progress(done++, seeds.size())) {
        error = Error{"stopped"};
        return;
      }
    }
    const Loop loop = make_loop(seeds[i]);
    const std::string name = fmt::format("loop-{:0{}}", i + 1, digits);
    auto bytes = midi_of(loop, name);
    const Status status =
        bytes ? write_file(out / (name + ".mid"), *bytes) : Status(fail(bytes.error()));
    if (!status) {
      const std::lock_guard lock(mutex);
      if (!error) error = status.error();
      return;
    }
    Json line = {{"file", name + ".mid"}, {"seed", fmt::format("{:016x}", seeds[i])}};
    line.update(to_json(loop.labels));
    line["instruments"] = Json::array();
    for (const GridTrack& track : loop.score.tracks) {
      line["instruments"].push_back(instrument_name({track.program, track.is_drum}));
    }
    line["notes"] = loop.score.note_count();
    lines[i] = line.dump() + "\n";
  });
  if (error) return fail(*error);
  for (const std::string& line : lines) HEMIOLA_CHECK(labels.write(line));
  return labels.commit();
}

}  // namespace hemiola::data
