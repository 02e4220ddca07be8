// A score and its frame as base words, in one pass. The sink decides what becomes of them: tokens,
// counts, text. Only for src/tokens.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "score/grid_score.h"
#include "tokens/frame.h"
#include "tokens/words.h"

namespace hemiola::tokens {

// Sink: void word(Word), one that is never merged; void segment(std::span<Word>), a Track and its
// notes in one cell, which it may overwrite; void bar(), before each bar's word but a fill's;
// void fill(), before Fill.
template <class Sink>
class WordWriter {
 public:
  // The score is valid and the frame fits it.
  WordWriter(const GridScore& score, const Frame& frame, Sink& sink)
      : score_(score), frame_(frame), sink_(sink) {}

  void write() {
    write_header();
    restart();
    auto hole = frame_.holes.begin();
    std::int32_t start = 0;
    for (std::size_t i = 0; i < score_.bars.size(); ++i) {
      sink_.bar();
      sink_.word(bar_word(i));
      write_bar_head(i);
      std::uint32_t holes = 0;
      for (; hole != frame_.holes.end() && hole->bar == static_cast<int>(i); ++hole) {
        if (holes == 0) sink_.word(kHoleWord);
        holes |= 1u << hole->track;
        sink_.word(word_at(WordClass::kTrack, hole->track));
      }
      write_cells(score_.bars[i], start, ~holes);
      start += bar_length(score_.bars[i].metre).count();
    }
    if (!frame_.holes.empty()) write_fill();
    sink_.word(kEndWord);
  }

  void write_header() {
    sink_.word(word_at(WordClass::kForm, static_cast<int>(frame_.form)));
    for (const std::uint8_t style : frame_.styles)
      sink_.word(word_at(WordClass::kStyle, style - 1));
    for (std::size_t i = 0; i < score_.tracks.size(); ++i) {
      const GridTrack& track = score_.tracks[i];
      sink_.word(word_at(WordClass::kTrack, static_cast<int>(i)));
      sink_.word(word_at(WordClass::kProgram, track.is_drum ? kDrumProgram : track.program));
      if (frame_.controls.empty()) continue;
      const TrackControls& controls = frame_.controls[i];
      if (controls.density) sink_.word(word_at(WordClass::kDensity, *controls.density - 1));
      if (controls.polyphony) sink_.word(word_at(WordClass::kPolyphony, *controls.polyphony - 1));
      if (controls.range) {
        sink_.word(kRangeWord);
        sink_.word(tone_word(controls.range->low, 0));
        sink_.word(tone_word(controls.range->high, 0));
      }
    }
  }

 private:
  static constexpr std::int32_t kNever = std::numeric_limits<std::int32_t>::max();

  Word bar_word(std::size_t bar) const {
    if (!frame_.counts_bars) return kBarWord;
    const auto left = static_cast<int>(score_.bars.size() - 1 - bar) + frame_.bars_after;
    return word_at(WordClass::kBarsLeft, std::min(left, kMaxBarsLeft));
  }

  void write_bar_head(std::size_t i) {
    const GridBar& bar = score_.bars[i];
    const GridBar* before = i > 0 ? &score_.bars[i - 1] : nullptr;
    if (i == 0 && score_.has_upbeat) sink_.word(kUpbeatWord);
    if (before == nullptr || before->metre != bar.metre) {
      sink_.word(word_at(WordClass::kNumerator, bar.metre.numerator - 1));
      sink_.word(word_at(WordClass::kDenominator,
                         std::countr_zero(static_cast<unsigned>(bar.metre.denominator))));
    }
    if (before == nullptr || before->key != bar.key) sink_.word(key_word(bar.key));
    if (before == nullptr || before->tempo_class != bar.tempo_class) {
      sink_.word(word_at(WordClass::kTempo, bar.tempo_class));
    }
    const auto chord = [&](WordClass word_class, const std::optional<Chord>& said) {
      if (!said) return;
      sink_.word(word_at(word_class, (said->root - key_offset(bar.key) + 12) % 12));
      sink_.word(word_at(WordClass::kQuality, static_cast<int>(said->quality)));
    };
    chord(WordClass::kChord, bar.chord);
    chord(WordClass::kMidChord, bar.chord_at_middle);
  }

  void restart() {
    velocities_.fill(-1);
    positions_.fill(0);
    for (std::size_t track = 0; track < score_.tracks.size(); ++track) note_next(track);
  }

  void note_next(std::size_t track) {
    const auto& notes = score_.tracks[track].notes;
    next_[track] =
        positions_[track] < notes.size() ? notes[positions_[track]].onset.count() : kNever;
  }

