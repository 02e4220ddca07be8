#include "tokens/walk.h"

#include <algorithm>

namespace hemiola::tokens {
namespace {

constexpr int kLongestWindow = (1 << 30) - 2 * kMaxBarLength.count();  // ticks

constexpr bool is_bar_word(WordClass c) {
  return c == WordClass::kBar || c == WordClass::kBarsLeft;
}

// The seven tones of a key signature, and the raised seventh of its minor, above its do.
constexpr std::uint32_t kNaturalScale = 0b101010110101;
constexpr std::uint32_t kRaisedSeventh = 1u << 8;

}  // namespace

PitchSet scale_pitches(Scale scale, const std::optional<Key>& key) {
  if (scale == Scale::kFree || !key) return PitchSet::all();
  std::uint32_t tones = kNaturalScale;
  if (scale == Scale::kHarmonic && key->minor) tones |= kRaisedSeventh;
  PitchSet set;
  for (int pitch = 0; pitch < 128; ++pitch) {
    if ((tones >> ((pitch - key_offset(key) + 12) % 12)) & 1) set.insert(pitch);
  }
  return set;
}

Walk::Walk() {
  velocities_.fill(-1);
  limits_.fill(PitchSet::all());
}

void Walk::limit_pitches(int track, PitchSet allowed) {
  limits_[static_cast<std::size_t>(track)] = allowed;
}

PitchSet Walk::pitches_in(int bar, int track) const {
  const auto t = static_cast<std::size_t>(track);
  if (score_.tracks[t].is_drum) return PitchSet::all();
  if (scale_ == Scale::kFree) return limits_[t];
  return limits_[t] & scale_pitches(scale_, score_.bars[static_cast<std::size_t>(bar)].key);
}

bool Walk::track_open(int track) const {
  return track < static_cast<int>(score_.tracks.size()) &&
         (((hole_mask_ >> track) & 1) != 0) == filling_;
}

CellState Walk::cell_at(int bar_index, int beat, int track) const {
  const auto bar = static_cast<std::size_t>(bar_index);
  const Metre metre = score_.bars[bar].metre;
  const int begin = beat * cell_length(metre).count();
  CellState cell;
  cell.is_drum = score_.tracks[static_cast<std::size_t>(track)].is_drum;
  cell.track = static_cast<std::int16_t>(track);
  cell.offset = static_cast<std::int16_t>(key_offset(score_.bars[bar].key));
  cell.length = static_cast<std::int16_t>(
      std::min(cell_length(metre).count(), bar_length(metre).count() - begin));
  cell.first_position = score_.has_upbeat && bar == 0 && beat == 0 ? 1 : 0;
  cell.velocity = velocities_[static_cast<std::size_t>(track)];
  cell.start = bar_starts_[bar] + begin;
  cell.pitches = pitches_in(bar_index, track);
  return cell;
}

CellState Walk::cell_of(int track) const { return cell_at(bar_, beat_, track); }

bool Walk::cell_open(int bar, int beat, int track) const {
  return alive(cell_at(bar, beat, track), {});
}

bool Walk::alive(const CellState& cell, std::span<const Sound> also) const {
  const auto longest = [&](int position) {
    return occupancy_.longest_room(cell.track, cell.pitches & PitchSet::below(cell.below),
                                   cell.start + position, also);
  };
  switch (cell.node) {
    case Node::kTrack:
      for (int position = cell.first_position; position < cell.length; ++position) {
        if (longest(position) > 0) return true;
      }
      return false;
    case Node::kPosition:
    case Node::kVelocity:
      return longest(cell.position) > 0;
    case Node::kLong: {
      const int room = longest(cell.position);
      for (int rest = 1; rest <= 24 && cell.longer + rest <= room; ++rest) {
        const int total = cell.longer + rest;
        if (duration_index(total) < 0 && total != cell.duration) return true;
      }
      return false;
    }
    case Node::kDuration:
      return longest(cell.position) >= cell.duration;
    default:
      return true;
  }
}

bool Walk::cell_step(CellState& cell, Word word, std::vector<Sound>& also) const {
  const WordClass word_class = class_of(word);
  const auto to = next_node(cell.node, word_class);
  if (!to || !is_cell_node(*to) || *to == Node::kTrack) return false;
  const int index = index_of(word);
  switch (word_class) {
    case WordClass::kPosition:
      if (index <= cell.position || index < cell.first_position || index >= cell.length) {
        return false;
      }
      cell.position = static_cast<std::int16_t>(index);
      cell.below = 128;
      break;
    case WordClass::kVelocity:
      if (index == cell.velocity) return false;
      cell.velocity = static_cast<std::int16_t>(index);
      break;
    case WordClass::kLong:
      if (cell.velocity < 0 || index <= cell.last_long) return false;
      cell.last_long = static_cast<std::int16_t>(index);
      cell.longer = static_cast<std::int16_t>(
          cell.longer + kLongs[static_cast<std::size_t>(index)] * kGridQuarter.count());
      break;
    case WordClass::kDuration: {
      const int ticks = kDurations[static_cast<std::size_t>(index)];
      const int total = cell.longer + ticks;
      if (cell.velocity < 0 || total == cell.duration) return false;
      if (cell.longer > 0 && (ticks > kGridQuarter.count() || duration_index(total) >= 0)) {
        return false;
      }
      cell.duration = static_cast<std::int16_t>(total);
      cell.longer = 0;
      cell.last_long = -1;
      break;
    }
    default: {
      const bool first = cell.below == 128;
      if ((word_class == WordClass::kDrum) != cell.is_drum) return false;
      if (!cell.is_drum && (word_class == WordClass::kTone) != first) return false;
      const int pitch = cell.is_drum ? index
                        : first      ? index + kLowestTone + cell.offset
                                     : cell.below - 1 - index;
      if (pitch < 0 || pitch >= cell.below || !cell.pitches.has(pitch)) return false;
      if (cell.velocity < 0 || cell.duration == 0) return false;
      if (occupancy_.room(cell.track, pitch, cell.tick(), also) < cell.duration) return false;
      also.push_back({cell.tick(), cell.tick() + cell.duration, static_cast<std::uint8_t>(pitch)});
      cell.below = static_cast<std::int16_t>(pitch);
    }
  }
  cell.node = *to;
  return true;
}

bool Walk::admits_all(std::span<const Word> words) const {
  if (words.empty()) return false;
  const Word first = words.front();
  if (class_of(first) == WordClass::kTrack) {
    if (!admits(first)) return false;
    if (node_ != Node::kBeat && node_ != Node::kNote) return words.size() == 1;
    return cell_admits(cell_of(index_of(first)), words.subspan(1));
  }
  if (!is_cell_node(node_)) return words.size() == 1 && admits(first);
  return is_cell_word(class_of(first)) ? cell_admits(cell_, words)
                                       : words.size() == 1 && admits(first);
}

bool Walk::cell_admits(CellState cell, std::span<const Word> words) const {
  scratch_.clear();
  for (const Word word : words) {
    if (!cell_step(cell, word, scratch_)) return false;
  }
  return alive(cell, scratch_);
}

bool Walk::admits(Word word) const {
  if (word >= kWordCount) return false;
  const WordClass word_class = class_of(word);
  const auto to = next_node(node_, word_class);
  if (!to) return false;
  if (!is_cell_node(*to)) return admits_structure(word, word_class);
  if (*to == Node::kTrack) {
    const int track = index_of(word);
    return track > track_ && track_open(track) && cell_open(bar_, beat_, track);
  }
  CellState cell = cell_;
  scratch_.clear();
  return cell_step(cell, word, scratch_) && alive(cell, scratch_);
}

bool Walk::may_end() const {
  if (filling_ && next_hole_ < frame_.holes.size()) return false;
  if (filling_ || !frame_.counts_bars) return true;
  return (index_of(bar_words_.back()) == 0) == ends_piece(frame_.form);
}

bool Walk::bar_word_fits(Word word) const {
  if (filling_) {
    return next_hole_ < frame_.holes.size() &&
           word == bar_words_[static_cast<std::size_t>(frame_.holes[next_hole_].bar)];
  }
  const bool counted = class_of(word) == WordClass::kBarsLeft;
  if (counted && index_of(word) == 0 && !ends_piece(frame_.form)) return false;
  if (bar_ < 0) return true;
  if (counted != frame_.counts_bars || bar_starts_.back() > kLongestWindow) return false;
  const int left = index_of(word), before = index_of(bar_words_.back());
  return !counted || left == before - 1 || (left == kMaxBarsLeft && before == kMaxBarsLeft);
}

bool Walk::admits_structure(Word word, WordClass word_class) const {
  const int index = index_of(word);
  const auto tracks = static_cast<int>(score_.tracks.size());
  if (bar_ == 0 && !filling_) {  // the first bar says everything, in order
    if (node_ == Node::kBar && word_class != WordClass::kUpbeat &&
        word_class != WordClass::kNumerator) {
      return false;
    }
    if (node_ == Node::kDenominator && word_class != WordClass::kKey) return false;
    if (node_ == Node::kKey && word_class != WordClass::kTempo) return false;
  }
  switch (word_class) {
    case WordClass::kEnd:
      return may_end() && (filling_ || frame_.holes.empty());
    case WordClass::kFill:
      return may_end() && !filling_ && !frame_.holes.empty();
    case WordClass::kHole:
      return tracks > 0;
    case WordClass::kUpbeat:
      return bar_ == 0 && starts_piece(frame_.form);
    case WordClass::kRange:
      return !score_.tracks.back().is_drum;
    case WordClass::kBar:
    case WordClass::kBarsLeft:
      return bar_word_fits(word);
    case WordClass::kStyle:
      return frame_.styles.empty() || index + 1 > frame_.styles.back();
    case WordClass::kTrack:
      if (node_ == Node::kHole) return index < tracks;
      if (node_ == Node::kHoleTrack) return index > frame_.holes.back().track && index < tracks;
      return index == tracks;
    case WordClass::kDenominator: {
      const Metre metre{numerator_, 1 << index};
      return bar_length(metre) <= kMaxBarLength && (bar_ == 0 || metre != score_.bars.back().metre);
    }
    case WordClass::kKey:
      return bar_ == 0 || key_of(word) != score_.bars.back().key;
    case WordClass::kTempo:
      return bar_ == 0 || index != score_.bars.back().tempo_class;
    case WordClass::kMidChord:
      return cell_count(score_.bars.back().metre) % 2 == 0;
    case WordClass::kBeat:
      if (index <= beat_ ||
          index >= cell_count(score_.bars[static_cast<std::size_t>(bar_)].metre)) {
        return false;
      }
      for (int track = 0; track < tracks; ++track) {
        if (track_open(track) && cell_open(bar_, index, track)) return true;
      }
      return false;
    case WordClass::kTone: {  // of a range
      const int pitch = index + kLowestTone;
      return pitch >= (node_ == Node::kLow ? frame_.controls.back().range->low : 0) && pitch <= 127;
    }
    default:
      return true;
  }
}

std::string Walk::refusal(Word word) const {
  if (word >= kWordCount) return fmt::format("{} is not a base word", word);
  const WordClass word_class = class_of(word);
  if (next_node(node_, word_class)) {
    const std::string_view rule = text_of(word_class).rule;
    return fmt::format("{} cannot stand here, after {}{}{}", word_text(word), text_of(node_),
                       rule.empty() ? "" : ". Its rule: ", rule);
  }
  std::string expected;
  for (const Arc& arc : arcs()) {
    if (arc.from != node_) continue;
    std::string_view name = kWordClassInfo[static_cast<std::size_t>(arc.word)].prefix;
    if (name.ends_with('_')) name.remove_suffix(1);
    if (expected.ends_with(name)) continue;  // Bar and Bar_n
    if (!expected.empty()) expected += ", ";
    expected += name;
  }
  return fmt::format("{} cannot follow {}; expected {}", word_text(word), text_of(node_), expected);
}

Status Walk::step(Word word) {
  if (!admits(word)) return fail(Error{refusal(word)});
  const Node to = *next_node(node_, class_of(word));
  if (!is_cell_node(to)) {
    take_structure(word, to);
    return {};
  }
  if (to == Node::kTrack) {
    track_ = index_of(word);
    cell_ = cell_of(track_);
    node_ = to;
    return {};
  }
  scratch_.clear();
  cell_step(cell_, word, scratch_);
  node_ = cell_.node;
  const auto track = static_cast<std::size_t>(track_);
  velocities_[track] = static_cast<std::int8_t>(cell_.velocity);
  if (node_ == Node::kNote) {
    occupancy_.add(track_, scratch_.front());
    const GridNote note{GridTick(cell_.tick()), GridTick(cell_.duration), scratch_.front().pitch,
                        static_cast<std::uint8_t>(cell_.velocity)};
    (filling_ ? fill_[track] : score_.tracks[track].notes).push_back(note);
    ++notes_;
    if (listener_ != nullptr) listener_->on_note(track_, note);
  }
  return {};
}

void Walk::take_structure(Word word, Node to) {
  const int index = index_of(word);
  switch (to) {
    case Node::kForm:
      frame_.form = static_cast<Form>(index);
      break;
    case Node::kStyle:
      frame_.styles.push_back(static_cast<std::uint8_t>(index + 1));
      break;
    case Node::kDeclare:
      score_.tracks.emplace_back();
      frame_.controls.emplace_back();
      break;
    case Node::kProgram:
      score_.tracks.back().is_drum = index == kDrumProgram;
      if (index != kDrumProgram) score_.tracks.back().program = static_cast<std::uint8_t>(index);
      break;
    case Node::kDensity:
      frame_.controls.back().density = index + 1;
      break;
    case Node::kPolyphony:
      frame_.controls.back().polyphony = index + 1;
      break;
    case Node::kLow:
      frame_.controls.back().range =
          PitchRange{static_cast<std::uint8_t>(index + kLowestTone), 127};
      break;
    case Node::kHigh:
      frame_.controls.back().range->high = static_cast<std::uint8_t>(index + kLowestTone);
      break;
    case Node::kBar:
    case Node::kFillBar:
      filling_ ? begin_fill_bar() : begin_bar(word);
      to = filling_ ? Node::kFillBar : Node::kBar;
      break;
    case Node::kUpbeat:
      score_.has_upbeat = true;
      break;
    case Node::kNumerator:
      numerator_ = index + 1;
      break;
    case Node::kDenominator:
      score_.bars.back().metre = {numerator_, 1 << index};
      break;
    case Node::kKey:
      score_.bars.back().key = key_of(word);
      break;
    case Node::kTempo:
      score_.bars.back().tempo_class = static_cast<std::uint8_t>(index);
      break;
    case Node::kChord:
    case Node::kMidChord:
      chord_root_ =
          static_cast<std::uint8_t>((index + key_offset(score_.bars.back().key) + 12) % 12);
      break;
    case Node::kChordQuality:
      score_.bars.back().chord = Chord{chord_root_, static_cast<ChordQuality>(index)};
      break;
    case Node::kMidQuality:
      score_.bars.back().chord_at_middle = Chord{chord_root_, static_cast<ChordQuality>(index)};
      break;
    case Node::kHoleTrack:
      frame_.holes.push_back({bar_, index});
      hole_mask_ |= 1u << index;
      break;
    case Node::kBeat:
      beat_ = index;
      track_ = -1;
      if (listener_ != nullptr) listener_->on_beat(bar_, beat_);
      break;
    case Node::kFill:
      begin_fill();
      break;
    default:
      break;
  }
  node_ = to;
}

void Walk::begin_bar(Word word) {
  if (bar_ < 0) {
    frame_.counts_bars = class_of(word) == WordClass::kBarsLeft;
    bar_starts_.push_back(0);
    score_.bars.emplace_back();
  } else {
    GridBar next = score_.bars.back();
    next.chord = next.chord_at_middle = std::nullopt;
    bar_starts_.push_back(bar_starts_.back() + bar_length(next.metre).count());
    score_.bars.push_back(next);
  }
  bar_words_.push_back(word);
  ++bar_;
  beat_ = track_ = -1;
  hole_mask_ = 0;
  if (listener_ != nullptr) listener_->on_bar(bar_);
}

void Walk::begin_fill() {
  filling_ = true;
  fill_.resize(score_.tracks.size());
  velocities_.fill(-1);
  occupancy_.forget_written();
  std::uint32_t tracks = 0;
  for (const Hole hole : frame_.holes) tracks |= 1u << hole.track;
  std::vector<Sound> sounds;
  for (std::size_t track = 0; track < score_.tracks.size(); ++track) {
    if (((tracks >> track) & 1) == 0) continue;
    sounds.clear();
    for (const GridNote& note : score_.tracks[track].notes) {
      sounds.push_back(
          {note.onset.count(), note.onset.count() + note.duration.count(), note.pitch});
    }
    occupancy_.add_standing(static_cast<int>(track), sounds);
  }
}

void Walk::begin_fill_bar() {
  bar_ = frame_.holes[next_hole_].bar;
  beat_ = track_ = -1;
  hole_mask_ = 0;
  for (; next_hole_ < frame_.holes.size() && frame_.holes[next_hole_].bar == bar_; ++next_hole_) {
    hole_mask_ |= 1u << frame_.holes[next_hole_].track;
  }
  if (listener_ != nullptr) listener_->on_bar(bar_);
}

std::optional<int> Walk::bars_left() const {
  if (bar_words_.empty() || !frame_.counts_bars) return std::nullopt;
  return index_of(bar_words_.back());
}

Decoded Walk::result() const {
  Decoded decoded{score_, frame_};
  for (std::size_t track = 0; track < fill_.size(); ++track) {
    auto& notes = decoded.score.tracks[track].notes;
    const auto middle = static_cast<std::ptrdiff_t>(notes.size());
    notes.insert(notes.end(), fill_[track].begin(), fill_[track].end());
    std::inplace_merge(notes.begin(), notes.begin() + middle, notes.end(),
                       [](const GridNote& a, const GridNote& b) {
                         return a.onset != b.onset ? a.onset < b.onset : a.pitch > b.pitch;
                       });
  }
  decoded.frame.bars_after = bars_left().value_or(ends_piece(frame_.form) ? 0 : 1);
  decoded.frame = canonical(std::move(decoded.frame));
  return decoded;
}

}  // namespace hemiola::tokens
