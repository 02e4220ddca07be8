// A data set's catalog. The input lacks the checksum, which is set right here, so that what lies
// behind it is reached: refused, or written again as something that is read as the same.
#include <cstdint>
#include <cstdlib>

#include "data/byte_io.h"
#include "data/catalog.h"
#include "data/shard.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hemiola;
  Bytes bytes(data, data + size);
  data::ByteWriter(bytes).u64(data::checksum(bytes));
  const auto catalog = data::Catalog::parse(bytes);
  if (!catalog) return 0;
  const Bytes written = catalog->bytes();
  const auto again = data::Catalog::parse(written);
  if (!again || again->bytes() != written) std::abort();
  return 0;
}
