// Any bytes, read in four ways by the first of them: as token ids; as choices among what the mask
// allows; as token text; as a tokenizer file. Nothing crashes; what decodes is valid and is encoded
// to the same words; what a mask allows always decodes.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>
#include <vector>

#include "tokens/mask.h"
#include "tokens/text.h"

namespace {

using namespace hemiola;
using namespace hemiola::tokens;

constexpr std::size_t kMostSteps = 300;

void require(bool condition) {
  if (!condition) std::abort();
}

const Tokenizer& plain() {
  static const Tokenizer tokenizer = Tokenizer::plain().value();
  return tokenizer;
}

void check_decoded(const Decoded& decoded) {
  require(validate(decoded.score).has_value());
  const auto tokens = plain().encode(decoded.score, decoded.frame);
  require(tokens.has_value());
  const auto again = plain().decode(*tokens);
  require(again && *again == decoded);
}

void as_ids(std::span<const std::uint8_t> bytes) {
  std::vector<Token> tokens;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    tokens.push_back(static_cast<Token>(bytes[i] | bytes[i + 1] << 8));
  }
  if (const auto decoded = plain().decode(tokens)) check_decoded(*decoded);
}

void as_choices(std::span<const std::uint8_t> bytes) {
  static const MaskTables tables(plain().vocabulary());
  Mask mask(tables);
  std::vector<Token> all;
  const auto take = [&](std::size_t choice) {
    all.clear();
    mask.allowed().for_each([&](Token token) { all.push_back(token); });
    require(!all.empty());
    require(mask.advance(all[choice % all.size()]).has_value());
  };
  for (std::size_t i = 0; i < bytes.size() && i < kMostSteps && !mask.done(); ++i) take(bytes[i]);
  // Then on to the end: a note is finished, then the bars run out.
  for (int i = 0; i < 2000 && !mask.done(); ++i) {
    const TokenSet& allowed = mask.allowed();
    if (allowed.has(kEndWord)) {
      require(mask.advance(kEndWord).has_value());
    } else if (allowed.has(kFillWord)) {
      require(mask.advance(kFillWord).has_value());
    } else {
      std::size_t bar = 0, n = 0;
      allowed.for_each([&](Token token) {
        const bool is_bar = is_word(WordClass::kBarsLeft, token) || token == kBarWord;
        if (is_bar && bar == 0) bar = n + 1;  // the lowest count
        ++n;
      });
      take(bar > 0 ? bar - 1 : 0);
    }
  }
  if (mask.done()) check_decoded(mask.walk().result());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::span bytes(data + 1, size - 1);
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  switch (data[0]) {
    case '0':
      as_ids(bytes);
      break;
    case '1':
      as_choices(bytes);
      break;
    case '2':
      if (const auto decoded = parse_text(text, "input")) {
        check_decoded(*decoded);
        const auto again = parse_text(to_text(decoded->score, decoded->frame), "again");
        require(again && *again == *decoded);
      }
      break;
    default:
      if (const auto tokenizer = Tokenizer::parse(text, "input")) {
        const auto again = Tokenizer::parse(tokenizer->json(), "again");
        require(again && again->sha256() == tokenizer->sha256());
        const MaskTables tables(tokenizer->vocabulary());
      }
  }
  return 0;
}
