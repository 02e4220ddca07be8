#include "audiolm/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>

#include "audiolm/little_codec_for_tests.h"

namespace hemiola::audiolm {
namespace {

using Rows = std::vector<std::vector<double>>;

std::vector<float> noise(std::size_t samples, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<float> sound(samples);
  for (float& x : sound) x = static_cast<float>(rng.uniform() - 0.5);
  return sound;
}

// The definition, one output at a time, with strides and not with folds.
Rows plain_layer(const CodecWeights& weights, const CodecLayer& layer, const Rows& x) {
  const auto& w = weights.tensors.at(layer.name + ".weight");
  const auto& b = weights.tensors.at(layer.name + ".bias");
  const int rows = static_cast<int>(x.size());
  const bool up = layer.kind == CodecLayer::Kind::kUnfold;
  const int in = layer.in, out = layer.out, s = layer.fold;
  Rows y;
  if (!up) {
    for (int t = 0; t < rows / s; ++t) {
      auto& row = y.emplace_back(static_cast<std::size_t>(out));
      for (int o = 0; o < out; ++o) {
        double sum = static_cast<double>(b[static_cast<std::size_t>(o)]);
        for (int tap = 0; tap < layer.taps; ++tap) {
          for (int j = 0; j < s; ++j) {
            const int from = (t - (layer.taps - 1 - tap) * layer.dilation) * s + j;
            if (from < 0) continue;
            for (int i = 0; i < in; ++i) {
              const auto at = static_cast<std::size_t>(((o * layer.taps + tap) * s + j) * in + i);
              sum += static_cast<double>(w[at]) *
                     x[static_cast<std::size_t>(from)][static_cast<std::size_t>(i)];
            }
          }
        }
        row[static_cast<std::size_t>(o)] = sum;
      }
    }
    return y;
  }
  for (int t = 0; t < rows; ++t) {
    for (int j = 0; j < s; ++j) {
      auto& row = y.emplace_back(static_cast<std::size_t>(out));
      for (int o = 0; o < out; ++o) {
        const int unit = j * out + o;
        double sum = static_cast<double>(b[static_cast<std::size_t>(unit)]);
        for (int tap = 0; tap < layer.taps; ++tap) {
          const int from = t - (layer.taps - 1 - tap);
          if (from < 0) continue;
          for (int i = 0; i < in; ++i) {
            sum += static_cast<double>(
                       w[static_cast<std::size_t>((unit * layer.taps + tap) * in + i)]) *
                   x[static_cast<std::size_t>(from)][static_cast<std::size_t>(i)];
          }
        }
        row[static_cast<std::size_t>(o)] = sum;
      }
    }
  }
  return y;
}

Rows plain_activation(const CodecShape& shape, Rows x) {
  for (auto& row : x) {
    for (double& v : row) {
      if (v < 0) v = shape.activation == CodecActivation::kElu ? std::expm1(v) : 0.1 * v;
    }
  }
  return x;
}

Rows plain_half(const CodecWeights& weights, const std::string& half, Rows x) {
  const auto layers = codec_layers(weights.shape);
  bool first = true;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (!layers[i].name.starts_with(half)) continue;
    const Rows active = first ? x : plain_activation(weights.shape, x);
    first = false;
    Rows y = plain_layer(weights, layers[i], active);
    if (layers[i].name.ends_with(".spread")) {
      y = plain_layer(weights, layers[++i], plain_activation(weights.shape, y));
      for (std::size_t r = 0; r < y.size(); ++r) {
        for (std::size_t c = 0; c < y[r].size(); ++c) y[r][c] += x[r][c];
      }
    }
    x = std::move(y);
  }
  return x;
}

TEST(Codec, EqualsPlainLoops) {
  for (const auto activation : {CodecActivation::kLeakyRelu, CodecActivation::kElu}) {
    const CodecWeights weights = little_codec(activation, 5);
    const Codec codec = opened(weights);
    const CodecShape& shape = weights.shape;
    const std::vector<float> sound = noise(70 * 320 - 100, 1);
    const auto codes = codec.encode(sound);
    ASSERT_EQ(codes.size(), 70u * 4);
    Rows x;
    for (std::size_t i = 0; i < 70 * 320; ++i) {
      x.push_back({i < sound.size() ? static_cast<double>(sound[i]) : 0.0});
    }
    Rows features = plain_half(weights, "encoder.", x);
    ASSERT_EQ(features.size(), 70u);
    const auto& books = weights.tensors.at(kCodebooks);
    Rows sums(70, std::vector<double>(static_cast<std::size_t>(shape.width)));
    for (std::size_t frame = 0; frame < 70; ++frame) {
      for (int q = 0; q < shape.quantizers; ++q) {
        const auto entry = [&](int code, int i) {
          return static_cast<double>(
              books[static_cast<std::size_t>((q * shape.codebook + code) * shape.width + i)]);
        };
        int best = 0;
        double least = 1e30;
        for (int code = 0; code < shape.codebook; ++code) {
          double distance = 0;
          for (int i = 0; i < shape.width; ++i) {
            const double d = features[frame][static_cast<std::size_t>(i)] - entry(code, i);
            distance += d * d;
          }
          if (distance < least) {
            least = distance;
            best = code;
          }
        }
        ASSERT_EQ(codes[frame * 4 + static_cast<std::size_t>(q)], best) << frame << " " << q;
        for (int i = 0; i < shape.width; ++i) {
          features[frame][static_cast<std::size_t>(i)] -= entry(best, i);
          sums[frame][static_cast<std::size_t>(i)] += entry(best, i);
        }
      }
    }
    const Rows heard = plain_half(weights, "decoder.", sums);
    const auto decoded = codec.decode(codes, 4);
    ASSERT_EQ(decoded.size(), 70u * 320);
    for (std::size_t i = 0; i < decoded.size(); ++i) {
      ASSERT_NEAR(static_cast<double>(decoded[i]), heard[i][0], 1e-4) << i;
    }
  }
}

TEST(Codec, StreamsTheSameBits) {
  const Codec codec = opened(little_codec(CodecActivation::kLeakyRelu, 6));
  const auto codes = codec.encode(noise(123 * 320, 2));
  for (const int quantizers : {1, 3, 4}) {
    std::vector<std::int16_t> fewer;
    for (std::size_t frame = 0; frame < 123; ++frame) {
      fewer.insert(fewer.end(), codes.begin() + static_cast<std::ptrdiff_t>(frame * 4),
                   codes.begin() + static_cast<std::ptrdiff_t>(frame * 4) + quantizers);
    }
    const auto whole = codec.decode(fewer, quantizers);
    Codec::Decoder decoder(codec);
    std::vector<float> streamed;
    for (std::size_t at = 0; at < fewer.size(); at += static_cast<std::size_t>(quantizers)) {
      decoder.push(std::span(fewer).subspan(at, static_cast<std::size_t>(quantizers)), streamed);
    }
    EXPECT_EQ(streamed, whole) << quantizers;
  }
}

TEST(Codec, HearsOnlyWhatCameBefore) {
  const Codec codec = opened(little_codec(CodecActivation::kLeakyRelu, 7));
  std::vector<float> sound = noise(60 * 320, 3);
  const auto codes = codec.encode(sound);
  for (std::size_t i = 55 * 320; i < sound.size(); ++i) sound[i] = 0;
  const auto changed = codec.encode(sound);
  EXPECT_TRUE(std::equal(codes.begin(), codes.begin() + 55 * 4, changed.begin()));
  EXPECT_FALSE(std::equal(codes.begin(), codes.end(), changed.begin()));
  EXPECT_TRUE(codec.encode({}).empty());
  EXPECT_EQ(codec.encode(std::vector<float>(1)).size(), 4u);
}

TEST(CodecFile, ItsHashIsThatOfTheCodes) {
  const CodecWeights weights = little_codec(CodecActivation::kLeakyRelu, 9);
  CodecWeights other = weights;
  other.tensors.at("decoder.in.bias")[0] += 1;
  EXPECT_EQ(opened(other).sha256(), opened(weights).sha256());
  other.tensors.at("encoder.out.bias")[0] += 1;
  EXPECT_NE(opened(other).sha256(), opened(weights).sha256());
}

TEST(CodecFile, RefusesWhatDoesNotFit) {
  const CodecWeights weights = little_codec(CodecActivation::kLeakyRelu, 8);
  const Bytes good = bytes_of(weights);
  ASSERT_TRUE(Codec::read(good, "good"));
  Bytes cut(good.begin(), good.end() - 4);
  EXPECT_FALSE(Codec::read(cut, "cut"));
  CodecWeights broken = weights;
  broken.tensors.at("decoder.head.bias")[0] = std::numeric_limits<float>::quiet_NaN();
  const auto refused = Codec::read(bytes_of(broken), "broken");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("decoder.head.bias"));
  for (const char* json :
       {R"({"hop":321})", R"({"codebook":40000})", R"({"strides":[]})", R"({"channels":[0]})",
        R"({"width":-1})", R"({"activation":"tanh"})", R"({"stem_stride":1e99})",
        R"({"channels":[4096,4096,4096,4096],"unit_taps":64,"unit_divisor":1})"}) {
    Json shape = to_json(weights.shape);
    shape.update(Json::parse(json));
    EXPECT_FALSE(codec_shape_from_json(shape, "here")) << json;
  }
}

}  // namespace
}  // namespace hemiola::audiolm
