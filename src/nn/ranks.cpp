#include "nn/ranks.h"

#include <charconv>
#include <cstdlib>
#include <cstring>

namespace hemiola::nn {

namespace {

// A whole number from the environment, or `otherwise` where the variable is not set.
Result<int> number(const char* name, int low, int high, int otherwise) {
  const char* text = std::getenv(name);
  if (text == nullptr || *text == '\0') return otherwise;
  int value = 0;
  const char* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  if (error != std::errc() || stop != end || value < low || value > high) {
    return fail("environment variable {}: expected a whole number from {} to {}, got \"{}\"", name,
                low, high, text);
  }
  return value;
}

}  // namespace

Result<RankPlace> place_from_environment() {
  constexpr int kMost = 65536;
  RankPlace place;
  HEMIOLA_TRY(place.ranks, number("WORLD_SIZE", 1, kMost, 1));
  if (place.ranks == 1) return place;
  if (std::getenv("RANK") == nullptr) {
    return fail("WORLD_SIZE is {}, but RANK is not set: which of the {} processes is this one?",
                place.ranks, place.ranks);
  }
  HEMIOLA_TRY(place.rank, number("RANK", 0, place.ranks - 1, 0));
  HEMIOLA_TRY(place.local_rank, number("LOCAL_RANK", 0, place.ranks - 1, 0));
  HEMIOLA_TRY(place.local_ranks, number("LOCAL_WORLD_SIZE", 1, place.ranks, 1));
  HEMIOLA_TRY(place.port, number("MASTER_PORT", 1, 65535, place.port));
  if (const char* address = std::getenv("MASTER_ADDR"); address != nullptr && *address != '\0') {
    place.address = address;
  }
  return place;
}

Result<std::string> share_text(Ranks& ranks, Result<std::string> text) {
  double size[1] = {0};
  if (ranks.rank() == 0 && text) size[0] = static_cast<double>(text->size()) + 1;
  HEMIOLA_CHECK(ranks.sum(size));
  if (ranks.rank() == 0 && !text) return text;
  if (size[0] == 0) return fail("rank 0 could not go on; its own message says why");
  std::string shared(static_cast<std::size_t>(size[0]) - 1, '\0');
  if (ranks.rank() == 0) shared = *std::move(text);
  HEMIOLA_CHECK(ranks.broadcast(std::as_writable_bytes(std::span(shared))));
  return shared;
}

int BucketSums::add(std::span<float> values, int parts) {
  buckets_.push_back({values, parts});
  return static_cast<int>(buckets_.size()) - 1;
}

void BucketSums::done(int bucket) {
  const std::lock_guard lock(mutex_);
  --buckets_[static_cast<std::size_t>(bucket)].parts;
  for (; next_ < buckets_.size() && buckets_[next_].parts == 0; ++next_) {
    ranks_.begin_sum(buckets_[next_].values);
  }
}

}  // namespace hemiola::nn
