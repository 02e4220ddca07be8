#include "nn/held_out.h"

#include <algorithm>
#include <array>
#include <numbers>
#include <numeric>
#include <vector>

namespace hemiola::nn {

namespace {

double ratio(double a, double b) { return b > 0 ? a / b : 0; }

// Collects windows, packs them into rows and scores a batch whenever one is full.
class Scorer {
 public:
  Scorer(Learner& learner, const HeldOutOptions& options) : learner_(learner), options_(options) {
    rows_ = std::max(1, options.batch_tokens / options.length);
    clear();
  }

  // Inputs ids[begin, end), targets ids[first, end]; first > begin.
  void add(const std::vector<std::int32_t>& ids, std::size_t begin, std::size_t end,
           std::size_t first) {
    const int size = static_cast<int>(end - begin);
    if (column_ + size > options_.length) {
      ++row_;
      column_ = 0;
      segment_ = 0;
    }
    if (row_ == rows_) flush();
    for (std::size_t i = begin; i < end; ++i) {
      const auto at = static_cast<std::size_t>(row_ * options_.length + column_++);
      batch_.ids[at] = ids[i];
      batch_.positions[at] = static_cast<std::int32_t>(i - begin);
      batch_.segments[at] = segment_;
      if (i + 1 >= first) batch_.targets[at] = ids[i + 1];
    }
    ++segment_;
    pad();
  }

  void flush() {
    if (row_ == 0 && column_ == 0) return;
    if (column_ > 0) ++row_;
    // The last batch is cut to the rows that are used.
    const std::size_t used =
        static_cast<std::size_t>(row_) * static_cast<std::size_t>(options_.length);
    batch_.rows = row_;
    for (auto* part : {&batch_.ids, &batch_.targets, &batch_.positions, &batch_.segments}) {
      part->resize(used);
    }
    if (error_.has_value()) error_ = check_batch(batch_, learner_.layout().shape);
    if (error_.has_value()) {
      for (float loss : learner_.score(batch_, options_.averaged)) {
        nats_ += static_cast<double>(loss);
      }
    }
    clear();
  }

  const Status& status() const { return error_; }
  double nats() const { return nats_; }

 private:
  void clear() {
    batch_.resize(rows_, options_.length);
    row_ = column_ = segment_ = 0;
  }

  // The rest of the row is padding until something else comes.
  void pad() {
    for (int t = column_; t < options_.length; ++t) {
      const auto at = static_cast<std::size_t>(row_ * options_.length + t);
      batch_.segments[at] = segment_;
      batch_.positions[at] = t - column_;
    }
  }

  Learner& learner_;
  HeldOutOptions options_;
  int rows_ = 1;
  Batch batch_;
  int row_ = 0, column_ = 0, segment_ = 0;
  double nats_ = 0;
  Status error_;
};

}  // namespace

double HeldOutLoss::per_token() const { return ratio(nats, static_cast<double>(tokens)); }
double HeldOutLoss::bits_per_note() const {
  return ratio(nats / std::numbers::ln2, static_cast<double>(notes));
}
double HeldOutLoss::bits_per_beat() const { return ratio(nats / std::numbers::ln2, beats); }

Result<HeldOutLoss> score_documents(Learner& learner, const EvalSource& source,
                                    const HeldOutOptions& options) {
  // A stride that is coprime to the count visits all documents, far ones first.
  const std::size_t count = source.size();
  std::size_t stride = std::max<std::size_t>(1, count * 5 / 8);
  while (std::gcd(stride, count) > 1) ++stride;
  HeldOutLoss result;
  Scorer scorer(learner, options);
  const auto limit = static_cast<std::size_t>(options.length);
  const std::size_t ranks =
      options.ranks == nullptr ? 1 : static_cast<std::size_t>(options.ranks->count());
  const std::size_t rank =
      options.ranks == nullptr ? 0 : static_cast<std::size_t>(options.ranks->rank());
  for (std::size_t i = 0; i < count; ++i) {
    if (options.max_tokens > 0 && result.tokens >= options.max_tokens) break;
    const EvalDocument document = source.document(i * stride % count);
    const std::size_t size = document.ids.size();
    auto next = static_cast<std::size_t>(std::max(1, document.first));  // first target not scored
    if (next >= size) continue;
    result.tokens += static_cast<std::int64_t>(size - next);
    result.notes += document.notes;
    result.beats += document.beats;
    if (result.documents++ % ranks != rank) continue;
    std::size_t begin = next > limit ? next - limit / 2 : 0;
    while (next < size) {
      const std::size_t end = std::min(size - 1, begin + limit);  // inputs end before the last id
      scorer.add(document.ids, begin, end, next);
      next = end + 1;
      begin = next > limit / 2 ? next - limit / 2 : 0;
    }
  }
  scorer.flush();
  HEMIOLA_CHECK(scorer.status());
  std::array<double, 1> nats = {scorer.nats()};
  if (options.ranks != nullptr) HEMIOLA_CHECK(options.ranks->sum(nats));
  result.nats = nats[0];
  return result;
}

}  // namespace hemiola::nn
