// The novelty index that goes with a model. The input lacks the checksum, which is set right here:
// refused, or a piece can be compared with it, and what is said of it lies within the piece.
#include <cstdint>
#include <cstdlib>

#include "data/byte_io.h"
#include "data/novelty_index.h"
#include "data/shard.h"
#include "score/notation.h"

namespace {

// The first piece of the index that is among the seeds.
const hemiola::GridScore& tune() {
  static const hemiola::GridScore score =
      hemiola::read_notation(
          "1=G 3/4 | 1 3 5 | 6 5 3 | 2 2 2 | 1 2 3 | 4 5 6 | 7 6 5 | 3 1 5 | 1 1 1 | 5 3 1 |"
          " 2 4 6 | 5 3 2 | 1 1 1 |",
          "tune")
          .value();
  return score;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hemiola;
  Bytes bytes(data, data + size);
  data::ByteWriter(bytes).u64(data::checksum(bytes));
  const auto index = data::NoveltyIndex::parse(bytes, "fuzz");
  if (!index) return 0;
  const data::Novelty found = data::novelty(tune(), *index);
  if (found.longest_run.notes > found.notes || found.copied_bars < 0 || found.copied_bars > 1) {
    std::abort();
  }
  return 0;
}
