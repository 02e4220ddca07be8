// The neural codec as it is run, without libtorch: sound at 16 kHz to codes, 50 frames a second and
// one code for each quantizer, and back. After SoundStream (Zeghidour et al. 2021): causal
// convolutions and a residual vector quantizer, whose n-th code says what the first n - 1 left
// over. Trained by nn/codec_trainer.h. Fixed once loaded; any number of threads may use one at
// once.
//
// What a frame gives depends on it and on what came before, never on how much follows or on how the
// sound is cut for the work; every sum has one order. So streaming gives the same bits.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "model/codec_shape.h"

namespace hemiola::audiolm {

using hemiola::CodecShape;

struct CodecNetwork;

class Codec {
 public:
  // codec.safetensors. Refuses shapes and numbers that do not fit.
  static Result<Codec> load(const Path& path);
  static Result<Codec> read(std::span<const std::uint8_t> bytes, std::string_view where);

  const CodecShape& shape() const;
  // Of shape, encoder and codebooks, in hexadecimal: what codes belong to. A decoder that was
  // trained on understands the same codes.
  const std::string& sha256() const;

  // sound: one channel at shape().rate; the last frame is filled up with silence.
  // (frames, quantizers), frames = samples / hop, rounded up.
  std::vector<std::int16_t> encode(std::span<const float> sound) const;

  // codes: (frames, quantizers), the first `quantizers` of all, each in [0, codebook). frames * hop
  // samples. Precondition: 1 <= quantizers <= shape().quantizers, codes in range.
  std::vector<float> decode(std::span<const std::int16_t> codes, int quantizers) const;

  // The same frame by frame. One thread at a time.
  class Decoder {
   public:
    explicit Decoder(const Codec& codec);
    Decoder(Decoder&&) noexcept;
    Decoder& operator=(Decoder&&) noexcept;
    ~Decoder();

    // One frame's codes, 1 to `quantizers` of them; appends hop samples.
    void push(std::span<const std::int16_t> frame_codes, std::vector<float>& out);

   private:
    friend class Codec;
    struct State;
    std::unique_ptr<State> state_;
  };

 private:
  explicit Codec(std::shared_ptr<const CodecNetwork> network) : network_(std::move(network)) {}

  // Shared, so that a codec can be handed on while decoders still use it.
  std::shared_ptr<const CodecNetwork> network_;
};

// The first `used` of each frame's `all` codes.
std::vector<std::int16_t> first_codes(std::span<const std::int16_t> codes, int all, int used);

}  // namespace hemiola::audiolm
