// From sound to notes: a polyphonic transcriber after basic-pitch (Bittner and others, "A
// Lightweight Instrument-Agnostic Model for Polyphonic Note Transcription and Multipitch
// Estimation", 2022). The network is run by our own code; its weights come from elsewhere
// (scripts/fetch_transcriber.sh). Notes are in seconds here: beats, bars and MIDI are made of them
// by compose/listen.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "audio/audio.h"
#include "base/files.h"
#include "base/result.h"
#include "base/time_units.h"

namespace hemiola {

// The file of weights: `given` if it is not empty, else HEMIOLA_TRANSCRIBER, else in the user's
// models folder (HEMIOLA_MODELS, else XDG_DATA_HOME/hemiola/models, else
// ~/.local/share/hemiola/models), else in the build's cache. Fails where there is none, saying how
// to get it.
Result<Path> locate_transcriber(const Path& given = {});

struct NoteOptions {
  double onset_threshold = 0.5;    // 0 to 1; lower: more notes
  double frame_threshold = 0.3;    // 0 to 1; lower: longer notes
  Seconds shortest{0.1277};        // shorter notes are left out
  int lowest = 21, highest = 108;  // MIDI pitches that may sound; within 21 to 108
  bool infer_onsets = true;        // also from sudden rises of energy
  bool trailing = true;            // also notes without an onset, from the energy that is left over
  int energy_tolerance = 11;       // frames of about 12 ms that a note may stay below the threshold
  bool bends = false;              // measure how each note's pitch moves
};

struct TranscribedNote {
  Seconds onset{};
  Seconds duration{};
  std::uint8_t pitch = 60;  // 21 to 108
  float amplitude = 0;      // 0 to 1: the mean of what the network gives for the note
  std::vector<float>
      bends{};  // semitones from the pitch, evenly over the note; empty: not measured

  // A MIDI velocity, 1 to 127.
  std::uint8_t velocity() const;
};

struct Transcription {
  std::vector<TranscribedNote> notes;  // by onset, then pitch
  Seconds length{};                    // of the sound
};

// Gets the share done, 0 to 1; false from it ends the work with an error.
using AudioProgress = std::function<bool(double)>;

// The network's weights, loaded once and never changed: any number of threads may transcribe with
// one Transcriber at the same time.
class Transcriber {
 public:
  static constexpr int kSampleRate = 22050;  // Hz; sound at this rate need not be resampled

  static Result<Transcriber> load(const Path& weights);

  Transcriber(Transcriber&&) noexcept;
  Transcriber& operator=(Transcriber&&) noexcept;
  ~Transcriber();

  // Any rate and number of channels; silence and a sound of no length give no notes. Fails on
  // options out of their range.
  Result<Transcription> transcribe(const Audio& audio, const NoteOptions& options = {},
                                   const AudioProgress& progress = {}) const;

 private:
  struct Parts;
  explicit Transcriber(std::unique_ptr<const Parts> parts);

  std::unique_ptr<const Parts> parts_;
};

}  // namespace hemiola
