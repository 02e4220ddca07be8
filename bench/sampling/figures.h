// What a piece is like, in numbers that can be compared between written and real music; and how far
// two sets of pieces are from each other.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "score/grid_score.h"

namespace hemiola::bench {

inline constexpr std::array<std::string_view, 16> kFigureNames = {"notes a quarter",
                                                                  "notes at once",
                                                                  "silence",
                                                                  "mean pitch",
                                                                  "pitch range",
                                                                  "mean duration",
                                                                  "different durations",
                                                                  "off-beat onsets",
                                                                  "different positions",
                                                                  "notes in key",
                                                                  "different pitch classes",
                                                                  "bars seen before",
                                                                  "bars as the one before",
                                                                  "rhythms seen before",
                                                                  "steps in the top line",
                                                                  "last note in the bass"};
using Figures = std::array<double, kFigureNames.size()>;

// All tracks but drums. The last figure: 1 where the piece ends on its key's tonic, else 0.
Figures figures_of(const GridScore& score);

// How far two sets are apart in one figure: the area between their cumulative distributions
// (Wasserstein's distance), in standard deviations of the reference.
double distance(std::span<const Figures> pieces, std::span<const Figures> reference,
                std::size_t figure);
// The mean over all figures.
double mean_distance(std::span<const Figures> pieces, std::span<const Figures> reference);
double mean(std::span<const Figures> pieces, std::size_t figure);

}  // namespace hemiola::bench