  // Passes over the track's notes that begin before the tick.
  void skip(std::size_t track, std::int32_t tick) {
    const auto& notes = score_.tracks[track].notes;
    if (next_[track] >= tick) return;
    const auto found = std::partition_point(
        notes.begin() + static_cast<std::ptrdiff_t>(positions_[track]), notes.end(),
        [&](const GridNote& note) { return note.onset.count() < tick; });
    positions_[track] = static_cast<std::size_t>(found - notes.begin());
    note_next(track);
  }

  // One bar's cells of the tracks in the mask; the others' notes in it are passed over.
  void write_cells(const GridBar& bar, std::int32_t start, std::uint32_t tracks) {
    const std::int32_t bar_end = start + bar_length(bar.metre).count();
    const std::int32_t length = cell_length(bar.metre).count();
    const int offset = key_offset(bar.key);
    const std::size_t count = score_.tracks.size();
    std::int32_t first = kNever;
    for (std::size_t track = 0; track < count; ++track) {
      if (((tracks >> track) & 1) == 0) {
        skip(track, bar_end);
      } else {
        first = std::min(first, next_[track]);
      }
    }
    while (first < bar_end) {
      const std::int32_t beat = (first - start) / length;
      const std::int32_t cell_start = start + beat * length;
      const std::int32_t cell_end = std::min(cell_start + length, bar_end);
      sink_.word(word_at(WordClass::kBeat, beat));
      first = kNever;
      for (std::size_t track = 0; track < count; ++track) {
        if (((tracks >> track) & 1) == 0) continue;
        if (next_[track] < cell_end) write_cell(track, cell_start, cell_end, offset);
        first = std::min(first, next_[track]);
      }
    }
  }

  void write_cell(std::size_t track_index, std::int32_t start, std::int32_t end, int offset) {
    const GridTrack& track = score_.tracks[track_index];
    segment_.clear();
    segment_.push_back(word_at(WordClass::kTrack, static_cast<int>(track_index)));
    int position = -1, duration = 0, pitch = 0;
    std::size_t i = positions_[track_index];
    for (; i < track.notes.size() && track.notes[i].onset.count() < end; ++i) {
      const GridNote& note = track.notes[i];
      const bool first = note.onset.count() - start != position;
      if (first) {
        position = note.onset.count() - start;
        segment_.push_back(word_at(WordClass::kPosition, position));
      }
      if (note.velocity_class != velocities_[track_index]) {
        velocities_[track_index] = static_cast<std::int8_t>(note.velocity_class);
        segment_.push_back(word_at(WordClass::kVelocity, note.velocity_class));
      }
      if (note.duration.count() != duration) {
        duration = note.duration.count();
        write_duration(duration);
      }
      if (track.is_drum) {
        segment_.push_back(word_at(WordClass::kDrum, note.pitch));
      } else if (first) {
        segment_.push_back(tone_word(note.pitch, offset));
      } else {
        segment_.push_back(word_at(WordClass::kDown, pitch - note.pitch - 1));
      }
      pitch = note.pitch;
    }
    positions_[track_index] = i;
    note_next(track_index);
    sink_.segment(std::span<Word>(segment_));
  }

  void write_duration(int ticks) {
    if (const int index = duration_index(ticks); index >= 0) {
      segment_.push_back(word_at(WordClass::kDuration, index));
      return;
    }
    const int quarters = (ticks - 1) / kGridQuarter.count();
    for (std::size_t i = 0; i < kLongs.size(); ++i) {
      if ((quarters & kLongs[i]) != 0) {
        segment_.push_back(word_at(WordClass::kLong, static_cast<int>(i)));
      }
    }
    const int rest = ticks - quarters * kGridQuarter.count();
    segment_.push_back(word_at(WordClass::kDuration, duration_index(rest)));
  }

  void write_fill() {
    sink_.fill();
    sink_.word(kFillWord);
    restart();
    std::int32_t start = 0;
    std::size_t bar = 0;
    for (auto hole = frame_.holes.begin(); hole != frame_.holes.end();) {
      const auto filled = static_cast<std::size_t>(hole->bar);
      for (; bar < filled; ++bar) start += bar_length(score_.bars[bar].metre).count();
      std::uint32_t tracks = 0;
      for (; hole != frame_.holes.end() && static_cast<std::size_t>(hole->bar) == filled; ++hole) {
        tracks |= 1u << hole->track;
        skip(static_cast<std::size_t>(hole->track), start);
      }
      sink_.word(bar_word(filled));
      write_cells(score_.bars[filled], start, tracks);
    }
  }

  const GridScore& score_;
  const Frame& frame_;
  Sink& sink_;
  std::array<std::int8_t, kMaxTracks> velocities_{};
  std::array<std::size_t, kMaxTracks> positions_{};  // of each track's next note
  std::array<std::int32_t, kMaxTracks> next_{};      // its onset
  std::vector<Word> segment_;
};

}  // namespace hemiola::tokens
