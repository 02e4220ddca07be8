// Any bytes: decoded within the limits into whole frames of finite samples, or refused with words.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "audio/decode.h"

namespace {

using namespace hemiola;

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // The first byte chooses what is asked for.
  if (size == 0) return 0;
  DecodeOptions options;
  options.mono = (data[0] & 1) != 0;
  options.sample_rate = (data[0] & 2) != 0 ? 22050 : 0;
  options.longest = Seconds(20);
  const auto audio = decode_audio(std::span(data + 1, size - 1), options);
  if (!audio) {
    require(!audio.error().message.empty());
    return 0;
  }
  require(audio->channels >= 1 && audio->sample_rate >= 1);
  require(!options.mono || audio->channels == 1);
  require(options.sample_rate == 0 || audio->sample_rate == options.sample_rate);
  require(audio->samples.size() % static_cast<std::size_t>(audio->channels) == 0);
  require(audio->length().count() <= options.longest.count() + 0.1);
  for (const float sample : audio->samples) require(std::isfinite(sample));
  return 0;
}
