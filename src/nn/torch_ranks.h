// Joins the ranks through torch.distributed; one of two files is linked: torch_ranks_gloo.cpp where
// libtorch comes with Gloo's headers, else torch_ranks_none.cpp. No libtorch in this header.
#pragma once

#include <memory>
#include <string>

#include "nn/ranks.h"

namespace hemiola::nn {

// Null and the reason in `error` on failure.
std::unique_ptr<Ranks> make_torch_ranks(const RankPlace& place, std::string& error);

}  // namespace hemiola::nn
