// A piece as the server keeps it: the MIDI file, which is authoritative, and how its time is to be
// understood, so that its grid is the same each time it is read. From these follows all that is
// shown of it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "beats/tracker.h"
#include "data/source.h"

namespace hemiola::worker {

// {"mode": "auto" | "written" | "performed", "find_upbeats": bool, "beats": [...], ...}
Result<data::SourceOptions> timing_from_json(const Json& json);
// Of a source that was read: what gives the same grid again.
Json timing_of(const data::Source& source);
Json timing_json(const BeatTrack& beats);

// A piece's file read as its timing says. It has as many bars as it was given, unless notes begin
// after them: what rings on, or is silent, at the end makes no bar and costs none.
Result<data::Source> open_piece(std::span<const std::uint8_t> midi, const Json& timing);

// What was played, in seconds.
std::vector<PlayedNote> played_notes(const Score& score);

// What the API calls a View. Keys and chords that are not stated are estimated.
Json view_of(const data::Source& source);
// The other figures of a piece: bars, notes, seconds, key, metre, tempo, tracks, and a name for it.
Json summary_of(const data::Source& source, const Json& view);

std::string metre_text(Metre metre);
// As the API has a bar; its number, where it begins and how it sounds are the caller's.
Json bar_json(int number, GridTick start, const GridBar& bar, double seconds, double tempo);

}  // namespace hemiola::worker
