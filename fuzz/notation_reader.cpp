// Numbered notation: any text gives a score or an error; what was read can be written and read
// again, and says the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "score/notation.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 100'000) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto score = hemiola::read_notation(text, "fuzz");
  if (!score) return 0;
  if (!hemiola::validate(*score)) std::abort();
  const auto written = hemiola::write_notation(*score);
  if (!written) std::abort();
  const auto again = hemiola::read_notation(*written, "again");
  if (!again || *again != *score) std::abort();
  return 0;
}
