// The hand-written passes against libtorch and against themselves.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <tuple>

#include "base/rng.h"
#include "nn/learner.h"

namespace hemiola::nn {
namespace {

// Rows of two or three segments, one of them without targets, and some padding.
Batch packed_batch(const Gpt2Shape& shape, int rows, int length, std::uint64_t seed) {
  Batch batch;
  batch.resize(rows, length);
  Rng rng(seed);
  for (int row = 0; row < rows; ++row) {
    const int first = rng.between(0, length / 2);
    const int second = rng.between(length / 2, length - 1);
    for (int t = 0; t < length; ++t) {
      const auto i = static_cast<std::size_t>(row * length + t);
      const int start = row == 0 || t < first ? 0 : (t < second ? first : second);
      batch.ids[i] = rng.between(0, shape.vocabulary - 1);
      batch.segments[i] = row == 0 || t < first ? 0 : (t < second ? 1 : 2);
      batch.positions[i] = t - start;
      const bool target = rng.chance(0.8) && !(row == 1 && t >= second);
      batch.targets[i] = target ? rng.between(0, shape.vocabulary - 1) : kNoTarget;
    }
  }
  return batch;
}

std::vector<float> fresh_weights(const Gpt2Layout& layout) {
  ModelConfig config;
  config.layers = layout.shape.layers;
  config.heads = layout.shape.heads;
  config.width = layout.shape.width;
  config.inner = 4 * layout.shape.width;
  config.context = layout.shape.context;
  config.vocabulary = layout.shape.vocabulary;
  return initial_weights(layout, config, 3);
}

// Weights far enough from their start that every tensor's gradient matters.
std::vector<float> rough_weights(const Gpt2Layout& layout) {
  std::vector<float> weights = fresh_weights(layout);
  Rng rng(4);
  for (const TensorSlot& slot : layout.tensors) {
    for (std::size_t i = 0; i < slot.size; ++i) {
      float& w = weights[slot.offset + i];
      w += static_cast<float>(0.1 * (rng.uniform() - 0.5)) + (slot.is_matrix() ? 2 * w : 0.0F);
    }
  }
  return weights;
}

double norm(std::span<const float> x) {
  double total = 0;
  for (float v : x) total += static_cast<double>(v) * static_cast<double>(v);
  return std::sqrt(total);
}

// Null where the build has no libtorch; a failure where it should have it.
std::unique_ptr<Learner> reference([[maybe_unused]] const Gpt2Shape& shape) {
  TorchLearnerOptions options;
  options.fp64 = true;
#ifdef HEMIOLA_HAS_TORCH
  return std::move(make_torch_learner(shape, options).value());
#else
  return nullptr;
#endif
}

struct Case {
  const char* kernels;
  Gpt2Shape shape;
  int rows, length;
  double tolerance;  // relative error of each tensor's gradient
};

// Every table's product against one in double precision, over sizes that fill no tile.
TEST(Products, EqualThePlainSum) {
  for (const char* name :
       {"plain-fp32", "plain-bf16", "avx2-fp32", "avx512-fp32", "avx512-bf16", "amx-bf16"}) {
    const cpu::Kernels* k = cpu::find_kernels(name);
    if (k == nullptr) continue;  // not on this processor
    for (const auto& [m, panels, depth] : {std::tuple{1, 1, 2}, {13, 2, 34}, {109, 3, 600}}) {
      const int n = panels * k->panel;
      Rng rng(2);
      const auto random = [&](int count) {
        std::vector<float> values(static_cast<std::size_t>(count));
        // Few enough bits that bf16 holds them.
        for (float& v : values) v = static_cast<float>(rng.between(-64, 64)) / 64;
        return values;
      };
      const std::vector<float> left = random(m * depth), right = random(depth * n);
      std::vector<std::uint16_t> left16(left.size());
      for (std::size_t i = 0; i < left.size(); ++i) {
        left16[i] = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(left[i]) >> 16);
      }
      std::vector<float> packed(cpu::panel_count(*k, depth, n)),
          got(static_cast<std::size_t>(m * n));
      k->pack(right.data(), n, depth, n, packed.data());
      const void* from = k->bf16 ? static_cast<const void*>(left16.data()) : left.data();
      k->product(from, packed.data(), m, n, depth, got.data());
      for (int i = 0; i < m; ++i) {
        for (int j = 0; j < n; ++j) {
          double want = 0;
          for (int d = 0; d < depth; ++d) {
            want += static_cast<double>(left[static_cast<std::size_t>(i * depth + d)]) *
                    static_cast<double>(right[static_cast<std::size_t>(d * n + j)]);
          }
          ASSERT_NEAR(got[static_cast<std::size_t>(i * n + j)], want, 1e-4 * depth)
              << name << " " << m << " x " << n << " x " << depth << " at " << i << ", " << j;
        }
      }
    }
  }
}

class Gradients : public testing::TestWithParam<Case> {};

TEST_P(Gradients, EqualLibtorch) {
  const Case& c = GetParam();
  const cpu::Kernels* kernels = cpu::find_kernels(c.kernels);
  if (kernels == nullptr) GTEST_SKIP() << "this processor cannot run " << c.kernels;
  auto learner = make_cpu_learner(c.shape, *kernels, 2);
  const Gpt2Layout& layout = learner->layout();
  const std::vector<float> weights = rough_weights(layout);
  learner->set_state({weights, {}, {}, {}});
  const Batch batch = packed_batch(c.shape, c.rows, c.length, 5);
  ASSERT_TRUE(check_batch(batch, c.shape).has_value());
  auto plain = reference(c.shape);
  if (plain == nullptr) GTEST_SKIP() << "this build has no libtorch to compare with";
  plain->set_state({weights, {}, {}, {}});

  const std::vector<float> losses = learner->score(batch, false);
  const std::vector<float> want_losses = plain->score(batch, false);
  ASSERT_EQ(losses.size(), want_losses.size());
  for (std::size_t i = 0; i < losses.size(); ++i) {
    EXPECT_NEAR(losses[i], want_losses[i], 20 * c.tolerance) << "token " << i;
  }
  const StepResult got = learner->step({&batch, 1}, {});
  const StepResult want = plain->step({&batch, 1}, {});
  EXPECT_EQ(got.targets, want.targets);
  EXPECT_NEAR(got.loss / want.loss, 1, c.tolerance);
  EXPECT_NEAR(got.grad_norm / want.grad_norm, 1, c.tolerance);
  const std::vector<float> gradient = learner->gradient();
  const std::vector<float> want_gradient = plain->gradient();
  for (const TensorSlot& slot : layout.tensors) {
    std::vector<float> error(slot.size);
    for (std::size_t i = 0; i < slot.size; ++i) {
      error[i] = gradient[slot.offset + i] - want_gradient[slot.offset + i];
    }
    const double size = norm({want_gradient.data() + slot.offset, slot.size});
    EXPECT_LT(norm(error), c.tolerance * size + 1e-7) << slot.name;
  }
}

// Ten steps of each optimiser from the same weights, in two parts with the state carried over.
class Updates : public testing::TestWithParam<Optimiser> {};

TEST_P(Updates, EqualLibtorch) {
  const Gpt2Shape shape{2, 2, 32, 48, 67};
  auto learner = make_cpu_learner(shape, *cpu::find_kernels("plain-fp32"), 1);
  auto plain = reference(shape);
  if (plain == nullptr) GTEST_SKIP() << "this build has no libtorch to compare with";
  const std::vector<float> weights = rough_weights(learner->layout());
  learner->set_state({weights, {}, {}, {}});
  plain->set_state({weights, {}, {}, {}});
  UpdateSettings settings;
  settings.optimiser = GetParam();
  settings.rate = 3e-3F;
  settings.average = 0.1F;
  settings.clip = 0.5F;
  for (int step = 1; step <= 10; ++step) {
    settings.step = step;
    const std::vector<Batch> batches = {packed_batch(shape, 2, 40, 10),
                                        packed_batch(shape, 2, 40, 11)};
    const StepResult got = learner->step(batches, settings);
    const StepResult want = plain->step(batches, settings);
    EXPECT_NEAR(got.loss / want.loss, 1, 1e-4) << "step " << step;
    EXPECT_NEAR(got.grad_norm / want.grad_norm, 1, 1e-3) << "step " << step;
    if (step == 5) {
      auto other = make_cpu_learner(shape, *cpu::find_kernels("plain-fp32"), 2);
      other->set_state(learner->state());
      learner = std::move(other);
    }
  }
  const LearnerState got = learner->state();
  const LearnerState want = plain->state();
  const auto distance = [](std::span<const float> a, std::span<const float> b) {
    std::vector<float> error(a.size());
    for (std::size_t i = 0; i < a.size(); ++i) error[i] = a[i] - b[i];
    return norm(error);
  };
  const double moved = distance(want.weights, weights);
  EXPECT_GT(moved, 0.1);
  EXPECT_LT(distance(got.weights, want.weights), 0.01 * moved);
  EXPECT_LT(distance(got.average, want.average), 0.01 * moved);
}

INSTANTIATE_TEST_SUITE_P(Both, Updates, testing::Values(Optimiser::kAdamW, Optimiser::kMuon));

TEST(CpuLearner, IsTheSameForAnyNumberOfThreads) {
  const Gpt2Shape shape{2, 2, 32, 48, 67};
  std::vector<std::vector<float>> results;
  for (int threads : {1, 3}) {
    auto learner = make_cpu_learner(shape, cpu::choose_kernels(cpu::Precision::kAuto), threads);
    learner->set_state({fresh_weights(learner->layout()), {}, {}, {}});
    UpdateSettings settings;
    settings.dropout = 0.1F;
    for (settings.step = 1; settings.step <= 5; ++settings.step) {
      const Batch batch = packed_batch(shape, 4, 40, static_cast<std::uint64_t>(settings.step));
      learner->step({&batch, 1}, settings);
    }
    results.push_back(learner->state().weights);
  }
  EXPECT_EQ(results[0], results[1]);
}

// The gradient under dropout is that of the loss under the same masks: central differences.
TEST(CpuLearner, DropoutGradientIsThatOfItsLoss) {
  const Gpt2Shape shape{2, 2, 32, 48, 67};
  auto learner = make_cpu_learner(shape, *cpu::find_kernels("plain-fp32"), 1);
  const std::vector<float> weights = rough_weights(learner->layout());
  const Batch batch = packed_batch(shape, 2, 40, 7);
  UpdateSettings settings;
  settings.dropout = 0.3F;
  const auto loss_at = [&](const std::vector<float>& w) {
    learner->set_state({w, {}, {}, {}});
    const StepResult result = learner->step({&batch, 1}, settings);
    return result.loss / static_cast<double>(result.targets);
  };
  loss_at(weights);
  const std::vector<float> gradient = learner->gradient();
  std::vector<float> up = weights;
  std::vector<float> down = weights;
  const float size = static_cast<float>(0.02 / norm(gradient));
  for (std::size_t i = 0; i < weights.size(); ++i) {
    up[i] += size * gradient[i];
    down[i] -= size * gradient[i];
  }
  const double slope = (loss_at(up) - loss_at(down)) / 0.04;
  EXPECT_NEAR(slope / norm(gradient), 1, 0.02);
  settings.dropout = 0;
  EXPECT_GT(std::abs(loss_at(weights) -
                     [&] {
                       settings.dropout = 0.3F;
                       return loss_at(weights);
                     }()),
            1e-3);
}

constexpr Gpt2Shape kNarrow{2, 2, 32, 48, 67};  // head width 16: panels half empty
constexpr Gpt2Shape kOdd{2, 1, 48, 130, 101};   // head width 48, width not of whole panels
constexpr Gpt2Shape kLong{1, 2, 64, 300, 130};  // several blocks of queries

INSTANTIATE_TEST_SUITE_P(
    AllKernels, Gradients,
    testing::Values(
        Case{"plain-fp32", kNarrow, 3, 37, 1e-5}, Case{"plain-fp32", kOdd, 2, 129, 1e-5},
        Case{"plain-fp32", kLong, 2, 299, 1e-5}, Case{"avx2-fp32", kNarrow, 3, 37, 1e-5},
        Case{"avx2-fp32", kOdd, 2, 129, 1e-5}, Case{"avx2-fp32", kLong, 2, 299, 1e-5},
        Case{"avx512-fp32", kNarrow, 3, 37, 1e-5}, Case{"avx512-fp32", kOdd, 2, 129, 1e-5},
        Case{"avx512-fp32", kLong, 2, 299, 1e-5}, Case{"plain-bf16", kNarrow, 3, 37, 0.03},
        Case{"plain-bf16", kOdd, 2, 129, 0.03}, Case{"plain-bf16", kLong, 2, 299, 0.03},
        Case{"avx512-bf16", kNarrow, 3, 37, 0.03}, Case{"avx512-bf16", kOdd, 2, 129, 0.03},
        Case{"avx512-bf16", kLong, 2, 299, 0.03}, Case{"amx-bf16", kNarrow, 3, 37, 0.03},
        Case{"amx-bf16", kOdd, 2, 129, 0.03}, Case{"amx-bf16", kLong, 2, 299, 0.03}),
    [](const auto& test) {
      std::string name = test.param.kernels;
      std::replace(name.begin(), name.end(), '-', '_');
      return name + "_" + std::to_string(test.param.length);
    });

}  // namespace
}  // namespace hemiola::nn
