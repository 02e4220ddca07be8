// Numbered notation (jianpu) as plain text, to and from grid scores:
//
//   1=C 4/4 q=96 | 1 1 5 5 | 6 6 5 - | 4 4 3 3 | 2 2 1 - |
//
// docs/notation.md has the grammar. Everything a GridScore holds can be written, so that reading
// what was written gives the same GridScore.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "score/grid_score.h"

namespace hemiola {

// Errors begin with "name:line:column: "; columns count characters, from 1.
Result<GridScore> read_notation(std::string_view text, std::string_view name);

struct NotationOptions {
  std::string title{};
  std::size_t line_width = 96;  // characters; a longer bar has a line of its own
};

// Fails on an invalid score.
Result<std::string> write_notation(const GridScore& score, const NotationOptions& options = {});

}  // namespace hemiola
