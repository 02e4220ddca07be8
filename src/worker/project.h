// A project file: a piece and the pieces it was made from, each with its MIDI file, how its time is
// understood, how it came to be and its recipe, as one JSON text.
#pragma once

#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "base/result.h"

namespace hemiola::worker {

struct ProjectPiece {
  std::string name;
  int parent = -1;  // index of an earlier piece, -1: none
  Bytes midi;
  Json timing, origin, recipe;  // objects; recipe may be null
};

inline constexpr std::size_t kMostProjectPieces = 500;

// The last piece is the one that was saved.
std::string write_project(const std::vector<ProjectPiece>& pieces);
Result<std::vector<ProjectPiece>> read_project(std::string_view text);

// Begins every project file.
inline constexpr std::string_view kProjectMark = "{\"hemiola_project\":";

}  // namespace hemiola::worker
