// Packed weights hold what was packed, and the one-file form comes back as it went or not at all.
#include "model/packed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "base/rng.h"
#include "model/whole_model.h"

namespace hemiola {
namespace {

using ::testing::HasSubstr;

constexpr Packing kPackings[] = {Packing::kF32, Packing::kBf16, Packing::kInt8, Packing::kInt4};

ModelConfig small_config(bool tied = true) {
  ModelConfig config;
  config.layers = 2;
  config.heads = 2;
  config.width = 12;
  config.inner = 30;
  config.context = 16;
  config.vocabulary = 70;
  config.tied_head = tied;
  return config;
}

PackedModel packed_model(const ModelConfig& config, Packing packing) {
  const auto weights = OwnedWeights::random(config, 3);
  const auto views = weights.views();
  const auto map = match_gpt2_tensors(config, views, "test");
  PackedModel model = std::move(*pack_model(config, *map, packing));
  model.tokenizer = R"({"merges": []})";
  model.config.tokenizer_sha256 = tokenizer_hash(model.tokenizer);
  model.card = "card";
  return model;
}

TEST(Packed, HoldsTheWeights) {
  for (const auto& [in, out] : {std::pair{1, 1}, {5, 33}, {12, 64}, {130, 70}}) {
    std::vector<float> values(static_cast<std::size_t>(in * out));
    Rng rng(1);
    for (float& value : values) value = static_cast<float>(rng.uniform() - 0.5);
    for (const bool by_rows : {false, true}) {
      const TensorView tensor = view_of("w", by_rows ? Shape{out, in} : Shape{in, out}, values);
      for (const Packing packing : kPackings) {
        AlignedBytes memory(static_cast<std::size_t>(panel_count(out)) * panel_bytes(packing, in));
        const auto matrix = pack_matrix(tensor, by_rows, packing, memory.data());
        ASSERT_TRUE(matrix) << matrix.error().message;
        ASSERT_EQ(matrix->bytes(), memory.size());
        for (int n = 0; n < out; ++n) {
          float most = 0;
          for (int k = 0; k < in; ++k) {
            most = std::max(
                most,
                std::fabs(values[static_cast<std::size_t>(by_rows ? n * in + k : k * out + n)]));
          }
          for (int k = 0; k < in; ++k) {
            const float weight =
                values[static_cast<std::size_t>(by_rows ? n * in + k : k * out + n)];
            const float tolerance = packing == Packing::kF32    ? 0
                                    : packing == Packing::kBf16 ? std::fabs(weight) / 256
                                    : packing == Packing::kInt8 ? most / 127 * 0.5001f
                                                                : most / 6;
            ASSERT_NEAR(matrix->at(k, n), weight, tolerance);
          }
        }
      }
    }
  }
}

// A row of an embedding, against one weight after another; nothing is written beyond it.
TEST(Packed, TakesAllWeightsOfAnOutput) {
  for (const auto& [in, out] : {std::pair{1, 1}, {3, 33}, {6, 40}, {12, 64}, {131, 70}}) {
    std::vector<float> values(static_cast<std::size_t>(in * out));
    Rng rng(2);
    for (float& value : values) value = static_cast<float>(rng.uniform() - 0.5);
    const TensorView tensor = view_of("w", {out, in}, values);
    for (const Packing packing : kPackings) {
      AlignedBytes memory(static_cast<std::size_t>(panel_count(out)) * panel_bytes(packing, in));
      const PackedMatrix matrix = pack_matrix(tensor, true, packing, memory.data()).value();
      for (int n = 0; n < out; ++n) {
        std::vector<float> expected, taken(static_cast<std::size_t>(in + 4), 7.0f);
        for (int k = 0; k < in; ++k) expected.push_back(matrix.at(k, n));
        expected.insert(expected.end(), 4, 7.0f);
        matrix.take_output(n, taken.data());
        ASSERT_EQ(taken, expected) << name(packing) << " " << in << "x" << out << " output " << n;
      }
    }
  }
}

TEST(Packed, RefusesWeightsThatAreNotFinite) {
  for (const float bad : {std::nanf(""), INFINITY, -INFINITY}) {
    for (const char* name : {"h.1.mlp.c_fc.weight", "wte.weight", "wpe.weight", "ln_f.bias"}) {
      const auto config = small_config();
      auto weights = OwnedWeights::random(config, 3);
      weights.values(name)[3] = bad;
      const auto views = weights.views();
      const auto packed =
          pack_model(config, *match_gpt2_tensors(config, views, "test"), Packing::kInt8);
      ASSERT_FALSE(packed);
      EXPECT_THAT(packed.error().message, HasSubstr(name));
      EXPECT_THAT(packed.error().message, HasSubstr("not finite"));
    }
  }
}

TEST(Packed, BecomesPlainWeightsAgain) {
  for (const bool tied : {true, false}) {
    for (const Packing packing : {Packing::kF32, Packing::kBf16, Packing::kInt8}) {
      const PackedModel model = packed_model(small_config(tied), packing);
      const WholeModel whole = unpack_model(model);
      EXPECT_EQ(whole.weights.config(), model.config);
      EXPECT_EQ(whole.tokenizer, model.tokenizer);
      const auto original = OwnedWeights::random(small_config(tied), 3);
      for (const TensorSpec& spec : original.specs()) {
        const std::vector<float>& want = original.values(spec.name);
        const std::vector<float>& got = whole.weights.values(spec.name);
        ASSERT_EQ(got.size(), want.size());
        const float most =
            std::fabs(*std::ranges::max_element(want, {}, [](float w) { return std::fabs(w); }));
        const float tolerance = packing == Packing::kF32    ? 0
                                : packing == Packing::kBf16 ? most / 256
                                                            : most / 127 * 0.5001f;
        for (std::size_t i = 0; i < want.size(); ++i) {
          ASSERT_NEAR(got[i], want[i], tolerance) << spec.name << " at " << i;
        }
      }
    }
  }
}

class ExportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "hemiola.XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  Path file() const { return folder_ / "x.hemiola"; }

