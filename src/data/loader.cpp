#include "data/loader.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <future>
#include <numeric>
#include <optional>
#include <thread>

#include "base/rng.h"
#include "data/packing.h"
#include "data/styles.h"

namespace hemiola::data {
namespace {

constexpr std::size_t kBlockPieces = 512;

// Rows of one block, ready to be copied into batches.
struct Block {
  std::vector<Document> documents;
  std::vector<std::vector<std::uint32_t>> rows;
};

// Where the stream stands: the next row.
struct Place {
  std::uint64_t pass = 0;
  std::uint64_t block = 0;
  std::uint64_t row = 0;
  int length = 0;  // of the rows it was counted in; 0: none yet
};

class Loader final : public nn::ExampleSource {
 public:
  Loader(const Dataset& dataset, const tokens::Tokenizer& tokenizer, const LoaderOptions& options)
      : dataset_(dataset),
        tokenizer_(tokenizer),
        options_(options),
        pieces_(dataset.entries_of(options.split)) {
    if (!options.without_style.empty()) {
      std::erase_if(pieces_, [&](std::uint32_t entry) {
        return has_style(dataset, entry, options.without_style);
      });
    }
    const unsigned processors = std::max(1u, std::thread::hardware_concurrency());
    threads_ =
        options.threads > 0 ? static_cast<unsigned>(options.threads) : std::min(processors, 8u);
    identity_ = identity();
  }

  std::size_t pieces() const { return pieces_.size(); }

  Status next(int rows, int length, nn::Batch& batch) override {
    if (rows < 1 || length < 2) return fail("loader: {} rows of {} tokens", rows, length);
    HEMIOLA_CHECK(set_length(length));
    batch.resize(rows, length);
    for (int r = 0; r < rows * options_.ranks; ++r) {
      HEMIOLA_CHECK(go_to_next_row());
      const int mine = r - rows * options_.rank;
      if (mine >= 0 && mine < rows) write_row(block_->rows[place_.row], mine, batch);
      ++place_.row;
    }
    return {};
  }

  double epochs() const override {
    const auto all = static_cast<double>(pieces_.size());
    const auto before = static_cast<double>(place_.block * kBlockPieces);
    const double here = std::min(all - before, static_cast<double>(kBlockPieces));
    return static_cast<double>(place_.pass) + (before + share_done() * here) / all;
  }

  std::string state() const override {
    return fmt::format("loader 1 {} seed {} pass {} block {} row {} of {} length {}", identity_,
                       options_.seed, place_.pass, place_.block, place_.row,
                       block_ ? block_->rows.size() : 0, place_.length);
  }

  Status restore(std::string_view state) override {
    const std::string text(state);
    char identity[65] = {};
    unsigned long long seed = 0, pass = 0, block = 0, row = 0, rows = 0;
    int length = 0, end = 0;
    if (std::sscanf(text.c_str(),
                    "loader 1 %64s seed %llu pass %llu block %llu row %llu of %llu length %d%n",
                    identity, &seed, &pass, &block, &row, &rows, &length, &end) != 7 ||
        static_cast<std::size_t>(end) != text.size() || length < 0 || block >= blocks()) {
      return fail("loader: cannot read the saved state \"{}\"", text);
    }
    if (identity != identity_) {
      return fail(
          "loader: the saved state is of other data, another tokenizer or another mixture "
          "({:.12}, here {:.12}); go on with the same, or begin a new run",
          std::string(identity), identity_);
    }
    if (seed != options_.seed) {
      return fail("loader: the saved state has seed {}, this run {}", seed, options_.seed);
    }
    drop_blocks();
    place_ = {.pass = pass, .block = block, .row = row, .length = length};
    restored_share_ = rows > 0 ? static_cast<double>(row) / static_cast<double>(rows) : 0;
    return {};
  }

 private:
  // Of the current block, 0 to 1.
  double share_done() const {
    if (!block_) return restored_share_;
    return static_cast<double>(place_.row) /
           static_cast<double>(std::max<std::size_t>(1, block_->rows.size()));
  }

  std::uint64_t blocks() const { return (pieces_.size() + kBlockPieces - 1) / kBlockPieces; }

  std::string identity() const {
    const Mixture& m = options_.mixture;
    Sha256 hash;
    hash.update(dataset_.identity()).update(tokenizer_.sha256());
    hash.update(fmt::format("{} {} {} {} {} {} {} {} {} {} {} {}", m.cut_short, m.infill,
                            m.controls, m.tell_control, m.count_bars, m.transpose_down,
                            m.transpose_up, m.velocity_classes, m.tempo_classes, m.augment,
                            m.flatten, split_name(options_.split)));
    if (!options_.without_style.empty()) hash.update("\nwithout " + options_.without_style);
    return to_hex(hash.finish());
  }

  // Another length in the middle of a block: its rows are made anew, and the same share of them is
  // taken as done.
  Status set_length(int length) {
    if (place_.length == length) return {};
    const Place before = place_;
    place_.length = length;
    if (before.row > 0) {
      const double share = share_done();
      drop_blocks();
      HEMIOLA_CHECK(load_block());
      place_.row = static_cast<std::uint64_t>(share * static_cast<double>(block_->rows.size()));
    } else {
      drop_blocks();
    }
    return {};
  }

