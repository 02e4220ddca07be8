// From a recording to a piece that can be continued: decode, transcribe, find the beats,
// standardise. Everything that an upload needs, as one call for the command line and for the
// server's isolated worker; and its second half alone, for when a person corrects tempo, metre or
// first downbeat and nothing has to be heard again.
#pragma once

#include <optional>
#include <span>

#include "audio/transcribe.h"
#include "beats/beat_track.h"
#include "data/source.h"

namespace hemiola {

// What a person knows better than the beat tracker.
struct BeatWishes {
  std::optional<double> tempo;  // beats a minute, about; 20 to 400
  bool steady = false;          // played to a click at exactly `tempo`, which must then be given
  std::optional<Metre> metre;   // made of whole beats (quarters, dotted ones in compound metre)
  std::optional<Seconds> first_downbeat;  // a bar begins here
};

struct HeardPiece {
  data::Source source;  // its file has the recording's own time, bar lines on the beats
  BeatTrack beats;
};

// Notes in any order. `bends`: as pitch bends in the file, where notes do not overlap. Fails where
// there are no notes or a wish is out of its range.
Result<HeardPiece> piece_from_notes(std::span<const TranscribedNote> notes,
                                    const BeatWishes& wishes = {}, bool bends = false);

struct ListenOptions {
  NoteOptions notes;
  BeatWishes beats;
  Seconds longest{1800};  // longer recordings are refused
};

struct Heard {
  Transcription transcription;
  HeardPiece piece;
};

// The bytes of a sound file (audio/decode.h says which kinds). Fails with the reason where it
// cannot be decoded or no notes are heard. `progress` gets the share done, 0 to 1; false ends the
// work.
Result<Heard> listen(std::span<const std::uint8_t> bytes, const Transcriber& transcriber,
                     const ListenOptions& options = {}, const AudioProgress& progress = {});

}  // namespace hemiola
