#include "data/import.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>

#include "base/rng.h"
#include "data/convert.h"
#include "data/dataset.h"
#include "data/finish.h"
#include "data/sources.h"

namespace hemiola::data {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBatchFiles = 256;
constexpr std::size_t kBatchBytes = std::size_t{32} << 20;  // of files that came from an archive

std::uint64_t name_hash(std::string_view name) {
  return checksum({reinterpret_cast<const std::uint8_t*>(name.data()), name.size()});
}

std::uint64_t short_hash(const Sha256Digest& hash) { return checksum(hash); }

// Keeps a second import out of the folder.
class FolderLock {
 public:
  static Result<FolderLock> take(const Path& folder) {
    const Path path = folder / ".lock";
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) return fail("{}: cannot write: {}", path.string(), std::strerror(errno));
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      ::close(fd);
      return fail("{}: another import is writing into it; wait for it or stop it first",
                  folder.string());
    }
    return FolderLock(fd);
  }
  FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock() {
    if (fd_ >= 0) ::close(fd_);
  }

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_;
};

// What a killed import left half written.
void remove_leftovers(const Path& folder) {
  std::error_code code;
  for (const auto& item : fs::directory_iterator(folder, code)) {
    if (item.path().extension() == ".tmp") fs::remove(item.path(), code);
  }
}

Result<FolderLock> prepare(const Path& out) {
  std::error_code code;
  fs::create_directories(out / kShardFolder, code);
  if (code) return fail("{}: cannot create the folder: {}", out.string(), code.message());
  HEMIOLA_TRY(FolderLock lock, FolderLock::take(out));
  remove_leftovers(out);
  remove_leftovers(out / kShardFolder);
  return lock;
}

Status write_shard(const Path& out, std::span<const Piece> pieces) {
  const Bytes bytes = make_shard(pieces);
  const Sha256Digest hash = sha256(bytes);
  const std::string name = to_hex(std::span(hash).first(8)) + kShardEnding;
  return write_file(out / kShardFolder / name, bytes);
}

// The files that stand in shards already: name and content.
class Known {
 public:
  Status add_all(const Path& out) {
    HEMIOLA_TRY(const auto names, shard_names(out));
    for (const std::string& name : names) {
      HEMIOLA_TRY(const Shard shard, Shard::open(out / kShardFolder / name));
      for (std::size_t i = 0; i < shard.view().size(); ++i) {
        const PieceView piece = shard.view().piece(i);
        files_.emplace(name_hash(piece.path), short_hash(piece.file_hash));
      }
    }
    return {};
  }
  bool has_name(std::string_view name) const { return files_.contains(name_hash(name)); }
  bool has(std::string_view name, const Sha256Digest& hash) const {
    const auto [begin, end] = files_.equal_range(name_hash(name));
    return std::any_of(begin, end,
                       [&](const auto& file) { return file.second == short_hash(hash); });
  }

 private:
  std::unordered_multimap<std::uint64_t, std::uint64_t> files_;
};

struct Item {
  std::string name;
  Path path{};            // to be read, where there are no bytes yet
  Bytes bytes{};          // from an archive
  bool loaded = false;    // bytes are there
  std::string problem{};  // refused with this reason
};
using Batch = std::vector<Item>;

// Batches from one producer to the workers; a small number wait at a time.
class Queue {
 public:
  explicit Queue(std::size_t most) : most_(most) {}

  // False once the queue was closed early.
  bool push(Batch batch) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return batches_.size() < most_ || closed_; });
    if (closed_) return false;
    batches_.push_back(std::move(batch));
    changed_.notify_all();
    return true;
  }
  std::optional<Batch> pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !batches_.empty() || closed_; });
    if (batches_.empty()) return std::nullopt;
    Batch batch = std::move(batches_.front());
    batches_.pop_front();
    changed_.notify_all();
    return batch;
  }
  void close(bool at_once) {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    if (at_once) batches_.clear();
    changed_.notify_all();
  }

 private:
  const std::size_t most_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Batch> batches_;
  bool closed_ = false;
};

