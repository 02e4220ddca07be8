// What a comparison reads of other folders: the labels of loops, and the figures of training runs.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "compare/loop_folder.h"
#include "compare/training_log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hemiola;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto loops = compare::parse_loop_labels(text, "labels")) {
    for (const auto& loop : *loops) {
      if (loop.name.find('/') != std::string::npos) std::abort();
    }
  }
  if (const auto log = compare::parse_training_log(text, "log"); log && log->points.empty()) {
    std::abort();
  }
  return 0;
}
