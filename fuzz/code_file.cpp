// Any bytes as a file of codes: refused, or codes that the codec decodes.
#include <cstdint>
#include <cstdlib>

#include "audiolm/code_file.h"
#include "audiolm/codec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hemiola;
  static const audiolm::Codec codec = [] {
    const auto bytes = read_file(Path(HEMIOLA_SOURCE_DIR) / "fuzz/corpus/codec_file/good");
    return audiolm::Codec::read(bytes.value(), "good").value();
  }();
  const auto file = audiolm::read_codes({data, size}, codec, "fuzz");
  if (!file) return 0;
  const std::size_t frames = file->codes.size() / static_cast<std::size_t>(file->quantizers);
  if (codec.decode(file->codes, file->quantizers).size() !=
      frames * static_cast<std::size_t>(codec.shape().hop)) {
    std::abort();
  }
  return 0;
}
