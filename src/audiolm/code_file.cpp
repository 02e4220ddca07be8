#include "audiolm/code_file.h"

#include "model/safetensors.h"

namespace hemiola::audiolm {
namespace {

constexpr std::string_view kFormat = "hemiola-codes-1";

}  // namespace

Status write_codes(const Path& path, const CodeFile& file, const Codec& codec) {
  std::vector<std::uint8_t> bytes;
  bytes.reserve(file.codes.size() * 4);
  for (const std::int16_t code : file.codes) {
    const auto bits = static_cast<std::uint32_t>(code);
    for (int shift = 0; shift < 32; shift += 8) {
      bytes.push_back(static_cast<std::uint8_t>(bits >> shift));
    }
  }
  const auto frames = static_cast<std::int64_t>(file.codes.size()) / file.quantizers;
  const TensorView view{"codes", Dtype::kI32, {frames, file.quantizers}, bytes};
  return write_safetensors(path, std::span(&view, 1),
                           {{"format", std::string(kFormat)}, {"codec", codec.sha256()}});
}

Result<CodeFile> read_codes(std::span<const std::uint8_t> bytes, const Codec& codec,
                            std::string_view where) {
  HEMIOLA_TRY(const SafetensorsView file, SafetensorsView::parse(bytes, where));
  const auto entry = [&](const char* key) {
    const auto found = file.metadata().find(key);
    return found == file.metadata().end() ? std::string() : found->second;
  };
  if (entry("format") != kFormat) return fail("{}: holds no codes of this program", where);
  if (entry("codec") != codec.sha256()) {
    return fail("{}: the codes are of another codec ({:.12}, this one is {:.12}); encode again",
                where, entry("codec"), codec.sha256());
  }
  const TensorView* tensor = file.find("codes");
  if (tensor == nullptr || tensor->dtype != Dtype::kI32 || tensor->shape.size() != 2 ||
      tensor->shape[1] < 1 || tensor->shape[1] > codec.shape().quantizers) {
    return fail("{}: expected a tensor codes (frames, 1 to {}), I32", where,
                codec.shape().quantizers);
  }
  CodeFile result;
  result.quantizers = static_cast<int>(tensor->shape[1]);
  result.codes.resize(tensor->elements());
  for (std::size_t i = 0; i < result.codes.size(); ++i) {
    std::uint32_t bits = 0;
    for (std::size_t byte = 4; byte-- > 0;) bits = bits << 8 | tensor->bytes[4 * i + byte];
    if (bits >= static_cast<std::uint32_t>(codec.shape().codebook)) {
      return fail("{}: code {} is {}; expected 0 to {}", where, i, bits,
                  codec.shape().codebook - 1);
    }
    result.codes[i] = static_cast<std::int16_t>(bits);
  }
  return result;
}

}  // namespace hemiola::audiolm
