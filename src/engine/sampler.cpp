#include "engine/sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace hemiola::engine {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

// e^x for x <= 0, by the same few operations everywhere; relative error below 1e-13, 0 below -700.
double exponential(double x) {
  if (!(x > -700)) return 0;
  constexpr double kMagic = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to whole numbers
  const double n = (x * 1.4426950408889634 + kMagic) - kMagic;
  const double r = (x - n * 0.693147180369123816490) - n * 1.90821492927058770002e-10;
  double term = 1, sum = 1;
  for (int i = 1; i <= 13; ++i) {
    term = term * r / i;
    sum += term;
  }
  const auto exponent = static_cast<std::uint64_t>(static_cast<std::int64_t>(n) + 1023);
  return sum * std::bit_cast<double>(exponent << 52);
}

// Calls use(token) for each allowed one.
template <class Use>
void for_each_allowed(std::size_t vocabulary, std::span<const std::uint64_t> allowed, Use use) {
  if (allowed.empty()) {
    for (std::size_t t = 0; t < vocabulary; ++t) use(static_cast<TokenId>(t));
    return;
  }
  const std::size_t words = (vocabulary + 63) / 64;
  for (std::size_t w = 0; w < words; ++w) {
    for (std::uint64_t bits = allowed[w]; bits != 0; bits &= bits - 1) {
      const std::size_t t = w * 64 + static_cast<std::size_t>(std::countr_zero(bits));
      if (t < vocabulary) use(static_cast<TokenId>(t));
    }
  }
}

[[noreturn]] void nothing_allowed() { throw std::invalid_argument("the mask allows no token"); }

}  // namespace

Status check(const SamplerOptions& options) {
  const auto bad = [](std::string_view name, double value, std::string_view expected) {
    return fail("{}: expected {}, got {}", name, expected, value);
  };
  if (!(options.temperature >= 0 && options.temperature <= 100)) {
    return bad("temperature", options.temperature, "0 to 100");
  }
  if (options.top_k < 0) return bad("top-k", options.top_k, "0 (off) or more");
  if (!(options.top_p > 0 && options.top_p <= 1)) {
    return bad("top-p", options.top_p, "more than 0, at most 1");
  }
  if (!(options.min_p >= 0 && options.min_p <= 1)) return bad("min-p", options.min_p, "0 to 1");
  if (!(options.repetition_penalty >= 1 && options.repetition_penalty <= 1e6f)) {
    return bad("repetition penalty", options.repetition_penalty, "1 (off) to 1000000");
  }
  if (options.repetition_window < 0 || options.repetition_window > 65535) {
    return bad("repetition window", options.repetition_window, "0 to 65535 tokens");
  }
  return {};
}

Sampler::Sampler(int vocabulary, const SamplerOptions& options, std::uint64_t seed)
    : options_(options),
      rng_(seed),
      candidates_(static_cast<std::size_t>(vocabulary)),
      counts_(static_cast<std::size_t>(vocabulary), 0) {
  if (options.repetition_penalty > 1 && options.repetition_window > 0) {
    // -log by bisection of the exponential above, so that no library has a say in it.
    double low = -14, high = 0;
    for (int i = 0; i < 60; ++i) {
      const double middle = (low + high) / 2;
      (exponential(middle) * options.repetition_penalty > 1 ? high : low) = middle;
    }
    penalty_ = static_cast<float>(-high);
    history_.assign(static_cast<std::size_t>(options.repetition_window), -1);
  }
}

void Sampler::set_penalised(std::span<const std::uint64_t> tokens) {
  penalised_.assign(tokens.begin(), tokens.end());
}

void Sampler::saw(TokenId token) {
  if (history_.empty()) return;
  TokenId& slot = history_[next_];
  if (slot >= 0) --counts_[static_cast<std::size_t>(slot)];
  slot = token;
  ++counts_[static_cast<std::size_t>(token)];
  next_ = (next_ + 1) % history_.size();
}

float Sampler::penalised(float logit, TokenId token) const {
  if (logit != logit) return kNever;
  logit = std::min(logit, std::numeric_limits<float>::max());
  const bool subject = counts_[static_cast<std::size_t>(token)] > 0 &&
                       (penalised_.empty() || is_allowed(penalised_, token));
  return subject ? logit - penalty_ : logit;
}

TokenId Sampler::pick_likeliest(std::span<const float> logits,
                                std::span<const std::uint64_t> allowed) {
  TokenId best = -1;
  float most = kNever;
  for_each_allowed(logits.size(), allowed, [&](TokenId token) {
    const float logit = penalised(logits[static_cast<std::size_t>(token)], token);
    if (best < 0 || logit > most) best = token, most = logit;
  });
  if (best < 0) nothing_allowed();
  return best;
}

TokenId Sampler::pick(std::span<const float> logits, std::span<const std::uint64_t> allowed) {
  if (logits.size() != counts_.size()) {
    throw std::invalid_argument("logits are not of the sampler's vocabulary");
  }
  if (options_.temperature == 0) {
    const TokenId token = pick_likeliest(logits, allowed);
    saw(token);
    return token;
  }
  std::size_t count = 0;
  float most = kNever;
  for_each_allowed(logits.size(), allowed, [&](TokenId token) {
    const float logit = penalised(logits[static_cast<std::size_t>(token)], token);
    candidates_[count++] = {logit, token, 0};
    most = std::max(most, logit);
  });
  if (count == 0) nothing_allowed();
  if (most == kNever) {  // nothing but NaN or -infinity: any allowed token is as good
    const TokenId token = candidates_[rng_.below(count)].token;
    saw(token);
    return token;
  }

  auto rest = std::span(candidates_).first(count);
  const auto likelier = [](const Candidate& a, const Candidate& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
  };
  if (options_.top_k > 0 && static_cast<std::size_t>(options_.top_k) < rest.size()) {
    std::nth_element(rest.begin(), rest.begin() + options_.top_k, rest.end(), likelier);
    rest = rest.first(static_cast<std::size_t>(options_.top_k));
  }
  // nth_element may leave the rest in an order of the library's own: sort, so that the draw is
  // the same everywhere.
  const bool by_weight = options_.top_p < 1;
  if (by_weight || options_.top_k > 0) std::sort(rest.begin(), rest.end(), likelier);
  double total = 0;
  for (Candidate& candidate : rest) {
    candidate.weight = exponential((double{candidate.logit} - most) / options_.temperature);
    total += candidate.weight;
  }
  if (by_weight) {
    double sum = 0;
    std::size_t keep = 0;
    while (keep < rest.size() && (keep == 0 || sum < options_.top_p * total)) {
      sum += rest[keep++].weight;
    }
    rest = rest.first(keep);
    total = sum;
  }
  if (options_.min_p > 0) {
    total = 0;
    for (Candidate& candidate : rest) {
      if (candidate.weight < options_.min_p) candidate.weight = 0;  // the likeliest has 1
      total += candidate.weight;
    }
  }
  double left = rng_.uniform() * total;
  TokenId token = -1;
  for (const Candidate& candidate : rest) {
    if (candidate.weight <= 0) continue;
    token = candidate.token;
    if ((left -= candidate.weight) < 0) break;
  }
  saw(token);
  return token;
}

}  // namespace hemiola::engine
