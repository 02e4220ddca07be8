#include "audio/synthesise.h"

#include <fluidsynth.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "midi/writer.h"

namespace hemiola {
namespace {

template <auto Delete>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Delete(object);
  }
};
using Settings = std::unique_ptr<fluid_settings_t, Deleter<delete_fluid_settings>>;
using Synth = std::unique_ptr<fluid_synth_t, Deleter<delete_fluid_synth>>;
using Player = std::unique_ptr<fluid_player_t, Deleter<delete_fluid_player>>;

// FluidSynth prints by default; a library must not.
void silence_log() {
  static const bool once = [] {
    for (int level = 0; level < LAST_LOG_LEVEL; ++level) {
      fluid_set_log_function(level, nullptr, nullptr);
    }
    return true;
  }();
  (void)once;
}

Settings make_settings(int sample_rate) {
  Settings settings(new_fluid_settings());
  fluid_settings_setnum(settings.get(), "synth.sample-rate", sample_rate);
  fluid_settings_setint(settings.get(), "synth.polyphony", 512);
  fluid_settings_setint(settings.get(), "synth.cpu-cores", 1);
  fluid_settings_setint(settings.get(), "synth.lock-memory", 0);
  // Only the instruments that the piece uses are decoded: starts in a fraction of the time.
  fluid_settings_setint(settings.get(), "synth.dynamic-sample-loading", 1);
  fluid_settings_setnum(settings.get(), "synth.gain", 0.2);  // headroom; loudness comes later
  return settings;
}

constexpr int kBlock = 1024;             // frames
constexpr float kSilence = 3.2e-4f;      // -70 dBFS
constexpr Seconds kSilenceLength{0.25};  // silence that ends the tail

}  // namespace

Result<Path> default_soundfont() {
  if (const char* set = std::getenv("HEMIOLA_SOUNDFONT"); set != nullptr && *set != '\0') {
    return Path(set);
  }
  constexpr std::array kPlaces = {
      "/usr/share/sounds/sf3/MuseScore_General_Lite.sf3", "/usr/share/sounds/sf3/default-GM.sf3",
      "/usr/share/sounds/sf2/default-GM.sf2", "/usr/share/sounds/sf2/FluidR3_GM.sf2"};
  for (const char* place : kPlaces) {
    if (std::filesystem::exists(place)) return Path(place);
  }
  return fail(
      "no soundfont found; install Debian's musescore-general-soundfont-small, or name one with "
      "--soundfont or HEMIOLA_SOUNDFONT");
}

Result<Audio> synthesise(const midi::File& file, const SynthesisOptions& options,
                         const std::function<bool(double)>& progress) {
  silence_log();
  Path soundfont = options.soundfont;
  if (soundfont.empty()) {
    HEMIOLA_TRY(soundfont, default_soundfont());
  }
  const Settings settings = make_settings(options.sample_rate);
  fluid_settings_setstr(settings.get(), "player.timing-source", "sample");
  fluid_settings_setint(settings.get(), "player.reset-synth", 0);
  const Synth synth(new_fluid_synth(settings.get()));
  if (!synth) return fail("synthesis: FluidSynth cannot start at {} Hz", options.sample_rate);
  if (fluid_synth_sfload(synth.get(), soundfont.c_str(), 1) == FLUID_FAILED) {
    return fail("{}: not readable as a soundfont (SF2 or SF3)", soundfont.string());
  }
  const Bytes bytes = midi::write(file);
  const Player player(new_fluid_player(synth.get()));
  if (!player || fluid_player_add_mem(player.get(), bytes.data(), bytes.size()) != FLUID_OK ||
      fluid_player_play(player.get()) != FLUID_OK) {
    return fail("synthesis: FluidSynth does not accept the piece");
  }

  Audio audio{options.sample_rate, 2, {}};
  const auto frames_of = [&](Seconds seconds) {
    return static_cast<std::size_t>(seconds.count() * options.sample_rate);
  };
  const std::size_t longest = frames_of(options.longest);
  std::array<float, 2 * kBlock> block;
  std::size_t ended = 0, quiet = 0;  // frames since the last event; frames of silence
  for (bool playing = true;
       playing || (ended < frames_of(options.longest_tail) && quiet < frames_of(kSilenceLength));) {
    if (fluid_synth_write_float(synth.get(), kBlock, block.data(), 0, 2, block.data(), 1, 2) !=
        FLUID_OK) {
      return fail("synthesis: FluidSynth failed after {:.1f} s", audio.length().count());
    }
    audio.samples.insert(audio.samples.end(), block.begin(), block.end());
    const float peak = std::abs(*std::max_element(
        block.begin(), block.end(), [](float a, float b) { return std::abs(a) < std::abs(b); }));
    quiet = peak < kSilence ? quiet + kBlock : 0;
    playing = playing && fluid_player_get_status(player.get()) == FLUID_PLAYER_PLAYING;
    if (!playing) ended += kBlock;
    if (audio.frames() > longest) {
      return fail("synthesis: the piece is longer than {:.0f} s; split it",
                  options.longest.count());
    }
    if (progress) {
      const int total = fluid_player_get_total_ticks(player.get());
      const double done = playing ? fluid_player_get_current_tick(player.get()) : total;
      if (!progress(total > 0 ? std::min(1.0, done / total) : 1.0)) return fail("cancelled");
    }
  }
  return audio;
}

struct HeldSamples::State {
  Settings settings;
  Synth synth;
  int soundfont = 0;
  std::mutex mutex;
  std::set<std::pair<int, int>> held;  // bank and program
};

HeldSamples::HeldSamples(std::unique_ptr<State> state) : state_(std::move(state)) {}
HeldSamples::HeldSamples(HeldSamples&&) noexcept = default;
HeldSamples& HeldSamples::operator=(HeldSamples&&) noexcept = default;
HeldSamples::~HeldSamples() = default;

Result<HeldSamples> HeldSamples::open(const Path& soundfont) {
  silence_log();
  Path path = soundfont;
  if (path.empty()) {
    HEMIOLA_TRY(path, default_soundfont());
  }
  auto state = std::make_unique<State>();
  state->settings = make_settings(44100);
  state->synth.reset(new_fluid_synth(state->settings.get()));
  if (!state->synth) return fail("synthesis: FluidSynth cannot start");
  state->soundfont = fluid_synth_sfload(state->synth.get(), path.c_str(), 1);
  if (state->soundfont == FLUID_FAILED) {
    return fail("{}: not readable as a soundfont (SF2 or SF3)", path.string());
  }
  return HeldSamples(std::move(state));
}

void HeldSamples::hold(const midi::File& file) {
  constexpr std::uint8_t kDrumChannel = 9;
  constexpr int kDrumBank = 128;
  std::set<std::pair<int, int>> wanted;
  for (const midi::Track& track : file.tracks) {
    for (const midi::Event& event : track.events) {
      if (event.kind == midi::EventKind::kNoteOn && event.channel == kDrumChannel) {
        wanted.emplace(kDrumBank, 0);
      } else if (event.kind == midi::EventKind::kProgram && event.channel != kDrumChannel) {
        wanted.emplace(0, event.data1);
      }
    }
  }
  const std::lock_guard lock(state_->mutex);
  for (const auto& preset : wanted) {
    if (!state_->held.insert(preset).second) continue;
    // One that the soundfont does not have is no loss: it will not be rendered with.
    fluid_synth_pin_preset(state_->synth.get(), state_->soundfont, preset.first, preset.second);
  }
}

}  // namespace hemiola
