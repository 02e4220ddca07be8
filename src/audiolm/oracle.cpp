#include "audiolm/oracle.h"

#include <algorithm>
#include <cmath>

#include "audiolm/features.h"

namespace hemiola::audiolm {
namespace {

constexpr double kDecibels = 4.342944819032518;  // 10 / ln 10: mel values are logarithms of power
constexpr std::string_view kNames[] = {"codes", "units+coarse", "units", "rhythm"};

double rms(std::span<const float> sound) {
  double sum = 0;
  for (const float sample : sound) sum += static_cast<double>(sample) * static_cast<double>(sample);
  return std::sqrt(sum / static_cast<double>(std::max<std::size_t>(1, sound.size())));
}

std::vector<double> mean_rows(const std::vector<float>& mel) {
  std::vector<double> mean(kMelBands, 0);
  const std::size_t rows = std::max<std::size_t>(1, mel.size() / kMelBands);
  for (std::size_t i = 0; i < mel.size(); ++i) {
    mean[i % kMelBands] += static_cast<double>(mel[i]) / static_cast<double>(rows);
  }
  return mean;
}

}  // namespace

std::string_view name(Given given) { return kNames[static_cast<std::size_t>(given)]; }

SoundDistance distance(const SemanticEncoder& encoder, std::span<const float> truth,
                       std::span<const float> other) {
  const std::size_t samples = std::min(truth.size(), other.size());
  truth = truth.first(samples);
  other = other.first(samples);
  SoundDistance d;
  const std::size_t frames = semantic_frames(samples);
  const std::vector<float> a = log_mel(truth, 0, frames), b = log_mel(other, 0, frames);
  for (std::size_t i = 0; i < a.size(); ++i) {
    d.mel_db += kDecibels * static_cast<double>(std::abs(a[i] - b[i]));
  }
  d.mel_db /= static_cast<double>(std::max<std::size_t>(1, a.size()));
  const std::vector<double> mean_a = mean_rows(a), mean_b = mean_rows(b);
  for (std::size_t i = 0; i < mean_a.size(); ++i) {
    d.spectrum_db += kDecibels * std::abs(mean_a[i] - mean_b[i]) / kMelBands;
  }
  d.level_db = 20 * std::log10((rms(other) + 1e-6) / (rms(truth) + 1e-6));
  const std::vector<float> chroma_a = chroma(truth), chroma_b = chroma(other);
  std::size_t sounding = 0;
  for (std::size_t at = 0; at + kChroma <= std::min(chroma_a.size(), chroma_b.size());
       at += kChroma) {
    double dot = 0, length_a = 0, length_b = 0;
    for (std::size_t i = at; i < at + kChroma; ++i) {
      dot += static_cast<double>(chroma_a[i] * chroma_b[i]);
      length_a += static_cast<double>(chroma_a[i] * chroma_a[i]);
      length_b += static_cast<double>(chroma_b[i] * chroma_b[i]);
    }
    if (length_a == 0 || length_b == 0) continue;
    d.chroma += dot;
    ++sounding;
  }
  d.chroma /= static_cast<double>(std::max<std::size_t>(1, sounding));
  const std::vector<std::int16_t> units_a = encoder.encode(truth), units_b = encoder.encode(other);
  for (std::size_t i = 0; i < std::min(units_a.size(), units_b.size()); ++i) {
    d.units += units_a[i] == units_b[i] ? 1 : 0;
  }
  d.units /= static_cast<double>(std::max<std::size_t>(1, units_a.size()));
  return d;
}

Result<std::vector<float>> made_from(const Generator& generator, std::span<const float> sound,
                                     Given given, std::uint64_t seed) {
  const PieceTokens tokens = generator.tokens_of(sound);
  if (tokens.units.empty()) return fail("the sound is shorter than one unit");
  const int all = generator.codec().shape().quantizers;
  const int heard = generator.sampling().heard(generator.stages().coarse.layout.shape());
  if (given == Given::kRhythm && !generator.stages().rhythm) {
    return fail("the model has no rhythm stage");
  }
  if (given == Given::kCodes) {
    return generator.codec().decode(first_codes(tokens.codes, all, heard), heard);
  }
  TokenWriter writer(generator.stages(), {}, generator.sampling(), seed);
  if (given == Given::kRhythm) {
    writer.give_rhythm(tokens.units);
  } else {
    writer.give_units(tokens.units);
  }
  if (given == Given::kUnitsAndCoarse) writer.give_codes(tokens.codes);
  std::vector<std::int16_t> codes;
  while (codes.size() < tokens.codes.size()) {
    const std::vector<std::int16_t> chunk = writer.next();
    codes.insert(codes.end(), chunk.begin(), chunk.end());
  }
  codes.resize(tokens.codes.size());
  return generator.codec().decode(first_codes(codes, all, heard), heard);
}

}  // namespace hemiola::audiolm