  Path folder_;
};

TEST_F(ExportTest, ComesBackAsItWent) {
  for (const bool tied : {true, false}) {
    for (const Packing packing : kPackings) {
      const PackedModel model = packed_model(small_config(tied), packing);
      ASSERT_TRUE(write_export(file(), model));
      const auto again = load_export(file());
      ASSERT_TRUE(again) << again.error().message;
      EXPECT_EQ(again->config, model.config);
      EXPECT_EQ(again->packing, packing);
      EXPECT_EQ(again->tokenizer, model.tokenizer);
      EXPECT_EQ(again->card, "card");
      EXPECT_EQ(again->vectors, model.vectors);
      ASSERT_EQ(again->matrices.size(), model.matrices.size());
      for (const auto& [name, matrix] : model.matrices) {
        const PackedMatrix& other = again->matrices.find(name)->second;
        EXPECT_EQ(other.scales, matrix.scales);
        ASSERT_EQ(other.bytes(), matrix.bytes());
        EXPECT_EQ(std::memcmp(other.panels, matrix.panels, matrix.bytes()), 0) << name;
      }
    }
  }
}

TEST_F(ExportTest, AnyChangedByteIsNoticed) {
  ASSERT_TRUE(write_export(file(), packed_model(small_config(), Packing::kInt8)));
  Bytes bytes = *read_file(file());
  std::size_t begin = 8;  // after the table, which has checks of its own
  for (std::size_t i = 0; i < 8; ++i) begin += std::size_t{bytes[i]} << (8 * i);
  AlignedBytes copy(bytes.size());
  auto* data = reinterpret_cast<std::uint8_t*>(copy.data());
  std::memcpy(data, bytes.data(), bytes.size());
  Rng rng(1);
  for (int i = 0; i < 500; ++i) {
    const std::size_t at = begin + rng.below(bytes.size() - begin);
    const auto flip = static_cast<std::uint8_t>(1u << rng.below(8));
    data[at] ^= flip;
    const auto damaged = read_export({data, bytes.size()}, "x");
    ASSERT_FALSE(damaged) << at;
    EXPECT_THAT(damaged.error().message, HasSubstr("damaged"));
    data[at] ^= flip;
  }
  EXPECT_TRUE(read_export({data, bytes.size()}, "x"));
}

TEST_F(ExportTest, SaysWhatIsWrong) {
  EXPECT_FALSE(load_export(folder_ / "none"));
  const std::vector<float> a(4, 1.0f);
  ASSERT_TRUE(write_safetensors(file(), std::vector{view_of("a", {4}, a)}, {{"format", "pt"}}));
  auto refused = load_export(file());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("not an exported Hemiola model"));
  ASSERT_TRUE(write_safetensors(file(), std::vector{view_of("a", {4}, a)},
                                {{"format", "hemiola-model"}, {"version", "99"}}));
  refused = load_export(file());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("format version 99, this program knows 1"));

  PackedModel other = packed_model(small_config(), Packing::kInt8);
  other.tokenizer += " ";
  ASSERT_TRUE(write_export(file(), other));
  refused = load_export(file());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("tokenizer is not the one"));
  other = packed_model(small_config(), Packing::kInt8);
  other.config.layers = 3;
  ASSERT_TRUE(write_export(file(), other));
  refused = load_export(file());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("tensor h.2."));
  other.config.layers = 2;
  other.config.width = 24;
  ASSERT_TRUE(write_export(file(), other));
  EXPECT_FALSE(load_export(file()));
}

TEST_F(ExportTest, EveryTruncationIsRefused) {
  ASSERT_TRUE(write_export(file(), packed_model(small_config(), Packing::kInt8)));
  const Bytes whole = *read_file(file());
  AlignedBytes copy(whole.size());
  std::memcpy(copy.data(), whole.data(), whole.size());
  const auto* data = reinterpret_cast<const std::uint8_t*>(copy.data());
  EXPECT_TRUE(read_export({data, whole.size()}, "x"));
  for (std::size_t size = 0; size < whole.size(); size += 97) {
    EXPECT_FALSE(read_export({data, size}, "x")) << size;
  }
}

}  // namespace
}  // namespace hemiola
