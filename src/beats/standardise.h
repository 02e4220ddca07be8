// From a Score to a GridScore: bars, beats and subdivisions found or taken from the file, onsets
// and durations snapped to the grid, and an account of what that cost. Score-aligned files keep
// their own metre and tempo map; a performance is warped by its beats.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "beats/beat_track.h"
#include "beats/time_map.h"
#include "score/grid_score.h"
#include "score/score.h"

namespace hemiola {

enum class Timing : std::uint8_t { kAuto, kAligned, kPerformed };

struct StandardiseOptions {
  Timing timing = Timing::kAuto;
  // The beats, where they are known already: the file is then taken as performed.
  const BeatTrack* beats = nullptr;
  // For training data, never for a prompt: drop empty bars at both ends, merge doubled tracks, take
  // a first bar that is silent for half its length or more as an upbeat.
  bool for_data = false;
  // Move the bar lines of written music where the file plainly has them off by an upbeat.
  bool find_upbeats = true;
  std::size_t max_bars = 20'000;
};

// What a GridScore cannot say, or what standardising changed.
enum class Loss : std::uint8_t {
  kDoubledNote,     // two notes of one track and pitch at one place: one is kept
  kTrimmedNote,     // cut where its pitch is struck again
  kLengthenedNote,  // shorter than a grid tick: lasts one
  kShortenedNote,   // longer than kMaxDuration
  kMergedTrack,     // into another of the same instrument, as there were more than kMaxTracks
  kDoubledTrack,    // the same notes as another track (data only)
  kEmptyBar,        // dropped at an end (data only)
  kPartialBar,      // cut short by a change of metre: a bar of its own metre
  kRoundedBar,      // its length is not on the grid: stretched to the nearest that is
  kSplitBar,        // its metre cannot be said: several bars
  kTempoChange,     // tempo changes beyond the nominal tempo
  kExtremeTempo,    // outside the nominal tempos: the nearest is taken
  kLyric,
};
inline constexpr std::size_t kLossKinds = 13;
std::string_view loss_name(Loss loss);  // "doubled notes"

enum class MetreSource : std::uint8_t { kFile, kEstimated, kBeats };

struct StandardiseReport {
  bool performed = false;
  double on_grid = 0;  // 0 to 1: how well the onsets sit on the file's own grid
  MetreSource metre_source = MetreSource::kFile;
  bool moved_bar_lines = false;  // the file had them off by an upbeat
  // Of onsets against the grid that was chosen for their beat, in grid ticks.
  double mean_snap = 0;
  double max_snap = 0;
  double beat_confidence = 1;  // of a performance's beats
  std::array<std::size_t, kLossKinds> losses{};

  std::size_t count(Loss loss) const { return losses[static_cast<std::size_t>(loss)]; }
  std::size_t& count(Loss loss) { return losses[static_cast<std::size_t>(loss)]; }
  // One line: "score-aligned; onsets snapped by 0.01 ticks (at most 0.4); 3 doubled notes".
  std::string summary() const;
};

struct Standardised {
  GridScore grid;  // valid; without chords, keys only where the file says them
  StandardiseReport report;
  TimeMap map;                                    // source ticks and grid ticks
  std::vector<std::vector<std::size_t>> sources;  // of each grid track: tracks of the Score
};

// Fails, with the reason, on a score without notes, with too many bars, or with more than
// kMaxTracks unlike instruments.
Result<Standardised> standardise(const Score& score, const StandardiseOptions& options = {});

}  // namespace hemiola
