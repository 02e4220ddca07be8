// Codes on disk: codes.safetensors with one tensor "codes" (frames, quantizers), I32, and the hash
// of the codec that made them, so that another one refuses them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audiolm/codec.h"

namespace hemiola::audiolm {

struct CodeFile {
  int quantizers = 1;
  std::vector<std::int16_t> codes;  // (frames, quantizers)
};

Status write_codes(const Path& path, const CodeFile& file, const Codec& codec);

// Refuses codes of another codec, and codes out of its range.
Result<CodeFile> read_codes(std::span<const std::uint8_t> bytes, const Codec& codec,
                            std::string_view where);

}  // namespace hemiola::audiolm