  Status go_to_next_row() {
    std::uint64_t empty = 0;
    for (;;) {
      if (!block_) HEMIOLA_CHECK(load_block());
      if (place_.row < block_->rows.size()) return {};
      block_.reset();
      place_.row = 0;
      if (++place_.block == blocks()) {
        place_.block = 0;
        ++place_.pass;
      }
      if (++empty > blocks() + 1) return fail("loader: no training piece gives a single document");
    }
  }

  // The block of place_, which is mostly ready, and a start on the one after it.
  Status load_block() {
    if (!ahead_.valid()) start(place_.pass, place_.block);
    auto block = ahead_.get();
    if (!block) return fail(std::move(block.error()));
    block_ = std::move(*block);
    const bool last = place_.block + 1 == blocks();
    start(last ? place_.pass + 1 : place_.pass, last ? 0 : place_.block + 1);
    return {};
  }

  void start(std::uint64_t pass, std::uint64_t block) {
    ahead_ = std::async(std::launch::async, [this, pass, block, length = place_.length] {
      return make(pass, block, length);
    });
  }

  void drop_blocks() {
    block_.reset();
    if (ahead_.valid()) ahead_.wait();
    ahead_ = {};
  }

  Result<Block> make(std::uint64_t pass, std::uint64_t number, int length) const {
    std::vector<std::uint32_t> order = pieces_;
    Rng(mix64(options_.seed ^ mix64(2 * pass))).shuffle(std::span(order));
    const std::size_t begin = static_cast<std::size_t>(number) * kBlockPieces;
    const std::size_t end = std::min(order.size(), begin + kBlockPieces);
    std::vector<std::vector<Document>> made(end - begin);
    std::atomic<std::size_t> next{begin};
    std::vector<std::optional<Error>> errors(threads_);
    const auto work = [&](std::size_t thread) {
      for (std::size_t i; (i = next++) < end;) {
        Rng rng(mix64(options_.seed ^ mix64(2 * pass + 1)) ^ mix64(order[i]));
        if (Status status = make_piece(order[i], length, rng, made[i - begin]); !status) {
          errors[thread] = status.error();
          return;
        }
      }
    };
    std::vector<std::thread> workers;
    for (unsigned i = 1; i < threads_; ++i) workers.emplace_back(work, i);
    work(0);
    for (std::thread& worker : workers) worker.join();
    for (const auto& error : errors) {
      if (error) return fail(*error);
    }
    Block block;
    for (auto& documents : made) {
      for (Document& document : documents) block.documents.push_back(std::move(document));
    }
    block.rows = pack(block.documents, length);
    Rng(mix64(options_.seed ^ mix64(2 * pass + 1)) + number).shuffle(std::span(block.rows));
    return block;
  }

  Status make_piece(std::uint32_t entry, int length, Rng& rng, std::vector<Document>& out) const {
    HEMIOLA_TRY(const GridScore score, dataset_.score(entry));
    const Entry& about = dataset_.entries()[entry];
    auto status = make_documents(score, dataset_.styles(about), tokenizer_, options_.mixture,
                                 length, rng, out);
    if (!status) return fail(std::move(status.error()).within(about.path));
    return {};
  }

  void write_row(const std::vector<std::uint32_t>& documents, int row, nn::Batch& batch) const {
    auto at = static_cast<std::size_t>(row) * static_cast<std::size_t>(batch.length);
    const std::size_t end = at + static_cast<std::size_t>(batch.length);
    std::int32_t segment = 0;
    for (const std::uint32_t index : documents) {
      const auto& ids = block_->documents[index].ids;
      for (std::size_t i = 0; i + 1 < ids.size(); ++i, ++at) {
        batch.ids[at] = ids[i];
        batch.targets[at] = ids[i + 1];
        batch.positions[at] = static_cast<std::int32_t>(i);
        batch.segments[at] = segment;
      }
      ++segment;
    }
    for (std::int32_t position = 0; at < end; ++at, ++position) {
      batch.positions[at] = position;
      batch.segments[at] = segment;
    }
  }

  const Dataset& dataset_;
  const tokens::Tokenizer& tokenizer_;
  const LoaderOptions options_;
  std::vector<std::uint32_t> pieces_;
  unsigned threads_ = 1;
  std::string identity_;
  Place place_;
  std::optional<Block> block_;  // the one place_ is in
  double restored_share_ = 0;   // of a block that is not made again yet
  // Last, so that it ends before what it uses is gone.
  std::future<Result<Block>> ahead_;
};

}  // namespace

Result<std::unique_ptr<nn::ExampleSource>> make_loader(const Dataset& dataset,
                                                       const tokens::Tokenizer& tokenizer,
                                                       const LoaderOptions& options) {
  if (options.ranks < 1 || options.rank < 0 || options.rank >= options.ranks) {
    return fail("loader: rank {} of {}", options.rank, options.ranks);
  }
  if (dataset.entries_of(options.split).empty()) {
    return fail("{}: no piece is in its {} split", dataset.folder().string(),
                split_name(options.split));
  }
  auto loader = std::make_unique<Loader>(dataset, tokenizer, options);
  if (loader->pieces() == 0) {
    return fail("{}: without the style {}, no piece is left to learn from",
                dataset.folder().string(), options.without_style);
  }
  return std::unique_ptr<nn::ExampleSource>(std::move(loader));
}

}  // namespace hemiola::data
