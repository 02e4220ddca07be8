// The tokens of a set of sound, made once: semantic units and codec codes of every piece in one
// file that is mapped, so that training never waits for the codec. A safetensors file:
//   pieces   I64 (pieces, 2)         units of each piece and its split (0 train, 1 validation, 2 test)
//   units    U8 (all units, 2)       16 bits each, least significant byte first
//   codes    U8 (all frames, quantizers, 2)
// and in its metadata what they mean and the hashes of codec and encoder. A piece has exactly
// kFramesPerUnit frames for each unit.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audiolm/layout.h"
#include "base/files.h"
#include "base/result.h"
#include "model/safetensors.h"

namespace hemiola::audiolm {

enum class Split : std::uint8_t { kTrain, kValidation, kTest };

Result<Split> split_named(std::string_view name);  // "train", "validation", "test"

// What made the tokens.
struct TokenOrigin {
  TokenShape shape;  // `coarse` is of no account here
  std::string codec_sha256, semantic_sha256;
  std::string sound;  // identity of the set of sound

  bool operator==(const TokenOrigin&) const = default;
};

struct PieceTokens {
  std::vector<std::int16_t> units;  // (S)
  std::vector<std::int16_t> codes;  // (S * kFramesPerUnit, quantizers)
};

// Cuts to whole units: what codec and encoder count at the end of a sound may differ by a frame.
PieceTokens whole_units(std::vector<std::int16_t> units, std::vector<std::int16_t> codes,
                        int quantizers);

class TokenCache {
 public:
  static Result<TokenCache> open(const Path& path);
  // Over bytes that outlive the cache and begin at a multiple of 2.
  static Result<TokenCache> read(std::span<const std::uint8_t> bytes, std::string_view where);

  const TokenOrigin& origin() const { return origin_; }
  std::size_t size() const { return splits_.size(); }
  Split split(std::size_t piece) const { return splits_[piece]; }
  std::span<const std::int16_t> units(std::size_t piece) const;
  std::span<const std::int16_t> codes(std::size_t piece) const;  // (2 S, quantizers)
  std::vector<std::size_t> of_split(Split split) const;
  // Of all that is in it; the same tokens, the same number.
  std::uint64_t fingerprint() const { return fingerprint_; }

 private:
  static Result<TokenCache> from_view(const SafetensorsView& view, std::string_view where);

  std::vector<MappedFile> file_;  // one, or none when the bytes belong to someone else
  TokenOrigin origin_;
  std::vector<Split> splits_;
  std::vector<std::size_t> starts_;  // (pieces + 1), in units
  const std::int16_t* units_ = nullptr;
  const std::int16_t* codes_ = nullptr;
  std::uint64_t fingerprint_ = 0;
};

struct CacheJob {
  TokenOrigin origin;
  std::vector<Split> splits;                               // of each piece
  std::function<Result<PieceTokens>(std::size_t)> encode;  // of a piece; from any thread
  int threads = 1;
  // After each piece; false ends the work, to be gone on with later.
  std::function<bool(std::size_t done)> progress;
};

// Encodes all pieces and writes the cache. What is done is kept beside it (PATH.part) and gone on
// with when the same is asked again; a part that belongs to something else is begun anew.
Status build_token_cache(const Path& path, const CacheJob& job);

}  // namespace hemiola::audiolm
