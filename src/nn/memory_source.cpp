#include "nn/memory_source.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/json.h"
#include "base/rng.h"

namespace hemiola::nn {

MemorySource::MemorySource(std::vector<std::vector<std::int32_t>> documents, std::uint64_t seed,
                           std::vector<std::int64_t> notes, std::vector<double> beats)
    : documents_(std::move(documents)),
      notes_(std::move(notes)),
      beats_(std::move(beats)),
      seed_(seed) {
  for (const auto& document : documents_) {
    if (document.size() > 1) total_ += document.size() - 1;
    fingerprint_ = mix64(fingerprint_ ^ document.size());
    for (std::int32_t id : document)
      fingerprint_ = mix64(fingerprint_ ^ static_cast<std::uint32_t>(id));
  }
  shuffle();
}

void MemorySource::shuffle() {
  order_.resize(documents_.size());
  for (std::size_t i = 0; i < order_.size(); ++i) order_[i] = i;
  Rng rng(mix64(seed_) + epoch_);
  rng.shuffle(std::span(order_));
  at_ = offset_ = done_ = 0;
}

Status MemorySource::next(int rows, int length, Batch& batch) {
  if (total_ == 0) return fail("training data: no document has two tokens or more");
  batch.resize(rows, length);
  for (int row = 0; row < rows; ++row) {
    int segment = 0;
    for (int t = 0; t < length; ++segment) {
      while (at_ < order_.size() && offset_ + 1 >= documents_[order_[at_]].size()) {
        ++at_;
        offset_ = 0;
      }
      if (at_ == order_.size()) {
        ++epoch_;
        shuffle();
        --segment;
        continue;
      }
      const std::vector<std::int32_t>& ids = documents_[order_[at_]];
      for (int position = 0; t < length && offset_ + 1 < ids.size(); ++t, ++position, ++offset_) {
        const auto i = static_cast<std::size_t>(row) * static_cast<std::size_t>(length) +
                       static_cast<std::size_t>(t);
        batch.ids[i] = ids[offset_];
        batch.targets[i] = ids[offset_ + 1];
        batch.positions[i] = position;
        batch.segments[i] = segment;
        ++done_;
      }
    }
  }
  return {};
}

double MemorySource::epochs() const {
  return static_cast<double>(epoch_) +
         static_cast<double>(done_) / static_cast<double>(std::max<std::size_t>(1, total_));
}

std::string MemorySource::state() const {
  return json_text(Json({{"data", fingerprint_},
                         {"seed", seed_},
                         {"epoch", epoch_},
                         {"at", at_},
                         {"offset", offset_},
                         {"done", done_}}));
}

Status MemorySource::restore(std::string_view state) {
  HEMIOLA_TRY(const Json json, parse_json(state, "training data position"));
  try {
    if (json.at("data").get<std::uint64_t>() != fingerprint_) {
      return fail("training data position: it belongs to other documents");
    }
    seed_ = json.at("seed").get<std::uint64_t>();
    epoch_ = json.at("epoch").get<std::uint64_t>();
    shuffle();
    at_ = json.at("at").get<std::size_t>();
    offset_ = json.at("offset").get<std::size_t>();
    done_ = json.at("done").get<std::size_t>();
  } catch (const Json::exception& error) {
    return fail("training data position: {}", error.what());
  }
  if (at_ > order_.size()) return fail("training data position: document {} of {}", at_, size());
  return {};
}

EvalDocument MemorySource::document(std::size_t index) const {
  EvalDocument document;
  document.ids = documents_[index];
  if (!notes_.empty()) document.notes = notes_[index];
  if (!beats_.empty()) document.beats = beats_[index];
  return document;
}

Status MixedSource::next(int rows, int length, Batch& batch) {
  const auto wanted =
      static_cast<std::int64_t>(std::floor(share_ * static_cast<double>(rows_ + rows) + 0.5));
  const int second = std::clamp(static_cast<int>(wanted - second_rows_), 0, rows);
  rows_ += rows;
  second_rows_ += second;
  if (second == rows) return second_.next(rows, length, batch);
  HEMIOLA_CHECK(first_.next(rows - second, length, batch));
  if (second == 0) return {};
  Batch more;
  HEMIOLA_CHECK(second_.next(second, length, more));
  batch.rows = rows;
  const auto append = [](std::vector<std::int32_t>& to, const std::vector<std::int32_t>& from) {
    to.insert(to.end(), from.begin(), from.end());
  };
  append(batch.ids, more.ids);
  append(batch.targets, more.targets);
  append(batch.positions, more.positions);
  append(batch.segments, more.segments);
  return {};
}

std::string MixedSource::state() const {
  return json_text(Json({{"first", first_.state()},
                         {"second", second_.state()},
                         {"rows", rows_},
                         {"second_rows", second_rows_}}));
}

Status MixedSource::restore(std::string_view state) {
  HEMIOLA_TRY(const Json json, parse_json(state, "mixed training data position"));
  try {
    HEMIOLA_CHECK(first_.restore(json.at("first").get<std::string>()));
    HEMIOLA_CHECK(second_.restore(json.at("second").get<std::string>()));
    rows_ = json.at("rows").get<std::int64_t>();
    second_rows_ = json.at("second_rows").get<std::int64_t>();
  } catch (const Json::exception& error) {
    return fail("mixed training data position: {}", error.what());
  }
  return {};
}

}  // namespace hemiola::nn
