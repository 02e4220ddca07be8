// Draws the next token from logits, among those a mask allows. The same seed and logits give the
// same tokens on every machine: random numbers from base/rng.h, exponentials of its own.
// One Sampler a stream, one thread at a time; nothing is allocated after construction.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/rng.h"
#include "engine/engine.h"

namespace hemiola::engine {

// Applied in this order.
struct SamplerOptions {
  // Each token seen among the last `repetition_window` ones has its odds divided by this. 1: off.
  float repetition_penalty = 1;
  int repetition_window = 64;
  float temperature = 1;  // 0: always the likeliest token (the lowest id of equals)
  int top_k = 0;          // only the k likeliest; 0: off
  float top_p = 1;        // only the likeliest that together have at least this probability; 1: off
  float min_p = 0;        // only those at least this fraction as likely as the likeliest; 0: off
};

// Every number in its range; the message names the option.
Status check(const SamplerOptions& options);

// Whether bit `token` is set; an empty set allows all.
inline bool is_allowed(std::span<const std::uint64_t> allowed, TokenId token) {
  const auto t = static_cast<std::size_t>(token);
  return allowed.empty() || (allowed[t / 64] >> (t % 64) & 1) != 0;
}

class Sampler {
 public:
  // Precondition: check(options).
  Sampler(int vocabulary, const SamplerOptions& options, std::uint64_t seed);

  // The next token; it also becomes part of the history that the repetition penalty looks at.
  // logits: (vocabulary). Throws std::invalid_argument when the mask allows no token.
  TokenId pick(std::span<const float> logits, std::span<const std::uint64_t> allowed = {});

  // Tokens that were not picked here but count as history: a prompt, a forced token.
  void saw(TokenId token);
  // Only these tokens are subject to the repetition penalty; empty: all.
  void set_penalised(std::span<const std::uint64_t> tokens);

  const Rng& rng() const { return rng_; }
  void set_rng(const Rng& rng) { rng_ = rng; }

 private:
  struct Candidate {
    float logit;
    TokenId token;
    double weight;
  };

  float penalised(float logit, TokenId token) const;
  TokenId pick_likeliest(std::span<const float> logits, std::span<const std::uint64_t> allowed);

  SamplerOptions options_;
  Rng rng_;
  float penalty_ = 0;  // log of the repetition penalty, nats
  std::vector<std::uint64_t> penalised_;
  std::vector<Candidate> candidates_;
  std::vector<TokenId> history_;  // a ring of repetition_window tokens
  std::size_t next_ = 0;
  std::vector<std::uint16_t> counts_;  // how often each token stands in the ring
};

}  // namespace hemiola::engine