Piece convert_item(Item item) {
  if (!item.problem.empty()) return refused(std::move(item.name), item.problem);
  if (item.loaded) return convert(item.bytes, std::move(item.name));
  const auto bytes = read_file(item.path, kMostFileBytes);
  if (!bytes) return refused(std::move(item.name), bytes.error().message);
  return convert(*bytes, std::move(item.name));
}

// Reads everything that is not known yet into shards.
class Reader {
 public:
  Reader(const Path& out, const ImportOptions& options)
      : out_(out),
        options_(options),
        threads_(options.threads > 0 ? static_cast<unsigned>(options.threads)
                                     : std::max(1u, std::thread::hardware_concurrency())),
        queue_(threads_) {}

  Result<std::size_t> run(const std::vector<SourceFile>& sources) {
    HEMIOLA_CHECK(known_.add_all(out_));
    find_changed(sources);
    total_ = countable(sources);
    std::vector<std::thread> workers;
    for (unsigned i = 0; i < threads_; ++i) workers.emplace_back([this] { work(); });
    const Status offered = offer(sources);
    queue_.close(!offered);
    for (std::thread& worker : workers) worker.join();
    const std::lock_guard lock(mutex_);
    if (error_) return fail(*error_);
    if (!offered) return fail(offered.error());
    return done_.load();
  }

 private:
  bool is_ours(std::string_view name) const {
    return options_.parts <= 1 || mix64(name_hash(name)) % options_.parts == options_.part;
  }

  // 0 where an archive hides how many files there are.
  std::size_t countable(const std::vector<SourceFile>& sources) const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < sources.size(); ++i) {
      if (sources[i].is_archive) return 0;
      count += wanted_[i] ? 1 : 0;
    }
    return count;
  }

  // Which files on disk are new, or have another content than the one that is known.
  void find_changed(const std::vector<SourceFile>& sources) {
    wanted_.assign(sources.size(), 0);
    std::atomic<std::size_t> next{0};
    const auto look = [&] {
      for (std::size_t i; (i = next++) < sources.size();) {
        const SourceFile& source = sources[i];
        if (source.is_archive || !is_ours(source.name)) continue;
        bool wanted = !known_.has_name(source.name);
        if (!wanted) {
          const auto bytes = read_file(source.path, kMostFileBytes);
          wanted = !known_.has(source.name, bytes ? sha256(*bytes) : Sha256Digest{});
        }
        wanted_[i] = wanted ? 1 : 0;
      }
    };
    std::vector<std::thread> lookers;
    for (unsigned i = 0; i < threads_; ++i) lookers.emplace_back(look);
    for (std::thread& looker : lookers) looker.join();
  }

  Status offer(const std::vector<SourceFile>& sources) {
    for (std::size_t i = 0; i < sources.size(); ++i) {
      if (sources[i].is_archive) {
        HEMIOLA_CHECK(offer_archive(sources[i]));
      } else if (wanted_[i]) {
        HEMIOLA_CHECK(add({.name = sources[i].name, .path = sources[i].path}));
      }
    }
    return flush();
  }

  Status offer_archive(const SourceFile& source) {
    // A damaged archive is one refused file; what was read before the damage is kept.
    const auto refuse = [&](const std::string& reason) -> Status {
      if (!is_ours(source.name) || known_.has(source.name, {})) return {};
      return add({.name = source.name, .problem = reason});
    };
    auto archive = open_archive(source.path);
    if (!archive) return refuse(archive.error().message);
    for (;;) {
      auto item = (*archive)->next();
      if (!item) return refuse(item.error().message);
      if (!*item) return {};
      const std::string name = source.name + "/" + (*item)->name;
      if (!is_midi_name((*item)->name) || is_hidden_inside(name) || !is_ours(name)) continue;
      if (!(*item)->problem.empty()) {
        if (!known_.has(name, {})) HEMIOLA_CHECK(add({.name = name, .problem = (*item)->problem}));
        continue;
      }
      auto bytes = (*archive)->read();
      if (!bytes) {
        if (known_.has(name, {})) continue;
        HEMIOLA_CHECK(add({.name = name, .problem = bytes.error().message}));
      } else if (!known_.has_name(name) || !known_.has(name, sha256(*bytes))) {
        HEMIOLA_CHECK(add({.name = name, .bytes = std::move(*bytes), .loaded = true}));
      }
    }
  }

  static bool is_hidden_inside(const std::string& name) {
    return name.find("/.") != std::string::npos || name.find("/__MACOSX/") != std::string::npos;
  }

  // When a batch is full depends on what is in it alone, so that an import which goes on after a
  // kill makes the same batches again.
  Status add(Item item) {
    batch_bytes_ += item.bytes.size();
    batch_.push_back(std::move(item));
    return batch_.size() == kBatchFiles || batch_bytes_ >= kBatchBytes ? flush() : Status();
  }

  Status flush() {
    if (!batch_.empty() && !queue_.push(std::exchange(batch_, {}))) {
      return fail("import ended early");
    }
    batch_bytes_ = 0;
    report();
    return {};
  }

  void work() {
    while (auto batch = queue_.pop()) {
      std::vector<Piece> pieces;
      pieces.reserve(batch->size());
      for (Item& item : *batch) {
        if (options_.stop && options_.stop()) {
          return give_up({"stopped; the same command goes on from here"});
        }
        pieces.push_back(convert_item(std::move(item)));
        ++done_;
        report();
      }
      if (Status status = write_shard(out_, pieces); !status) return give_up(status.error());
    }
  }

  void give_up(Error error) {
    {
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = std::move(error);
    }
    queue_.close(true);
  }

  void report() {
    if (!options_.progress) return;
    const std::unique_lock lock(progress_mutex_, std::try_to_lock);
    if (lock) options_.progress(done_, total_);
  }

  const Path& out_;
  const ImportOptions& options_;
  const unsigned threads_;
  Known known_;
  std::vector<char> wanted_;  // one for each source
  std::size_t total_ = 0;
  Batch batch_;
  std::size_t batch_bytes_ = 0;
  Queue queue_;
  std::atomic<std::size_t> done_{0};
  std::mutex mutex_;
  std::mutex progress_mutex_;
  std::optional<Error> error_;
};

