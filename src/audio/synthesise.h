// MIDI to sound with FluidSynth, faster than real time and the same on every run.
#pragma once

#include <functional>
#include <memory>

#include "audio/audio.h"
#include "midi/events.h"

namespace hemiola {

struct SynthesisOptions {
  Path soundfont;           // empty: default_soundfont()
  int sample_rate = 44100;  // Hz
  // The tail of the last notes and of the reverb is kept until it has died away, at most this long.
  Seconds longest_tail{12};
  Seconds longest{3600};  // a longer piece is refused
};

// The soundfont that Debian's musescore-general-soundfont-small installs (or another General MIDI
// one in the usual folders), or HEMIOLA_SOUNDFONT. It was chosen for its even instruments at 39 MB.
Result<Path> default_soundfont();

// Two channels. `progress` gets the share done, 0 to 1; false from it ends the work with an error.
Result<Audio> synthesise(const midi::File& file, const SynthesisOptions& options = {},
                         const std::function<bool(double)>& progress = {});

// Holds the samples of instruments in memory as long as it lives, so that when many short pieces
// are rendered, each sample is decoded once: FluidSynth shares samples among its synthesizers, but
// forgets those that none of them uses. Any number of threads at once.
class HeldSamples {
 public:
  // `soundfont` empty: default_soundfont(). It must be the one that the pieces are rendered with.
  static Result<HeldSamples> open(const Path& soundfont = {});

  HeldSamples(HeldSamples&&) noexcept;
  HeldSamples& operator=(HeldSamples&&) noexcept;
  ~HeldSamples();

  void hold(const midi::File& file);  // the instruments that this piece asks for

 private:
  struct State;
  explicit HeldSamples(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace hemiola
