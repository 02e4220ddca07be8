// From a recording to a piece that can be continued: decode, transcribe, find the beats,
// standardise. listen() is everything that an upload needs, as one call for the command line and
// for the server's isolated worker; piece_from_notes() is its second half alone, for when a person
// corrects tempo, metre or first downbeat and nothing has to be heard again.
#pragma once

#include <cstdint>
#include <span>

#include "audio/transcribe.h"
#include "beats/beat_track.h"
#include "compose/beat_wishes.h"
#include "data/source.h"

namespace hemiola {

struct HeardPiece {
  data::Source source;  // its file keeps the recording's own time; its bar lines stand on the beats
  BeatTrack beats;      // as the recording's seconds
};

// Notes in any order, `bends` of those that overlap no other as pitch bends in the file. Fails
// where there are no notes or a wish is out of its range.
Result<HeardPiece> piece_from_notes(std::span<const TranscribedNote> notes,
                                    const BeatWishes& wishes = {});

struct ListenOptions {
  NoteOptions notes{};
  BeatWishes beats{};
  Seconds longest{1800};  // longer recordings are refused
};

struct Heard {
  Transcription transcription;
  HeardPiece piece;
};

// The bytes of a sound file (audio/decode.h says which kinds). Fails with the reason where it
// cannot be decoded or no notes are heard. `progress` gets the share done, 0 to 1; false ends the
// work with an error.
Result<Heard> listen(std::span<const std::uint8_t> bytes, const Transcriber& transcriber,
                     const ListenOptions& options = {}, const AudioProgress& progress = {});

}  // namespace hemiola
