// For a libtorch whose Gloo cannot be used from C++.
#include "nn/torch_ranks.h"

namespace hemiola::nn {

std::unique_ptr<Ranks> make_torch_ranks(const RankPlace&, std::string& error) {
  error =
      "training with several processes needs Gloo, and this build's libtorch came without its "
      "headers (Debian: libgloo-dev); install them and build again";
  return nullptr;
}

}  // namespace hemiola::nn
