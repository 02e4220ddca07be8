// MusicXML 4.0 (score-partwise), for notation programs. Out only. What the grid cannot say is left
// to them: beams, stems, spacing.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "score/grid_score.h"

namespace hemiola {

struct MusicXmlOptions {
  std::string title{};
  std::vector<std::string> part_names{};  // by track; where none is given: the instrument's
};

// 24 divisions to the quarter. A keyboard gets a grand staff: one track of it parted at middle C,
// or two neighbouring tracks of one keyboard of which the first lies higher. Notes are tied over
// bar lines; what sounds beyond the last bar gets bars to sound in. Fails on an invalid score.
Result<std::string> write_musicxml(const GridScore& score, const MusicXmlOptions& options = {});

}  // namespace hemiola
