// What a mask allows beside the grammar: bars, what bars say, and that something is written.
// The tokens inside cells are in mask_cells.cpp.
#include "tokens/mask.h"

#include <algorithm>
#include <limits>

namespace hemiola::tokens {
namespace {

constexpr int kSomeDay = std::numeric_limits<int>::max();

// The order of what a bar says before its cells.
enum Stage { kBegun, kUpbeatSaid, kMetreSaid, kKeySaid, kTempoSaid, kChordSaid, kMidSaid, kMusic };

Stage stage_of(WordClass word_class) {
  switch (word_class) {
    case WordClass::kUpbeat:
      return kUpbeatSaid;
    case WordClass::kNumerator:
    case WordClass::kDenominator:
      return kMetreSaid;
    case WordClass::kKey:
      return kKeySaid;
    case WordClass::kTempo:
      return kTempoSaid;
    case WordClass::kChord:
      return kChordSaid;
    case WordClass::kMidChord:
      return kMidSaid;
    default:
      return kMusic;
  }
}

Stage stage_of(Node node) {
  switch (node) {
    case Node::kBar:
      return kBegun;
    case Node::kUpbeat:
      return kUpbeatSaid;
    case Node::kNumerator:
    case Node::kDenominator:
      return kMetreSaid;
    case Node::kKey:
      return kKeySaid;
    case Node::kTempo:
      return kTempoSaid;
    case Node::kChord:
    case Node::kChordQuality:
      return kChordSaid;
    case Node::kMidChord:
    case Node::kMidQuality:
      return kMidSaid;
    default:
      return kMusic;
  }
}

constexpr bool is_bar_word(WordClass c) {
  return c == WordClass::kBar || c == WordClass::kBarsLeft;
}

bool is_hole(const Frame& frame, int bar, int track) {
  return std::ranges::binary_search(frame.holes, Hole{bar, track});
}

Status check_plan(const BarPlan& plan) {
  GridScore score;
  GridBar& bar = score.bars.emplace_back();
  if (plan.metre) bar.metre = *plan.metre;
  if (plan.key) bar.key = *plan.key;
  if (plan.tempo_class) bar.tempo_class = *plan.tempo_class;
  if (plan.chords) {
    bar.chord = plan.chords->start;
    if (cell_count(bar.metre) % 2 == 0) bar.chord_at_middle = plan.chords->middle;
  }
  return validate(score);
}

}  // namespace

Mask::Mask(const MaskTables& tables)
    : tables_(tables),
      allowed_(tables.vocabulary().size()),
      candidates_(tables.vocabulary().size()),
      suspects_(tables.vocabulary().size()),
      doubt_(tables.vocabulary().size()) {}

Status Mask::feed(std::span<const Token> prompt) {
  if (constrained_) return fail("a prompt can only be fed before the constraints are set");
  known_ = false;
  for (std::size_t i = 0; i < prompt.size(); ++i) {
    if (prompt[i] >= tables_.vocabulary().used()) {
      return fail("prompt token {}: {} is not in use", i, prompt[i]);
    }
    for (const Word word : tables_.vocabulary().words_of(prompt[i])) {
      if (auto status = walk_.step(word); !status) {
        return fail("prompt token {} ({}): {}", i, prompt[i], status.error().message);
      }
    }
  }
  return {};
}

Status Mask::check_constraints(const Constraints& constraints) const {
  for (std::size_t i = 0; i < constraints.plan.size(); ++i) {
    if (auto status = check_plan(constraints.plan[i]); !status) {
      return fail("the plan of new bar {}: {}", i + 1, status.error().message);
    }
  }
  if (constraints.tracks.size() > kMaxTracks) {
    return fail("rules for {} tracks, at most {} can be said", constraints.tracks.size(),
                kMaxTracks);
  }
  for (std::size_t i = 0; i < constraints.tracks.size(); ++i) {
    const TrackRule& rule = constraints.tracks[i];
    if (rule.max_polyphony < 0) {
      return fail("track {}: at most {} notes at once: expected 1 or more", i + 1,
                  rule.max_polyphony);
    }
    if (rule.range && (rule.range->low > rule.range->high || rule.range->high > 127)) {
      return fail("track {}: pitch range {} to {}: expected a rising one inside 0 to 127", i + 1,
                  rule.range->low, rule.range->high);
    }
  }
  for (const StandingNote& note : constraints.standing) {
    const int length = note.sound.end - note.sound.begin;
    if (note.track < 0 || note.track >= kMaxTracks || note.sound.pitch > 127 || length < 1 ||
        length > kMaxDuration.count()) {
      return fail("a standing note in track {} of pitch {} and {} ticks cannot be", note.track + 1,
                  note.sound.pitch, length);
    }
  }
  return check_count(constraints);
}

Status Mask::check_count(const Constraints& constraints) const {
  const Node node = walk_.node();
  if (node != Node::kStart && constraints.bars && !walk_.filling() &&
      (constraints.bars_after == 0) != ends_piece(walk_.frame().form)) {
    return fail("{} bars are to follow the window, but its form says that it {} its piece",
                constraints.bars_after, ends_piece(walk_.frame().form) ? "ends" : "does not end");
  }
  if (constraints.bars && (*constraints.bars < 0 || constraints.bars_after < 0)) {
    return fail("{} bars and {} after them: expected no negative number", *constraints.bars,
                constraints.bars_after);
  }
  if (walk_.bar() < 0) {
    if (constraints.bars == 0) return fail("no bars are to be written, and the prompt has none");
    if (constraints.upbeat == true && node != Node::kStart && !starts_piece(walk_.frame().form)) {
      return fail("an upbeat is asked for in a window that does not start its piece");
    }
  }
  return {};
}

Status Mask::constrain(const Constraints& constraints) {
  if (constrained_) return fail("the constraints are set already");
  if (done()) return fail("the prompt is at its end: nothing can follow");
  HEMIOLA_CHECK(check_constraints(constraints));
  rules_ = constraints;
  constrained_ = true;
  known_ = false;
  first_new_bar_ = walk_.bar() + 1;
  if (!walk_.filling()) sealed_bar_ = walk_.bar();
  walk_.set_listener(listener_);
  walk_.limit_to_scale(rules_.scale);
  for (std::size_t i = 0; i < rules_.tracks.size(); ++i) {
    const TrackRule& rule = rules_.tracks[i];
    const auto track = static_cast<int>(i);
    if (rule.range) {
      walk_.limit_pitches(track, PitchSet::range(rule.range->low, rule.range->high));
    }
    if (rule.max_polyphony > 0) walk_.limit_polyphony(track, rule.max_polyphony);
  }
  for (const StandingNote& note : rules_.standing) {
    walk_.add_standing(note.track, std::span(&note.sound, 1));
  }
  if (rules_.non_empty != NonEmpty::kNot && walk_.bar() >= 0 && walk_.tracks().empty() &&
      rules_.bars != 0) {
    return fail("a note is asked for, but the prompt declares no track");
  }
  HEMIOLA_CHECK(check_pitches());
  if (walk_.filling()) make_duties();
  if (sealed_bar_ >= 0 && allowed().empty()) {
    if (rules_.bars && walk_.bars_left()) {
      return fail(
          "the prompt's last bar says that {}{} bars of the piece follow it, which does not agree "
          "with {} new bars and {} after them",
          *walk_.bars_left(), *walk_.bars_left() == kMaxBarsLeft ? " or more" : "", *rules_.bars,
          rules_.bars_after);
    }
    return fail("the prompt breaks off inside a bar, after {}", text_of(walk_.node()));
  }
  return {};
}

// Where notes are asked for, is there a pitch that range and scale both allow?
Status Mask::check_pitches() const {
  if (rules_.non_empty == NonEmpty::kNot || rules_.bars == 0) return {};
  std::vector<std::optional<Key>> keys;
  for (const BarPlan& bar : rules_.plan) {
    if (!bar.key) return {};  // the model may choose one that fits
    keys.push_back(*bar.key);
  }
  if (walk_.filling()) {
    keys.clear();
    for (const Hole hole : walk_.frame().holes) {
      keys.push_back(walk_.bars()[static_cast<std::size_t>(hole.bar)].key);
    }
  }
  if (keys.empty()) return {};
  bool any = false;
  for (std::size_t track = 0; track < walk_.tracks().size(); ++track) {
    const auto is_track = [&](Hole hole) { return hole.track == static_cast<int>(track); };
    if (walk_.filling() && std::ranges::none_of(walk_.frame().holes, is_track)) continue;
    PitchRange range;
    if (track < rules_.tracks.size()) range = rules_.tracks[track].range.value_or(range);
    const PitchSet limit = PitchSet::range(range.low, range.high);
    const bool possible =
        walk_.tracks()[track].is_drum || std::ranges::any_of(keys, [&](const auto& key) {
          return !(limit & scale_pitches(rules_.scale, key)).empty();
        });
    any |= possible;
    if (!possible && rules_.non_empty == NonEmpty::kEveryTrack) {
      return fail("track {}: no pitch from {} to {} is in the scale", track + 1, range.low,
                  range.high);
    }
  }
  if (!any && !walk_.tracks().empty()) {
    return fail("no pitch is both in the tracks' ranges and in the scale");
  }
  return {};
}

bool Mask::sealed() const {
  return constrained_ && sealed_bar_ >= 0 && walk_.bar() == sealed_bar_ && !walk_.filling();
}

const BarPlan& Mask::plan() const {
  static const BarPlan kFreePlan;
  if (rules_.plan.empty()) return kFreePlan;
  const auto index = static_cast<std::size_t>(std::max(0, walk_.bar() - first_new_bar_));
  return rules_.plan[std::min(index, rules_.plan.size() - 1)];
}

std::optional<Word> Mask::expected_bar() const {
  const int index = walk_.bar() + 1 - first_new_bar_;
  if (index >= *rules_.bars) return std::nullopt;
  const bool counted = walk_.bar() < 0 ? rules_.counts_bars : walk_.frame().counts_bars;
  if (!counted) return kBarWord;
  const std::int64_t left = std::int64_t{*rules_.bars} - 1 - index + rules_.bars_after;
  return word_at(WordClass::kBarsLeft,
                 static_cast<int>(std::min<std::int64_t>(left, kMaxBarsLeft)));
}

bool Mask::is_last_bar() const {
  if (walk_.bar() < first_new_bar_) return false;
  if (rules_.bars) return walk_.bar() - first_new_bar_ == *rules_.bars - 1;
  const auto left = walk_.bars_left();
  return left && *left == (ends_piece(walk_.frame().form) ? 0 : 1);
}

bool Mask::permits_bar(Word word, WordClass word_class) const {
  const bool ends = word_class == WordClass::kEnd || word_class == WordClass::kFill;
  if (walk_.filling()) return permits_leaving_bar();
  if (walk_.bar() < 0) {
    if (rules_.non_empty != NonEmpty::kNot && walk_.tracks().empty()) return false;
    return !rules_.bars || word == *expected_bar();
  }
  if (!permits_leaving_bar()) return false;
  if (ends) {
    if (word_class == WordClass::kEnd && !is_last_bar()) {
      for (const Duty& duty : duties_) {
        if (duty.open) return false;
      }
      // Nothing new at all is allowed for only where that was asked.
      if (!rules_.bars && duties_.empty() && rules_.non_empty != NonEmpty::kNot) return false;
    }
    return !rules_.bars || walk_.bar() + 1 - first_new_bar_ == *rules_.bars;
  }
  if (!rules_.bars) return true;
  const auto expected = expected_bar();
  return expected && word == *expected;
}

bool Mask::permits_bar_head(Word word, WordClass word_class) const {
  const BarPlan& p = plan();
  const GridBar& bar = walk_.bars().back();
  const bool first = walk_.bar() == 0;
  const Stage now = stage_of(walk_.node());
  const Stage then = word_class == WordClass::kQuality || word_class == WordClass::kDenominator
                         ? now
                         : stage_of(word_class);
  // What must be said and would be passed over.
  const auto skips = [&](Stage stage, bool must) { return must && now < stage && stage < then; };
  const bool middle = cell_count(bar.metre) % 2 == 0;
  if (skips(kUpbeatSaid, first && rules_.upbeat == true) ||
      skips(kMetreSaid, p.metre && (first || *p.metre != bar.metre)) ||
      skips(kKeySaid, p.key && (first || *p.key != bar.key)) ||
      skips(kTempoSaid, p.tempo_class && (first || *p.tempo_class != bar.tempo_class)) ||
      skips(kChordSaid, p.chords && p.chords->start) ||
      skips(kMidSaid, p.chords && p.chords->middle && middle)) {
    return false;
  }
  const int index = index_of(word);
  const auto root_fits = [&](const std::optional<Chord>& chord) {
    return chord && index == (chord->root - key_offset(bar.key) + 12) % 12;
  };
  switch (word_class) {
    case WordClass::kUpbeat:
      return rules_.upbeat != false;
    case WordClass::kNumerator:
      return !p.metre || (index + 1 == p.metre->numerator && (first || *p.metre != bar.metre));
    case WordClass::kDenominator:
      return !p.metre || 1 << index == p.metre->denominator;
    case WordClass::kKey:
      // Where notes are to be of the key's scale, there must be a key.
      return p.key ? key_of(word) == *p.key : rules_.scale == Scale::kFree || key_of(word);
    case WordClass::kTempo:
      return !p.tempo_class || index == *p.tempo_class;
    case WordClass::kChord:
      return !p.chords || root_fits(p.chords->start);
    case WordClass::kMidChord:
      return !p.chords || root_fits(p.chords->middle);
    case WordClass::kQuality: {
      if (!p.chords) return true;
      const auto& chord = walk_.node() == Node::kChord ? p.chords->start : p.chords->middle;
      return index == static_cast<int>(chord->quality);
    }
    default:
      return true;
  }
}

bool Mask::permits(Word word) const {
  if (!constrained_) return true;
  const WordClass word_class = class_of(word);
  const bool leaves =
      is_bar_word(word_class) || word_class == WordClass::kFill || word_class == WordClass::kEnd;
  if (word_class == WordClass::kHole) return false;
  if (word_class == WordClass::kForm) {
    const auto form = static_cast<Form>(index_of(word));
    return starts_piece(form) && (!rules_.bars || ends_piece(form) == (rules_.bars_after == 0));
  }
  if (walk_.bar() < 0 || walk_.filling()) {
    if (leaves) return permits_bar(word, word_class);
    if (walk_.filling() && word_class == WordClass::kBeat) return permits_move(index_of(word), -1);
    if (walk_.filling() && word_class == WordClass::kTrack) {
      return permits_move(walk_.beat(), index_of(word));
    }
    return true;
  }
  if (sealed()) return leaves && permits_bar(word, word_class);
  if (walk_.beat() < 0 && !permits_bar_head(word, word_class)) return false;
  if (leaves) return permits_bar(word, word_class);
  if (word_class == WordClass::kBeat) return permits_move(index_of(word), -1);
  if (word_class == WordClass::kTrack) return permits_move(walk_.beat(), index_of(word));
  return true;
}

bool Mask::permits_move(int beat, int track) const {
  for (const Duty& duty : duties_) {
    if (!duty.open || duty.track < 0 || duty.last_bar != walk_.bar()) continue;
    if (duty.last_beat < beat) return false;
    if (track >= 0 && duty.last_beat == beat && duty.track < track) return false;
  }
  return true;
}

bool Mask::permits_leaving_bar() const {
  return std::ranges::none_of(duties_, [&](const Duty& duty) {
    return duty.open && duty.last_bar == walk_.bar() && duty.last_beat >= 0;
  });
}

void Mask::make_duties() {
  duties_.clear();
  if (!walk_.filling() && rules_.sounding_end && rules_.bars && rules_.bars_after == 0) {
    const int last = first_new_bar_ + *rules_.bars - 1;
    duties_.push_back({-1, last, last, last, -1});
    duties_.back().to_sound = true;
  }
  const bool every = rules_.non_empty == NonEmpty::kEveryTrack;
  if (!walk_.filling()) {
    if (rules_.non_empty == NonEmpty::kSomewhere) {
      duties_.push_back({-1, 0, kSomeDay, kSomeDay, -1});
    }
    for (std::size_t track = 0; track < walk_.tracks().size(); ++track) {
      const bool must = track < rules_.tracks.size() && rules_.tracks[track].must_play;
      if (every || must) duties_.push_back({static_cast<int>(track), 0, kSomeDay, kSomeDay, -1});
    }
    return;
  }
  if (rules_.non_empty == NonEmpty::kNot) return;
  std::uint32_t tracks = 0;
  int last = 0;
  for (const Hole hole : walk_.frame().holes) {
    if (hole.bar < walk_.bar() && walk_.node() != Node::kFill) continue;  // filled by the prompt
    tracks |= 1u << hole.track;
    last = hole.bar;
    if (duties_.empty() || hole.bar > duties_.back().end_bar + 1) {
      duties_.push_back({-1, hole.bar, hole.bar, hole.bar, -1});
    }
    duties_.back().end_bar = duties_.back().last_bar = hole.bar;
  }
  for (int track = 0; every && track < kMaxTracks; ++track) {
    if (((tracks >> track) & 1) != 0) duties_.push_back({track, 0, last, last, -1});
  }
}

bool Mask::find_last_place(Duty& duty) const {
  const int now = walk_.bar();
  const bool filling = walk_.filling();
  for (int bar = filling ? duty.end_bar : now; bar >= now; --bar) {
    const Metre metre = walk_.bars()[static_cast<std::size_t>(bar)].metre;
    for (int beat = cell_count(metre) - 1; beat >= 0; --beat) {
      for (int track = 0; track < static_cast<int>(walk_.tracks().size()); ++track) {
        if (duty.track >= 0 && track != duty.track) continue;
        if (is_hole(walk_.frame(), bar, track) != filling) continue;
        if (!walk_.cell_open(bar, beat, track)) continue;
        duty.last_bar = bar;
        duty.last_beat = beat;
        return true;
      }
    }
  }
  return false;
}

// Looks up where the duties that end in this bar, or in this run of holes, can be done last. As
// long as nothing is written for them, what is found stays true; what a bar says before its cells
// can still change it, so it is looked up again until the first beat.
void Mask::refresh_duties() {
  if (walk_.bar() < 0 || walk_.beat() >= 0 || sealed()) return;
  if (walk_.filling() && walk_.node() != Node::kFillBar) return;
  if (!walk_.filling()) {
    if (walk_.node() == Node::kBar && walk_.bar() == first_new_bar_) make_duties();
    if (!is_last_bar()) return;
  }
  for (Duty& duty : duties_) {
    if (duty.to_sound && sounds_into_bar()) duty.open = false;
    if (!duty.open || (walk_.filling() && duty.first_bar > walk_.bar())) continue;
    if (walk_.filling()) {
      duty.open = find_last_place(duty);
      duty.impossible = !duty.open;
    } else if (!find_last_place(duty)) {
      duty.last_beat = -1;  // nowhere as the bar stands; what it goes on to say may change that
    }
  }
}

bool Mask::sounds_into_bar() const {
  const int start = walk_.bar_start(walk_.bar());
  const Occupancy& occupancy = walk_.occupancy();
  for (int track = 0; track < static_cast<int>(walk_.tracks().size()); ++track) {
    if (!occupancy.written_after(track, start).empty()) return true;
    if (!occupancy.standing_within(track, start, start + 1).empty()) return true;
  }
  return false;
}

bool Mask::unfulfilled() const {
  return std::ranges::any_of(duties_, [&](const Duty& duty) {
    return duty.impossible || (done() && duty.open && !duty.to_sound);
  });
}

void Mask::note_written(int track) {
  ++new_notes_;
  for (Duty& duty : duties_) {
    const bool here = duty.track >= 0
                          ? duty.track == track
                          : duty.first_bar <= walk_.bar() && walk_.bar() <= duty.end_bar;
    if (here) duty.open = false;
  }
}

const TokenSet& Mask::allowed() {
  if (known_) return allowed_;
  known_ = true;
  allowed_.clear();
  if (constrained_) refresh_duties();
  add_words();
  return allowed_;
}

std::optional<Token> Mask::forced() {
  const TokenSet& set = allowed();
  if (set.size() != 1) return std::nullopt;
  std::optional<Token> only;
  set.for_each([&](Token token) { only = token; });
  return only;
}

Status Mask::advance(Token token) {
  if (token >= tables_.vocabulary().size() || !allowed().has(token)) {
    return fail("token {} is not allowed after {}", token, text_of(walk_.node()));
  }
  known_ = false;
  for (const Word word : tables_.vocabulary().words_of(token)) {
    const int notes = walk_.notes();
    HEMIOLA_CHECK(walk_.step(word));
    if (constrained_ && walk_.notes() > notes) note_written(walk_.track());
    if (constrained_ && word == kFillWord) make_duties();
  }
  return {};
}

}  // namespace hemiola::tokens
