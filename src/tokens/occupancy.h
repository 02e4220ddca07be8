// What sounds in each track, and what stands there already: how long a note of a pitch may last
// from a tick on without running into another of the same pitch, or past a limit of polyphony.
// Notes are added in the order of their onsets, track by track; standing notes may lie anywhere.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "score/grid_score.h"

namespace hemiola::tokens {

// A set of the 128 MIDI keys.
struct PitchSet {
  std::array<std::uint64_t, 2> bits{};

  static constexpr PitchSet all() { return {{~std::uint64_t{0}, ~std::uint64_t{0}}}; }
  // The pitches 0 to limit - 1; 0 <= limit <= 128.
  static constexpr PitchSet below(int limit) {
    const auto mask = [](int n) {
      return n <= 0 ? 0 : n >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << n) - 1;
    };
    return {{mask(limit), mask(limit - 64)}};
  }
  static constexpr PitchSet range(int low, int high) { return below(high + 1) - below(low); }

  constexpr bool has(int pitch) const { return (bits[index(pitch)] >> (pitch & 63)) & 1; }
  constexpr void insert(int pitch) { bits[index(pitch)] |= std::uint64_t{1} << (pitch & 63); }
  constexpr bool empty() const { return (bits[0] | bits[1]) == 0; }
  constexpr int lowest() const {  // 128 where empty
    return bits[0] != 0 ? std::countr_zero(bits[0]) : 64 + std::countr_zero(bits[1]);
  }
  constexpr int size() const { return std::popcount(bits[0]) + std::popcount(bits[1]); }

  friend constexpr PitchSet operator&(PitchSet a, PitchSet b) {
    return {{a.bits[0] & b.bits[0], a.bits[1] & b.bits[1]}};
  }
  friend constexpr PitchSet operator|(PitchSet a, PitchSet b) {
    return {{a.bits[0] | b.bits[0], a.bits[1] | b.bits[1]}};
  }
  friend constexpr PitchSet operator-(PitchSet a, PitchSet b) {
    return {{a.bits[0] & ~b.bits[0], a.bits[1] & ~b.bits[1]}};
  }
  constexpr bool operator==(const PitchSet&) const = default;

  // Calls f(pitch) from low to high.
  template <class F>
  constexpr void for_each(F f) const {
    for (int half = 0; half < 2; ++half) {
      for (std::uint64_t rest = bits[static_cast<std::size_t>(half)]; rest != 0; rest &= rest - 1) {
        f(64 * half + std::countr_zero(rest));
      }
    }
  }

 private:
  static constexpr std::size_t index(int pitch) { return static_cast<std::size_t>(pitch) >> 6; }
};

// Ticks from the start of the window; a standing note may begin before it.
struct Sound {
  std::int32_t begin = 0;
  std::int32_t end = 0;
  std::uint8_t pitch = 0;
};

class Occupancy {
 public:
  // At most so many notes of the track at once; 0: no limit.
  void limit_polyphony(int track, int limit) { at(track).polyphony = limit; }
  int polyphony_limit(int track) const { return at(track).polyphony; }

  // A note that has been written: its begin no earlier than that of any before it in the track.
  void add(int track, Sound sound);
  // Forgets what was written, not what stands.
  void forget_written();
  // Notes that were there beforehand, in any order.
  void add_standing(int track, std::span<const Sound> sounds);
  bool has_standing(int track) const { return !at(track).standing.empty(); }

  // How long a note of this pitch may last from `tick` on, up to kMaxDuration; 0: it may not begin.
  // `also`: notes taken as written beside those that were added.
  int room(int track, int pitch, int tick, std::span<const Sound> also = {}) const;
  // The longest room among these pitches.
  int longest_room(int track, PitchSet among, int tick, std::span<const Sound> also = {}) const;

  // Pitches of the track that sound (as written) after `tick`; how many do.
  PitchSet written_after(int track, int tick) const;
  int written_count_after(int track, int tick) const;
  // Pitches whose standing notes end after `from` and begin before `to`.
  PitchSet standing_within(int track, int from, int to) const;

 private:
  struct TrackState {
    int polyphony = 0;
    std::vector<Sound> written;       // those that may still sound
    std::vector<Sound> standing;      // by begin
    std::vector<int> standing_count;  // how many of them sound when each begins
    PitchSet standing_pitches;
  };
  const TrackState& at(int track) const { return tracks_[static_cast<std::size_t>(track)]; }
  TrackState& at(int track) { return tracks_[static_cast<std::size_t>(track)]; }
  static int polyphony_room(const TrackState& state, int tick, std::span<const Sound> also);
  static int standing_room(const TrackState& state, int pitch, int tick);

  std::array<TrackState, kMaxTracks> tracks_;
};

}  // namespace hemiola::tokens
