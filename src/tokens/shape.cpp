#include "tokens/shape.h"

#include <algorithm>
#include <vector>

namespace hemiola::tokens {
namespace {

// A note as far as the words alone tell it.
struct KnownNote {
  int position = -1;  // -1: where the cell stands
  int duration = 0;   // 0: what is in force
  int pitch = 0;      // tone index, drum key, or how far below the note before the token
  bool relative = false;
};

struct Reader {
  Shape shape;
  std::vector<KnownNote> notes;
  int position = -1;
  int velocity = -1;
  int duration = 0;
  int longer = 0;
  int last_long = -1;
  int at_once = 0;        // notes at the current position so far
  int pitch = 0;          // of the last of them
  bool relative = false;  // is that pitch relative to the note before the token?
  bool is_drum = false, is_tone = false;

  bool take(WordClass word_class, int index);
  bool take_duration(int ticks);
  bool take_note(WordClass word_class, int index);
  bool collide();
};

bool Reader::take_duration(int ticks) {
  const int total = longer + ticks;
  if (longer > 0 && (ticks > kGridQuarter.count() || duration_index(total) >= 0)) return false;
  if (total == duration) return false;
  duration = total;
  longer = 0;
  last_long = -1;
  if (shape.first_duration == 0) shape.first_duration = total;
  shape.longest = std::max(shape.longest, total);
  return true;
}

bool Reader::take_note(WordClass word_class, int index) {
  const bool in_head = position < 0;
  (word_class == WordClass::kDrum ? is_drum : is_tone) = true;
  if (is_drum && is_tone) return false;
  if (velocity < 0) shape.needs_velocity = true;
  if (duration == 0) shape.needs_duration = true;
  if (word_class == WordClass::kDrum) {
    if (at_once > 0 && index >= pitch) return false;
    if (in_head && at_once == 0) shape.first_drum = index;
    pitch = index;
    shape.drums.insert(pitch);
  } else if (word_class == WordClass::kTone) {
    if (at_once > 0) return false;
    if (in_head) shape.opens_position = true;
    pitch = index;
  } else {
    if (at_once == 0) {
      if (!in_head) return false;
      shape.joins_chord = relative = true;
      pitch = 0;
    }
    pitch += relative ? index + 1 : -(index + 1);
    if (relative ? pitch > 127 : pitch < 0) return false;
  }
  if (relative) {
    shape.head_downs.insert(pitch);
  } else if (is_tone) {
    shape.tones[static_cast<std::size_t>(pitch) / 64] |= std::uint64_t{1} << (pitch % 64);
  }
  ++at_once;
  if (in_head) ++shape.head_notes;
  shape.most_at_once = std::max(shape.most_at_once, at_once);
  shape.has_tail_notes |= !in_head;
  notes.push_back({position, duration, pitch, relative});
  return true;
}

bool Reader::take(WordClass word_class, int index) {
  switch (word_class) {
    case WordClass::kTrack:
      shape.track = index;
      return true;
    case WordClass::kPosition:
      if (index <= position) return false;
      if (shape.first_position < 0) shape.first_position = index;
      shape.last_position = position = index;
      at_once = 0;
      relative = false;
      return true;
    case WordClass::kVelocity:
      if (index == velocity) return false;
      if (shape.first_velocity < 0) shape.first_velocity = index;
      velocity = index;
      return true;
    case WordClass::kLong:
      if (velocity < 0) shape.needs_velocity = true;
      if (index <= last_long) return false;
      last_long = index;
      longer += kLongs[static_cast<std::size_t>(index)] * kGridQuarter.count();
      return true;
    case WordClass::kDuration:
      if (velocity < 0) shape.needs_velocity = true;
      return take_duration(kDurations[static_cast<std::size_t>(index)]);
    default:
      return take_note(word_class, index);
  }
}

// Sets may_collide; false where two notes collide however the cell stands.
bool Reader::collide() {
  for (std::size_t i = 0; i < notes.size(); ++i) {
    for (std::size_t j = i + 1; j < notes.size(); ++j) {
      const KnownNote &a = notes[i], &b = notes[j];
      if (a.position == b.position) continue;  // told apart by falling pitch
      if (a.relative || b.relative) {
        shape.may_collide = true;
      } else if (a.pitch == b.pitch) {
        if (a.position >= 0 && a.duration > 0) {
          if (a.position + a.duration > b.position) return false;
        } else {
          shape.may_collide = true;
        }
      }
    }
  }
  return true;
}

Node node_after(WordClass word_class) {
  switch (word_class) {
    case WordClass::kTrack:
      return Node::kTrack;
    case WordClass::kPosition:
      return Node::kPosition;
    case WordClass::kVelocity:
      return Node::kVelocity;
    case WordClass::kLong:
      return Node::kLong;
    case WordClass::kDuration:
      return Node::kDuration;
    default:
      return Node::kNote;
  }
}

}  // namespace

std::optional<Shape> shape_of(std::span<const Word> words) {
  Reader reader;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const WordClass word_class = class_of(words[i]);
    if (!is_cell_word(word_class)) return std::nullopt;
    if (i > 0) {
      const auto to = next_node(node_after(class_of(words[i - 1])), word_class);
      if (!to || !is_cell_node(*to) || *to == Node::kTrack) return std::nullopt;
    }
    if (!reader.take(word_class, index_of(words[i]))) return std::nullopt;
  }
  if (words.empty() || !reader.collide()) return std::nullopt;
  Shape& shape = reader.shape;
  shape.first = class_of(words.front());
  shape.exit = node_after(class_of(words.back()));
  shape.is_fragment = shape.first == WordClass::kLong || shape.exit == Node::kLong;
  const bool inherits =
      reader.at_once == 0 ? reader.position < 0 && shape.track < 0 : reader.relative;
  shape.floor = inherits ? Shape::kInherited : reader.at_once == 0 ? Shape::kNoFloor : reader.pitch;
  return shape;
}

}  // namespace hemiola::tokens