Status check_options(const ImportOptions& options) {
  if (options.parts < 1 || options.part >= options.parts) {
    return fail("part {} of {}: expected a part from 1 to the number of parts", options.part + 1,
                options.parts);
  }
  const SplitShares& split = options.split;
  if (!(split.validation >= 0 && split.test >= 0 && split.validation + split.test < 1)) {
    return fail(
        "held-out shares {} and {}: expected two numbers from 0 that leave something to train",
        split.validation, split.test);
  }
  return {};
}

}  // namespace

Result<ImportSummary> import_dataset(const std::vector<Path>& paths, const Path& out,
                                     const ImportOptions& options) {
  HEMIOLA_CHECK(check_options(options));
  HEMIOLA_TRY(std::vector<SourceFile> sources, list_sources(paths));
  HEMIOLA_TRY(const FolderLock lock, prepare(out));
  HEMIOLA_TRY(const std::size_t new_files, Reader(out, options).run(sources));
  sources = {};  // as large as the catalog that is made next
  HEMIOLA_TRY(ImportSummary summary, finish_dataset(out, options));
  summary.new_files = new_files;
  return summary;
}

Result<ImportSummary> join_datasets(const std::vector<Path>& parts, const Path& out,
                                    const ImportOptions& options) {
  HEMIOLA_CHECK(check_options(options));
  HEMIOLA_TRY(const FolderLock lock, prepare(out));
  std::size_t new_files = 0;
  for (const Path& part : parts) {
    HEMIOLA_TRY(const auto names, shard_names(part));
    for (const std::string& name : names) {
      const Path to = out / kShardFolder / name;
      std::error_code code;
      if (fs::exists(to, code)) continue;  // the name is the content's
      HEMIOLA_TRY(const Shard shard, Shard::open(part / kShardFolder / name));
      HEMIOLA_TRY(const MappedFile bytes, MappedFile::open(part / kShardFolder / name));
      HEMIOLA_CHECK(write_file(to, bytes.bytes()));
      new_files += shard.view().size();
    }
  }
  HEMIOLA_TRY(ImportSummary summary, finish_dataset(out, options));
  summary.new_files = new_files;
  return summary;
}

}  // namespace hemiola::data
