// The measures of a comparison: each takes sets and gives the rows of the report.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "compare/order.h"
#include "compare/piece_set.h"
#include "data/dataset.h"
#include "evaluate/fad.h"
#include "evaluate/statistics.h"

namespace hemiola::compare {

struct NamedSet {
  std::string name;
  PieceSet files;
  std::vector<std::string> left_out;  // why pieces are not in it
};

// The frames of a set's sound, kept in `cache` (safetensors) together with what they were made
// from (`key`), and read from there when that is the same.
Result<evaluate::SetOfSounds> embed_set(const PieceSet& set, const evaluate::Embedding& embedding,
                                        const Path& cache, const std::string& key,
                                        const evaluate::FadOptions& options);

// Sets by name; "reference" is what the others are measured against, and is also measured against
// itself. {"dimensions", "sets": {NAME: as hemiola fad}, "orders": {"fad","fad_inf","kad"}}.
Json measure_distances(const std::map<std::string, evaluate::SetOfSounds>& sets,
                       const evaluate::FadOptions& options);

// Notes of the sets that have notes. {"sets": {NAME: as hemiola stats}, "orders": {METRIC: ...}}.
Result<Json> measure_note_sets(const std::vector<NamedSet>& sets,
                               const evaluate::StatisticsOptions& options);
// Time on the sound of all sets. The same form.
Result<Json> measure_time_sets(const std::vector<NamedSet>& sets,
                               const evaluate::StatisticsOptions& options);

// Of sets with notes, against the training pieces: {NAME: {"copies": share, "longest_run",
// "longest_run_share", "copied_bars"}}, each but the first with an interval.
Result<Json> measure_note_novelty(const std::vector<NamedSet>& sets, const data::Dataset& training,
                                  std::uint64_t seed);

// Of all sets, against the sound of training pieces: the cosine distance of each piece's mean
// embedding to the nearest of theirs, and the share of pieces that are nearer than all but 5 % of
// "real" (held-out music) are. {NAME: {"mean","low","high","pieces","near"}}.
Json measure_sound_novelty(const std::map<std::string, evaluate::SetOfSounds>& sets,
                           const evaluate::SetOfSounds& training, std::uint64_t seed);

}  // namespace hemiola::compare
