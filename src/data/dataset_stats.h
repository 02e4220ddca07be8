// What a data set holds, in numbers; and whether it is whole.
#pragma once

#include "base/json.h"
#include "base/result.h"
#include "data/dataset.h"

namespace hemiola::data {

// Counts by outcome, split, style, metre, key, tempo, instrument; sizes and lengths. Reads every
// score, so a damaged one is found and named.
Result<Json> dataset_stats(const Dataset& dataset);

}  // namespace hemiola::data
