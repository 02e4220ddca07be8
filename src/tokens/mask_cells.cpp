// The tokens inside cells, by sets: what is surely allowed is taken as a whole, what is surely not
// is dropped as a whole, and only what is in doubt (because pitches that sound or stand are in it,
// say) is walked through word by word.
#include <algorithm>

#include "tokens/mask.h"

namespace hemiola::tokens {

void Mask::add_words() {
  const Node node = walk_.node();
  const bool open = !sealed();
  if (open && is_cell_node(node)) {
    add_cell_tokens(walk_.cell(), tables_.may_follow[static_cast<std::size_t>(node)]);
  }
  if (open && (node == Node::kBeat || node == Node::kNote)) {
    for (int track = walk_.track() + 1; track < static_cast<int>(walk_.tracks().size()); ++track) {
      const Word word = word_at(WordClass::kTrack, track);
      if (!permits(word) || !walk_.admits(word)) continue;
      add_cell_tokens(walk_.cell_of(track), tables_.begins_track[static_cast<std::size_t>(track)]);
    }
  }
  for (const Arc& arc : arcs_from(node)) {
    if (is_cell_node(arc.to)) continue;
    const WordRange range = range_of(arc.word);
    for (int i = 0; i < range.count; ++i) {
      const auto word = static_cast<Word>(range.first + i);
      if (permits(word) && walk_.admits(word)) allowed_.insert(word);
    }
  }
}

const TokenSet& Mask::in_range(const CellState& cell) {
  RangeCache& cache = ranges_[static_cast<std::size_t>(cell.track)];
  if (cache.pitches == cell.pitches && cache.offset == cell.offset &&
      cache.is_drum == cell.is_drum) {
    return cache.tokens;
  }
  cache.pitches = cell.pitches;
  cache.offset = cell.offset;
  cache.is_drum = cell.is_drum;
  cache.tokens = TokenSet(tables_.vocabulary().size());
  for (int token = 0; token < tables_.vocabulary().used(); ++token) {
    cache.tokens.insert(static_cast<Token>(token));
  }
  cache.tokens -= cell.is_drum ? tables_.melodic : tables_.percussive;
  if (cell.is_drum) {
    for (int key = 0; key < 128; ++key) {
      if (!cell.pitches.has(key)) cache.tokens -= tables_.has_drum[static_cast<std::size_t>(key)];
    }
  } else {
    for (int tone = 0; tone < kTones; ++tone) {
      const int pitch = tone + kLowestTone + cell.offset;
      if (pitch < 0 || pitch > 127 || !cell.pitches.has(pitch)) {
        cache.tokens -= tables_.has_tone[static_cast<std::size_t>(tone)];
      }
    }
  }
  return cache.tokens;
}

const TokenSet* Mask::having(const CellState& cell, int pitch) const {
  if (cell.is_drum) return &tables_.has_drum[static_cast<std::size_t>(pitch)];
  const int tone = pitch - kLowestTone - cell.offset;
  return tone < 0 || tone >= kTones ? nullptr : &tables_.has_tone[static_cast<std::size_t>(tone)];
}

// Tokens with pitches that sound, or that stand where the token's notes may reach.
void Mask::suspect_sounding(const CellState& cell) {
  const Occupancy& occupancy = walk_.occupancy();
  const int from = cell.start + std::max<int>(cell.position, 0);
  PitchSet doubtful = occupancy.written_after(cell.track, from);
  if (occupancy.has_standing(cell.track)) {
    const int end = cell.start + cell.length;
    const PitchSet any = occupancy.standing_within(cell.track, from, end + kMaxDuration.count());
    const bool all_long = cell.duration > MaskTables::kShortNote;
    doubtful = doubtful | (all_long ? any
                                    : occupancy.standing_within(cell.track, from,
                                                                end + MaskTables::kShortNote));
    (any - doubtful).for_each([&](int pitch) {
      if (const TokenSet* set = having(cell, pitch))
        suspects_.insert_both(*set, tables_.long_notes);
    });
    if (!any.empty()) suspects_ |= tables_.joins_chord;
  }
  doubtful.for_each([&](int pitch) {
    if (const TokenSet* set = having(cell, pitch)) suspects_ |= *set;
  });
}

void Mask::suspect_polyphony(const CellState& cell) {
  const Occupancy& occupancy = walk_.occupancy();
  const int limit = occupancy.polyphony_limit(cell.track);
  if (limit == 0 || limit > 127) return;
  candidates_ -= tables_.at_once_over[static_cast<std::size_t>(limit)];
  const int sounding =
      occupancy.written_count_after(cell.track, cell.start + std::max<int>(cell.position, 0));
  if (cell.position >= 0) {
    const int room = std::max(0, limit - sounding);
    candidates_ -= tables_.head_over[static_cast<std::size_t>(room)];
  }
  const bool alone = sounding == 0 && !occupancy.has_standing(cell.track);
  suspects_ |= alone ? tables_.several_onsets : tables_.has_notes;
}

// Tokens after which a note must follow: surely one can where some low pitch is free throughout.
void Mask::suspect_dangling(const CellState& cell) {
  const Occupancy& occupancy = walk_.occupancy();
  const int from = cell.start + std::max<int>(cell.position, 0);
  const int end = cell.start + cell.length + kMaxDuration.count();
  const PitchSet free = cell.pitches - occupancy.written_after(cell.track, from) -
                        occupancy.standing_within(cell.track, from, end);
  const int pitch = free.lowest();
  const TokenSet* same = pitch < 128 ? having(cell, pitch) : nullptr;
  if (same == nullptr || occupancy.polyphony_limit(cell.track) > 0) {
    suspects_ |= tables_.dangling;
    return;
  }
  doubt_ = tables_.dangling;
  doubt_ -= tables_.dangling_free;
  if (cell.below > pitch) doubt_ -= tables_.dangling_inherits;
  doubt_ -=
      cell.is_drum
          ? tables_.dangling_above_drum[static_cast<std::size_t>(pitch)]
          : tables_
                .dangling_above_tone[static_cast<std::size_t>(pitch - kLowestTone - cell.offset)];
  suspects_ |= doubt_;
  suspects_.insert_both(tables_.dangling, *same);
  suspects_.insert_both(tables_.dangling, tables_.joins_chord);
}

// Tokens that go on downwards from the last note: their pitches depend on it.
void Mask::drop_bad_chords(const CellState& cell) {
  doubt_ = candidates_;
  doubt_ &= tables_.joins_chord;
  doubt_ -= suspects_;
  if (doubt_.empty()) return;
  const PitchSet free = cell.pitches - walk_.occupancy().written_after(cell.track, cell.tick());
  PitchSet good;  // bit n: n semitones below the last note
  (free & PitchSet::below(cell.below)).for_each([&](int pitch) {
    good.insert(cell.below - pitch);
  });
  doubt_.for_each([&](Token token) {
    if (!(tables_.head_downs(token) - good).empty()) candidates_.erase(token);
  });
}

void Mask::add_cell_tokens(const CellState& cell, const TokenSet& beginning) {
  candidates_ = beginning;
  const int next_position = std::max<int>(cell.position + 1, cell.first_position);
  candidates_ &= tables_.position_from[static_cast<std::size_t>(next_position)];
  candidates_ &= tables_.position_below[static_cast<std::size_t>(cell.length)];
  candidates_ -= cell.velocity < 0
                     ? tables_.needs_velocity
                     : tables_.first_velocity[static_cast<std::size_t>(cell.velocity)];
  if (cell.duration == 0) {
    candidates_ -= tables_.needs_duration;
  } else if (const int index = duration_index(cell.duration);
             index >= 0 && cell.node != Node::kLong) {
    candidates_ -= tables_.first_duration[static_cast<std::size_t>(index)];
  }
  if (!cell.is_drum) {
    candidates_ -= cell.below == 128 ? tables_.joins_chord : tables_.opens_position;
  } else {
    candidates_ &= tables_.head_drum_below[static_cast<std::size_t>(cell.below)];
  }
  candidates_ &= in_range(cell);

  suspects_ = tables_.may_collide;
  suspects_ |= tables_.fragment;
  suspects_ |= tables_.odd_first_duration;
  if (cell.node == Node::kLong) suspects_ |= candidates_;
  suspect_sounding(cell);
  suspect_polyphony(cell);
  suspect_dangling(cell);
  drop_bad_chords(cell);

  suspects_ &= candidates_;
  candidates_ -= suspects_;
  allowed_ |= candidates_;
  suspects_.for_each([&](Token token) {
    auto words = tables_.vocabulary().words_of(token);
    if (class_of(words.front()) == WordClass::kTrack) words = words.subspan(1);
    if (walk_.cell_admits(cell, words)) allowed_.insert(token);
  });
}

}  // namespace hemiola::tokens
