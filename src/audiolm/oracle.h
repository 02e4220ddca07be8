// Which part of AudioLM does what to a sound: it is made anew from its true codes (the codec
// alone), from its true units and coarse codes (the fine stage), and from its true units alone (the
// coarse stage too), from the rhythm of its units alone (the semantic stage too), and each is
// compared with what it was. As many codes of a frame are heard as the generator's sampling says.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "audiolm/generator.h"
#include "base/result.h"

namespace hemiola::audiolm {

// How far one sound is from another of the same length. Sounds at the codec's rate, 16 kHz.
struct SoundDistance {
  double mel_db = 0;       // mean difference of log-mel values, moment by moment
  double spectrum_db = 0;  // the same of their means over time: colour, not timing
  double level_db = 0;     // RMS of the second over that of the first
  double chroma = 0;       // mean cosine of pitch classes, 0 to 1, where both sound
  double units = 0;        // share of semantic units that are heard again
};

SoundDistance distance(const SemanticEncoder& encoder, std::span<const float> truth,
                       std::span<const float> other);

enum class Given { kCodes, kUnitsAndCoarse, kUnits, kRhythm };
inline constexpr std::array kGiven = {Given::kCodes, Given::kUnitsAndCoarse, Given::kUnits,
                                      Given::kRhythm};
std::string_view name(Given given);  // "codes", "units+coarse", "units", "rhythm"

// The sound made anew, as long as it was up to whole units. Fails where it is shorter than one, and
// on kRhythm where the generator has no rhythm stage.
Result<std::vector<float>> made_from(const Generator& generator, std::span<const float> sound,
                                     Given given, std::uint64_t seed);

}  // namespace hemiola::audiolm
