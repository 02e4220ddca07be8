// Project files: any text gives pieces or an error, and pieces that were read are written and read
// again as the same.
#include <cstdint>
#include <cstdlib>

#include "worker/project.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hemiola::worker;
  if (size > 100'000) return 0;
  const auto pieces = read_project({reinterpret_cast<const char*>(data), size});
  if (!pieces) return 0;
  const auto again = read_project(write_project(*pieces));
  if (!again || again->size() != pieces->size()) std::abort();
  for (std::size_t i = 0; i < pieces->size(); ++i) {
    if ((*again)[i].midi != (*pieces)[i].midi || (*again)[i].parent != (*pieces)[i].parent) {
      std::abort();
    }
  }
  return 0;
}
