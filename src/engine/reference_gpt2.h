// GPT-2 as its definition says, in double precision, without cache, packing or threads: slow and
// obvious. The oracle of the engine's tests; nothing else uses it.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>
#include <string>
#include <vector>

#include "model/gpt2_tensors.h"

namespace hemiola::engine {

using Vector = std::vector<double>;
using Rows = std::vector<Vector>;  // (tokens, columns)

class ReferenceGpt2 {
 public:
  explicit ReferenceGpt2(const OwnedWeights& weights) : weights_(weights) {}

  // Logits after every token: (tokens, vocabulary).
  Rows logits(std::span<const std::int32_t> tokens) const {
    const ModelConfig& config = weights_.config();
    Rows x;
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      Vector row(width());
      for (std::size_t i = 0; i < width(); ++i) {
        row[i] = at("wte.weight", static_cast<std::size_t>(tokens[t]), i, width()) +
                 at("wpe.weight", t, i, width());
      }
      x.push_back(row);
    }
    for (int layer = 0; layer < config.layers; ++layer) {
      const std::string h = "h." + std::to_string(layer) + ".";
      add(x, linear(attend(linear(norm(x, h + "ln_1"), h + "attn.c_attn")), h + "attn.c_proj"));
      add(x, linear(gelu(linear(norm(x, h + "ln_2"), h + "mlp.c_fc")), h + "mlp.c_proj"));
    }
    const Rows last = norm(x, "ln_f");
    const std::string head = config.tied_head ? "wte.weight" : "lm_head.weight";
    Rows result;
    for (const Vector& row : last) {
      Vector& out = result.emplace_back(static_cast<std::size_t>(config.vocabulary), 0.0);
      for (std::size_t v = 0; v < out.size(); ++v) {
        for (std::size_t i = 0; i < width(); ++i) out[v] += row[i] * at(head, v, i, width());
      }
    }
    return result;
  }

 private:
  std::size_t width() const { return static_cast<std::size_t>(weights_.config().width); }

  double at(const std::string& name, std::size_t row, std::size_t column,
            std::size_t columns) const {
    return weights_.values(name)[row * columns + column];
  }

  static void add(Rows& x, const Rows& y) {
    for (std::size_t t = 0; t < x.size(); ++t) {
      for (std::size_t i = 0; i < x[t].size(); ++i) x[t][i] += y[t][i];
    }
  }

  Rows norm(const Rows& x, const std::string& name) const {
    const auto& weight = weights_.values(name + ".weight");
    const auto& bias = weights_.values(name + ".bias");
    Rows result = x;
    for (Vector& row : result) {
      const double n = static_cast<double>(row.size());
      double mean = 0, variance = 0;
      for (const double value : row) mean += value / n;
      for (const double value : row) variance += (value - mean) * (value - mean) / n;
      const double deviation = std::sqrt(variance + weights_.config().layer_norm_epsilon);
      for (std::size_t i = 0; i < row.size(); ++i) {
        row[i] = (row[i] - mean) / deviation * weight[i] + bias[i];
      }
    }
    return result;
  }

  Rows linear(const Rows& x, const std::string& name) const {
    const auto& weight = weights_.values(name + ".weight");
    const auto& bias = weights_.values(name + ".bias");
    Rows result;
    for (const Vector& row : x) {
      Vector& out = result.emplace_back(bias.begin(), bias.end());
      for (std::size_t k = 0; k < row.size(); ++k) {
        for (std::size_t n = 0; n < out.size(); ++n) {
          out[n] += row[k] * static_cast<double>(weight[k * out.size() + n]);
        }
      }
    }
    return result;
  }

  static Rows gelu(Rows x) {
    for (Vector& row : x) {
      for (double& v : row) {
        const double u = std::sqrt(2 / std::numbers::pi) * (v + 0.044715 * v * v * v);
        v = 0.5 * v * (1 + std::tanh(u));
      }
    }
    return x;
  }

  Rows attend(const Rows& qkv) const {
    const auto heads = static_cast<std::size_t>(weights_.config().heads);
    const std::size_t head_width = width() / heads;
    Rows result(qkv.size(), Vector(width(), 0.0));
    for (std::size_t head = 0; head < heads; ++head) {
      const std::size_t q = head * head_width, k = q + width(), v = k + width();
      for (std::size_t t = 0; t < qkv.size(); ++t) {
        Vector scores(t + 1, 0.0);
        for (std::size_t s = 0; s <= t; ++s) {
          for (std::size_t i = 0; i < head_width; ++i) scores[s] += qkv[t][q + i] * qkv[s][k + i];
          scores[s] /= std::sqrt(static_cast<double>(head_width));
        }
        const double most = *std::max_element(scores.begin(), scores.end());
        double sum = 0;
        for (double& score : scores) sum += score = std::exp(score - most);
        for (std::size_t s = 0; s <= t; ++s) {
          for (std::size_t i = 0; i < head_width; ++i) {
            result[t][q + i] += scores[s] / sum * qkv[s][v + i];
          }
        }
      }
    }
    return result;
  }

  const OwnedWeights& weights_;
};

}  // namespace hemiola::engine
