#include "audio/transcribe.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <tuple>

#include "audio/note_events.h"
#include "audio/pitch_network.h"
#include "audio/resample.h"

namespace hemiola {
namespace {

constexpr const char* kFileName = "basic-pitch.safetensors";
// Bins above the one that its pitch names where a note in tune has its peak: bends count from
// there.
constexpr int kInTune = 1;
constexpr double kNetworkShare = 0.98;  // of the work; the rest is finding the notes

Status check(const NoteOptions& options) {
  const auto share = [](double value, const char* name) -> Status {
    if (value >= 0 && value <= 1) return {};
    return fail("{}: expected 0 to 1, got {}", name, value);
  };
  HEMIOLA_CHECK(share(options.onset_threshold, "onset threshold"));
  HEMIOLA_CHECK(share(options.frame_threshold, "frame threshold"));
  if (!(options.shortest.count() >= 0 && options.shortest.count() <= 10)) {
    return fail("shortest note: expected 0 to 10 s, got {}", options.shortest.count());
  }
  if (options.lowest > options.highest) {
    return fail("pitch range: the lowest, {}, lies above the highest, {}", options.lowest,
                options.highest);
  }
  if (options.energy_tolerance < 1 || options.energy_tolerance > 1000) {
    return fail("energy tolerance: expected 1 to 1000 frames, got {}", options.energy_tolerance);
  }
  return {};
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The folder in which a user keeps the weights of others; empty where there is no home.
Path user_models() {
  if (const std::string set = environment("HEMIOLA_MODELS"); !set.empty()) return set;
  if (const std::string set = environment("XDG_DATA_HOME"); !set.empty()) {
    return Path(set) / "hemiola/models";
  }
  const std::string home = environment("HOME");
  return home.empty() ? Path() : Path(home) / ".local/share/hemiola/models";
}

}  // namespace

Result<Path> locate_transcriber(const Path& given) {
  std::error_code code;
  Path named = given;
  if (named.empty()) named = environment("HEMIOLA_TRANSCRIBER");
  if (!named.empty()) {
    if (std::filesystem::is_regular_file(named, code)) return named;
    return fail("{}: no such file; expected the transcriber's weights", named.string());
  }
  std::vector<Path> places;
  if (const Path models = user_models(); !models.empty()) places.push_back(models / kFileName);
  if (const Path program = std::filesystem::read_symlink("/proc/self/exe", code); !code) {
    // In a checkout the program lies under build/.
    for (Path folder = program.parent_path(); folder.has_relative_path();
         folder = folder.parent_path()) {
      if (std::filesystem::is_directory(folder / ".cache/models", code)) {
        places.push_back(folder / ".cache/models" / kFileName);
        break;
      }
    }
  }
  std::string looked;
  for (const Path& place : places) {
    if (std::filesystem::is_regular_file(place, code)) return place;
    looked += "\n  " + place.string();
  }
  return fail(
      "the transcriber's weights are missing; in the checkout, run scripts/fetch_transcriber.sh "
      "(or with a folder's name, and set HEMIOLA_TRANSCRIBER to the file it writes). Looked in:{}",
      looked);
}

std::uint8_t TranscribedNote::velocity() const {
  return static_cast<std::uint8_t>(std::clamp(std::lround(127 * amplitude), 1L, 127L));
}

struct Transcriber::Parts {
  PitchNetwork network;
};

Transcriber::Transcriber(std::unique_ptr<const Parts> parts) : parts_(std::move(parts)) {}
Transcriber::Transcriber(Transcriber&&) noexcept = default;
Transcriber& Transcriber::operator=(Transcriber&&) noexcept = default;
Transcriber::~Transcriber() = default;

Result<Transcriber> Transcriber::load(const Path& weights) {
  HEMIOLA_TRY(PitchNetwork network, PitchNetwork::load(weights));
  return Transcriber(std::make_unique<const Parts>(Parts{std::move(network)}));
}

Result<Transcription> Transcriber::transcribe(const Audio& audio, const NoteOptions& options,
                                              const AudioProgress& progress) const {
  HEMIOLA_CHECK(check(options));
  Transcription result;
  result.length = audio.length();
  HEMIOLA_TRY(const std::vector<float> samples, mono_at(audio, kPitchRate));
  PitchRun run;
  run.contour = options.bends;
  if (progress) run.progress = [&](double done) { return progress(kNetworkShare * done); };
  HEMIOLA_TRY(const PitchActivations activations, parts_->network.run(samples, run));
  for (const NoteEvent& event : find_notes(activations, options)) {
    TranscribedNote note;
    note.onset = frame_time(event.begin);
    note.duration = frame_time(event.end) - note.onset;
    note.pitch = static_cast<std::uint8_t>(event.pitch);
    note.amplitude = event.amplitude;
    if (options.bends) {
      for (const int bend : bends_of(activations, event)) {
        note.bends.push_back(static_cast<float>(bend - kInTune) / kBinsPerKey);
      }
    }
    result.notes.push_back(std::move(note));
  }
  std::sort(result.notes.begin(), result.notes.end(), [](const auto& a, const auto& b) {
    return std::tuple(a.onset, a.pitch, a.duration) < std::tuple(b.onset, b.pitch, b.duration);
  });
  if (progress && !progress(1)) return fail("stopped while listening for notes");
  return result;
}

}  // namespace hemiola
