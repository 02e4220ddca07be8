#include "audio/resample.h"

#include <soxr.h>

#include <cmath>

namespace hemiola {
namespace {

constexpr std::size_t kBlock = 1 << 15;  // frames

}  // namespace

void Resampler::Delete::operator()(soxr* resampler) const { soxr_delete(resampler); }

Result<Resampler> Resampler::create(int from, int to, int channels) {
  const soxr_io_spec_t types = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
  const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
  const soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
  soxr_error_t error = nullptr;
  soxr* resampler =
      soxr_create(from, to, static_cast<unsigned>(channels), &error, &types, &quality, &runtime);
  if (resampler == nullptr) {
    return fail("cannot change the rate of {} channels from {} to {} Hz: {}", channels, from, to,
                error != nullptr ? error : "unknown reason");
  }
  return Resampler(resampler, static_cast<double>(to) / from, channels);
}

void Resampler::run(const float* in, std::size_t frames, std::vector<float>& out) {
  const bool is_end = in == nullptr;
  while (true) {
    const auto room = static_cast<std::size_t>(static_cast<double>(frames) * ratio_) + kBlock;
    const std::size_t before = out.size();
    out.resize(before + room * channels_);
    std::size_t taken = 0, made = 0;
    soxr_process(resampler_.get(), in, frames, &taken, out.data() + before, room, &made);
    out.resize(before + made * channels_);
    if (!is_end) {
      in += taken * channels_;
      frames -= taken;
    }
    // All that was ready has been taken once a call leaves room.
    if (made < room && (is_end || frames == 0 || taken == 0)) return;
  }
}

void Resampler::process(std::span<const float> in, std::vector<float>& out) {
  if (!in.empty()) run(in.data(), in.size() / channels_, out);
}

void Resampler::finish(std::vector<float>& out) { run(nullptr, 0, out); }

void mix_to_mono(std::span<const float> frames, int channels, std::vector<float>& out) {
  const auto width = static_cast<std::size_t>(channels);
  const float share = 1.0f / static_cast<float>(channels);
  for (std::size_t i = 0; i + width <= frames.size(); i += width) {
    float sum = 0;
    for (std::size_t c = 0; c < width; ++c) sum += frames[i + c];
    out.push_back(std::isfinite(sum) ? sum * share : 0.0f);
  }
}

Result<std::vector<float>> mono_at(const Audio& audio, int sample_rate) {
  std::vector<float> mono;
  mono.reserve(audio.frames());
  mix_to_mono(audio.samples, audio.channels, mono);
  if (audio.sample_rate == sample_rate) return mono;
  HEMIOLA_TRY(Resampler resampler, Resampler::create(audio.sample_rate, sample_rate, 1));
  std::vector<float> out;
  out.reserve(static_cast<std::size_t>(audio.length().count() * sample_rate) + kBlock);
  for (std::size_t i = 0; i < mono.size(); i += kBlock) {
    resampler.process(std::span(mono).subspan(i, std::min(kBlock, mono.size() - i)), out);
  }
  resampler.finish(out);
  return out;
}

}  // namespace hemiola
