// Changes that a person makes to a piece by hand, in the terms of its grid view, made in the file's
// own events: notes that are not named, controllers, lyrics and all else stay to the tick.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "data/source.h"
#include "midi/events.h"

namespace hemiola {

// Which notes of the file each note of the grid stands for: two where the file doubles one, none
// where it was merged away. Indices into Source::score.
struct NoteOfFile {
  std::size_t track = 0;
  std::size_t note = 0;
};
using NotesOfFile = std::vector<std::vector<std::vector<NoteOfFile>>>;  // by grid track and note
NotesOfFile notes_of_file(const data::Source& source);

struct EditNote {
  GridTick onset{};  // as in GridNote
  GridTick duration{};
  std::uint8_t pitch = 60;
  std::uint8_t velocity = 64;  // 1-127
};

struct NotePlace {
  GridTick onset{};
  std::uint8_t pitch = 0;

  auto operator<=>(const NotePlace&) const = default;
};

struct Edit {
  enum class Kind : std::uint8_t {
    kAdd,          // notes; one that stands at the same onset and pitch gives way
    kRemove,       // places
    kChange,       // places[i] becomes notes[i]
    kAddTrack,     // program, is_drum, name; it becomes the last track
    kRemoveTrack,  // later tracks keep their numbers within this list of edits
    kInstrument,   // program
    kRenameTrack,  // name
    kTempo,        // all tempos are scaled, so that the first bar has this one
    kKey,          // stated for the whole piece; `transpose` moves the notes by the shortest way
  };
  Kind kind = Kind::kAdd;
  int track = 1;  // from 1
  std::vector<EditNote> notes;
  std::vector<NotePlace> places;
  int program = 0;
  bool is_drum = false;
  std::string name;
  double tempo = 120;  // quarters a minute
  Key key;
  bool transpose = false;
};

// As the API has them: {"op": "add", "track": 1, "notes": [[onset, duration, pitch, velocity]]}.
Result<std::vector<Edit>> edits_from_json(const Json& json);

struct Edited {
  midi::File file;
  double time_scale = 1;  // the piece now lasts this many times as long
};

// In order, each on what those before left. Fails, and says which edit, where one names what is not
// there.
Result<Edited> edit_piece(const data::Source& source, std::span<const Edit> edits);

}  // namespace hemiola
