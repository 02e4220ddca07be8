// What the server remembers: files, pieces with their lineage, jobs. The embedded store is SQLite
// with a write-ahead log: what a call has taken is there after a kill at any moment. Another
// database (PostgreSQL, say) needs these calls and no more. Calls block and come from one thread at
// a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "base/result.h"

namespace hemiola::server {

// Times are UTC, "2026-11-25T01:02:03.456Z": as text they sort as times.
std::string utc_now();
std::string utc_ago(double seconds);

// 32 hexadecimal digits that nobody can guess.
std::string new_id();
bool is_id(std::string_view text);

struct FileRow {
  std::string hash, name, type, media_type, created;
  std::uint64_t bytes = 0;
};

struct PieceRow {
  std::string id, name;
  std::string parent;  // empty: none
  std::string created;
  std::string deleted;  // when; empty: it is not
  Json origin, summary, timing;
  Json recipe, novelty;    // null: none
  std::string midi, view;  // hashes
  std::string job;         // that wrote it; empty: none
  int variation = 0;       // of those that the job wrote, from 1
};

struct JobRow {
  std::string id, kind, client, created, started, finished;
  std::string state;  // queued, running, done, cancelled, failed
  int attempts = 0;   // how often it was begun
  Json request;
  Json outcome = Json::object();  // pieces, sound, result
  Json error;                     // null: none

  bool ended() const { return state == "done" || state == "cancelled" || state == "failed"; }
};

class FileStore {
 public:
  virtual ~FileStore() = default;
  // A file that is there already gets the new name and counts as new.
  virtual Status add_file(const FileRow& file) = 0;
  virtual Result<std::optional<FileRow>> file(const std::string& hash) = 0;
};

class PieceStore {
 public:
  virtual ~PieceStore() = default;
  // A piece of a job and variation that is there already is not added again: the id is then the old
  // one's. All or none.
  virtual Result<std::vector<std::string>> add_pieces(const std::vector<PieceRow>& pieces) = 0;
  virtual Result<std::optional<PieceRow>> piece(const std::string& id) = 0;
  struct List {
    std::vector<PieceRow> pieces;  // the newest first
    std::string next;              // empty: these were the last
  };
  virtual Result<List> pieces(std::size_t limit, const std::string& before, bool deleted) = 0;
  // From the piece up to what it was made from, as far as that is there.
  virtual Result<std::vector<PieceRow>> lineage(const std::string& id, std::size_t limit) = 0;
  virtual Status rename_piece(const std::string& id, const std::string& name) = 0;
  virtual Status set_deleted(const std::string& id, bool deleted) = 0;
  virtual Status set_novelty(const std::string& id, const Json& novelty) = 0;
};

class JobStore {
 public:
  virtual ~JobStore() = default;
  virtual Status add_job(const JobRow& job) = 0;
  // All but id, kind, client, created and request.
  virtual Status update_job(const JobRow& job) = 0;
  virtual Result<std::optional<JobRow>> job(const std::string& id) = 0;
  virtual Result<std::vector<JobRow>> jobs(std::size_t limit, bool only_active) = 0;
};

class Store : public FileStore, public PieceStore, public JobStore {
 public:
  // Forgets pieces deleted, jobs ended and files handed in before `time`, the files only where
  // nothing was made of them; then hashes of blobs that are still wanted.
  virtual Status forget(const std::string& time) = 0;
  virtual Result<std::vector<std::string>> wanted_blobs() = 0;
  // Sounds that jobs rendered, which can be rendered again; the oldest first.
  virtual Result<std::vector<std::string>> renewable_blobs() = 0;
};

Result<std::unique_ptr<Store>> open_sqlite(const Path& file);

}  // namespace hemiola::server
