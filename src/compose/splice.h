// Puts new notes into a file's own events. All that is not cut stays as it was, to the tick: notes,
// controllers, lyrics, unknown events, order. No music is decided here.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "midi/events.h"

namespace hemiola {

// Where new notes go: a chunk and channel of the file, or a chunk to be added.
struct Voice {
  int chunk = -1;   // index of the file's track chunk; -1: a new one (in format 0: the only one)
  int channel = 0;  // 0-15
  int program = 0;  // what the notes are to sound with; the file's changes around them are restored
  bool is_drum = false;
  std::string name;  // of a new chunk
};

struct NewNote {
  Tick onset{};
  Tick duration{};  // >= 1
  std::uint8_t pitch = 60;
  std::uint8_t velocity = 64;
  int voice = 0;  // index into SpliceRequest::voices
};

// A note of the file, named by where its note-on stands.
struct NoteName {
  int chunk = 0;
  int channel = 0;
  Tick onset{};
  std::uint8_t pitch = 0;

  auto operator<=>(const NoteName&) const = default;
};

struct SpliceRequest {
  // Every event from here on goes, but the ends of notes that began before.
  std::optional<Tick> cut_from;
  std::vector<NoteName> cut_notes;  // taken out one by one
  // New music starts here on a clean stage: pedals that are still down are lifted, bends centred, a
  // fade-out undone. nullopt: between notes that stay, nothing is touched.
  std::optional<Tick> reset_at;
  std::vector<Voice> voices;
  std::vector<NewNote> notes;
  // Where a new note that a held one of its pitch is in the way of can begin: the first place at or
  // after this tick. Without it: anywhere. Where nothing of the note is left, it is not written.
  std::function<Tick(Tick)> next_place;
  struct NewMeta {
    Tick at{};
    std::uint8_t type = 0;  // midi::meta: tempo, time signature, key signature
    std::vector<std::uint8_t> payload;
  };
  std::vector<NewMeta> metas;  // for the first chunk
  Tick end{};                  // no chunk with new notes ends before
};

struct Spliced {
  midi::File file;
  std::size_t notes = 0;  // of the request that are in it
};

Spliced splice(const midi::File& source, const SpliceRequest& request);

// A channel for a new voice: a free one, else one that already plays its program, else the one with
// the fewest notes. Drums are always on channel 9 (the tenth).
int choose_channel(const midi::File& file, std::span<const Voice> taken, int program, bool is_drum);

}  // namespace hemiola
