// The sets of a comparison, made or gone on with.
#pragma once

#include <vector>

#include "audiolm/generator.h"
#include "compare/compare.h"
#include "compare/loop_folder.h"
#include "compare/measure.h"
#include "compose/generate.h"

namespace hemiola::compare {

struct Material {
  const CompareOptions& options;
  const LoopFolder& loops;
  const Composer& composer;
  const audiolm::Generator* generator;  // nullptr: none
  const audiolm::Codec* codec;          // nullptr: none
  int heard;                            // codes of a frame, where there is a codec
  engine::ThreadPool& pool;
};

// In the order of the report: reference, real, codec, shuffled, random, ngram,
// symbolic, audiolm. A set
// has fewer pieces than were asked for where its source has no more.
Result<std::vector<NamedSet>> make_sets(const Material& material);

// The sound of training loops, at most options.known of them, as a set.
Result<PieceSet> make_known_set(const Material& material);

}  // namespace hemiola::compare
