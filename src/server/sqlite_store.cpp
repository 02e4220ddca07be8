// The embedded store. Everything that knows SQLite is here.
#include <sqlite3.h>

#include <map>
#include <string>

#include "server/store.h"

namespace hemiola::server {
namespace {

constexpr int kVersion = 1;

constexpr const char* kTables = R"sql(
CREATE TABLE files (hash TEXT PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL,
  media_type TEXT NOT NULL, created TEXT NOT NULL, bytes INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE pieces (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL, parent TEXT NOT NULL, created TEXT NOT NULL, deleted TEXT NOT NULL,
  origin TEXT NOT NULL, summary TEXT NOT NULL, timing TEXT NOT NULL, recipe TEXT NOT NULL,
  novelty TEXT NOT NULL, midi TEXT NOT NULL, view TEXT NOT NULL, job TEXT NOT NULL,
  variation INTEGER NOT NULL);
CREATE UNIQUE INDEX piece_of_job ON pieces (job, variation) WHERE job != '';
CREATE TABLE jobs (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL, client TEXT NOT NULL, created TEXT NOT NULL, started TEXT NOT NULL,
  finished TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, request TEXT NOT NULL,
  outcome TEXT NOT NULL, error TEXT NOT NULL);
CREATE INDEX job_state ON jobs (state);
)sql";

constexpr const char* kPieceColumns =
    "id, name, parent, created, deleted, origin, summary, timing, recipe, novelty, midi, view, "
    "job, variation, number";
constexpr const char* kJobColumns =
    "id, kind, client, created, started, finished, state, attempts, request, outcome, error";

// What we wrote ourselves; null where the disk says otherwise.
Json parsed(const std::string& text) {
  auto json = parse_json(text, "store");
  return json ? std::move(*json) : Json();
}

// One prepared statement in use: bind in order, step, read in order. A failure shows in status().
class Query {
 public:
  Query(sqlite3* database, sqlite3_stmt* statement) : database_(database), statement_(statement) {}
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }

  Query& bind(const std::string& text) {
    sqlite3_bind_text64(statement_, ++bound_, text.data(), text.size(), SQLITE_TRANSIENT,
                        SQLITE_UTF8);
    return *this;
  }
  Query& bind(const Json& json) { return bind(json_text(json)); }
  Query& bind(std::int64_t number) {
    sqlite3_bind_int64(statement_, ++bound_, number);
    return *this;
  }

  bool row() {
    column_ = 0;
    code_ = sqlite3_step(statement_);
    return code_ == SQLITE_ROW;
  }
  Status run() {
    while (row()) {
    }
    return status();
  }
  Status status() const {
    if (code_ == SQLITE_DONE || code_ == SQLITE_ROW || code_ == SQLITE_OK) return {};
    return fail("the database: {}", sqlite3_errmsg(database_));
  }

  std::string text() {
    const int column = column_++;
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return text == nullptr
               ? std::string()
               : std::string(text,
                             static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
  }
  Json json() { return parsed(text()); }
  std::int64_t number() { return sqlite3_column_int64(statement_, column_++); }

 private:
  sqlite3* database_;
  sqlite3_stmt* statement_;
  int bound_ = 0, column_ = 0, code_ = SQLITE_OK;
};

FileRow read_file_row(Query& query) {
  FileRow file;
  file.hash = query.text();
  file.name = query.text();
  file.type = query.text();
  file.media_type = query.text();
  file.created = query.text();
  file.bytes = static_cast<std::uint64_t>(query.number());
  return file;
}

PieceRow read_piece_row(Query& query) {
  PieceRow piece;
  piece.id = query.text();
  piece.name = query.text();
  piece.parent = query.text();
  piece.created = query.text();
  piece.deleted = query.text();
  piece.origin = query.json();
  piece.summary = query.json();
  piece.timing = query.json();
  piece.recipe = query.json();
  piece.novelty = query.json();
  piece.midi = query.text();
  piece.view = query.text();
  piece.job = query.text();
  piece.variation = static_cast<int>(query.number());
  return piece;
}

JobRow read_job_row(Query& query) {
  JobRow job;
  job.id = query.text();
  job.kind = query.text();
  job.client = query.text();
  job.created = query.text();
  job.started = query.text();
  job.finished = query.text();
  job.state = query.text();
  job.attempts = static_cast<int>(query.number());
  job.request = query.json();
  job.outcome = query.json();
  job.error = query.json();
  return job;
}

class SqliteStore final : public Store {
 public:
  SqliteStore() = default;
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;
  ~SqliteStore() override {
    for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
    sqlite3_close(database_);
  }

  Status open(const Path& file) {
    if (sqlite3_open(file.c_str(), &database_) != SQLITE_OK) {
      return fail("{}: {}", file.string(), sqlite3_errmsg(database_));
    }
    sqlite3_busy_timeout(database_, 5000);
    HEMIOLA_CHECK(execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"));
    int version = 0;
    {
      Query query = prepare("PRAGMA user_version");
      if (query.row()) version = static_cast<int>(query.number());
      HEMIOLA_CHECK(query.status());
    }
    if (version == kVersion) return {};
    if (version != 0) {
      return fail("{}: written by another version of Hemiola ({}); this one reads version {}",
                  file.string(), version, kVersion);
    }
    return execute(fmt::format("BEGIN; {} PRAGMA user_version = {}; COMMIT;", kTables, kVersion));
  }

  Status add_file(const FileRow& file) override {
    return prepare(
               "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?) "
               "ON CONFLICT (hash) DO UPDATE SET name = excluded.name, created = excluded.created")
        .bind(file.hash)
        .bind(file.name)
        .bind(file.type)
        .bind(file.media_type)
        .bind(file.created)
        .bind(static_cast<std::int64_t>(file.bytes))
        .run();
  }

  Result<std::optional<FileRow>> file(const std::string& hash) override {
    Query query = prepare("SELECT * FROM files WHERE hash = ?");
    std::optional<FileRow> file;
    if (query.bind(hash).row()) file = read_file_row(query);
    HEMIOLA_CHECK(query.status());
    return file;
  }

  Result<std::vector<std::string>> add_pieces(const std::vector<PieceRow>& pieces) override {
    HEMIOLA_CHECK(execute("BEGIN IMMEDIATE"));
    auto ids = add_within(pieces);
    HEMIOLA_CHECK(execute(ids ? "COMMIT" : "ROLLBACK"));
    return ids;
  }

  Result<std::optional<PieceRow>> piece(const std::string& id) override {
    Query query = prepare(fmt::format("SELECT {} FROM pieces WHERE id = ?", kPieceColumns));
    std::optional<PieceRow> piece;
    if (query.bind(id).row()) piece = read_piece_row(query);
    HEMIOLA_CHECK(query.status());
    return piece;
  }

  Result<List> pieces(std::size_t limit, const std::string& before, bool deleted) override {
    Query query = prepare(fmt::format(
        "SELECT {} FROM pieces WHERE (deleted = '' OR ?) AND (? = '' OR number < (SELECT number "
        "FROM pieces WHERE id = ?)) ORDER BY number DESC LIMIT ?",
        kPieceColumns));
    query.bind(std::int64_t{deleted}).bind(before).bind(before);
    query.bind(static_cast<std::int64_t>(limit) + 1);
    List list;
    while (query.row()) list.pieces.push_back(read_piece_row(query));
    HEMIOLA_CHECK(query.status());
    if (list.pieces.size() > limit) {
      list.pieces.pop_back();
      list.next = list.pieces.back().id;
    }
    return list;
  }

  Result<std::vector<PieceRow>> lineage(const std::string& id, std::size_t limit) override {
    std::vector<PieceRow> line;
    for (std::string next = id; !next.empty() && line.size() < limit;) {
      HEMIOLA_TRY(std::optional<PieceRow> found, piece(next));
      if (!found) break;
      next = found->parent;
      line.push_back(std::move(*found));
    }
    return line;
  }

  Status rename_piece(const std::string& id, const std::string& name) override {
    return prepare("UPDATE pieces SET name = ? WHERE id = ?").bind(name).bind(id).run();
  }
  Status set_deleted(const std::string& id, bool deleted) override {
    const std::string when = deleted ? utc_now() : std::string();
    return prepare("UPDATE pieces SET deleted = ? WHERE id = ?").bind(when).bind(id).run();
  }
  Status set_novelty(const std::string& id, const Json& novelty) override {
    return prepare("UPDATE pieces SET novelty = ? WHERE id = ?").bind(novelty).bind(id).run();
  }

  Status add_job(const JobRow& job) override {
    return prepare(fmt::format("INSERT INTO jobs ({}) VALUES (?,?,?,?,?,?,?,?,?,?,?)", kJobColumns))
        .bind(job.id)
        .bind(job.kind)
        .bind(job.client)
        .bind(job.created)
        .bind(job.started)
        .bind(job.finished)
        .bind(job.state)
        .bind(std::int64_t{job.attempts})
        .bind(job.request)
        .bind(job.outcome)
        .bind(job.error)
        .run();
  }

  Status update_job(const JobRow& job) override {
    return prepare(
               "UPDATE jobs SET started = ?, finished = ?, state = ?, attempts = ?, "
               "outcome = ?, error = ? WHERE id = ?")
        .bind(job.started)
        .bind(job.finished)
        .bind(job.state)
        .bind(std::int64_t{job.attempts})
        .bind(job.outcome)
        .bind(job.error)
        .bind(job.id)
        .run();
  }

  Result<std::optional<JobRow>> job(const std::string& id) override {
    Query query = prepare(fmt::format("SELECT {} FROM jobs WHERE id = ?", kJobColumns));
    std::optional<JobRow> job;
    if (query.bind(id).row()) job = read_job_row(query);
    HEMIOLA_CHECK(query.status());
    return job;
  }

  Result<std::vector<JobRow>> jobs(std::size_t limit, bool only_active) override {
    Query query = prepare(fmt::format(
        "SELECT {} FROM jobs WHERE state IN ('queued', 'running') OR ? ORDER BY number DESC "
        "LIMIT ?",
        kJobColumns));
    query.bind(std::int64_t{!only_active}).bind(static_cast<std::int64_t>(limit));
    std::vector<JobRow> jobs;
    while (query.row()) jobs.push_back(read_job_row(query));
    HEMIOLA_CHECK(query.status());
    return jobs;
  }

  Status forget(const std::string& time) override {
    HEMIOLA_CHECK(
        prepare("DELETE FROM pieces WHERE deleted != '' AND deleted < ?").bind(time).run());
    HEMIOLA_CHECK(
        prepare("DELETE FROM jobs WHERE finished != '' AND finished < ?").bind(time).run());
    return prepare(
               "DELETE FROM files WHERE created < ? AND hash NOT IN "
               "(SELECT json_extract(origin, '$.file') FROM pieces "
               "WHERE json_extract(origin, '$.file') IS NOT NULL "
               "UNION SELECT json_extract(request, '$.file') FROM jobs "
               "WHERE json_extract(request, '$.file') IS NOT NULL)")
        .bind(time)
        .run();
  }

  Result<std::vector<std::string>> wanted_blobs() override {
    Query query = prepare(
        "SELECT midi FROM pieces UNION SELECT view FROM pieces UNION SELECT hash FROM files "
        "UNION SELECT json_extract(outcome, '$.sound.blob') FROM jobs "
        "WHERE json_extract(outcome, '$.sound.blob') IS NOT NULL "
        "UNION SELECT json_extract(value, '$.blob') FROM jobs, "
        "json_each(outcome, '$.sound.others')");
    return hashes_of(query);
  }

  Result<std::vector<std::string>> renewable_blobs() override {
    Query query = prepare(
        "SELECT blob FROM "
        "(SELECT json_extract(outcome, '$.sound.blob') AS blob, number FROM jobs UNION ALL "
        "SELECT json_extract(value, '$.blob'), number FROM jobs, "
        "json_each(outcome, '$.sound.others')) WHERE blob IS NOT NULL "
        "AND blob NOT IN (SELECT midi FROM pieces UNION SELECT view FROM pieces "
        "UNION SELECT hash FROM files) GROUP BY blob ORDER BY MAX(number)");
    return hashes_of(query);
  }

 private:
  static Result<std::vector<std::string>> hashes_of(Query& query) {
    std::vector<std::string> hashes;
    while (query.row()) hashes.push_back(query.text());
    HEMIOLA_CHECK(query.status());
    return hashes;
  }

  Result<std::vector<std::string>> add_within(const std::vector<PieceRow>& pieces) {
    std::vector<std::string> ids;
    for (const PieceRow& piece : pieces) {
      if (!piece.job.empty()) {
        Query old = prepare("SELECT id FROM pieces WHERE job = ? AND variation = ?");
        if (old.bind(piece.job).bind(std::int64_t{piece.variation}).row()) {
          ids.push_back(old.text());
          continue;
        }
        HEMIOLA_CHECK(old.status());
      }
      HEMIOLA_CHECK(prepare("INSERT INTO pieces (id, name, parent, created, deleted, origin, "
                            "summary, timing, recipe, novelty, midi, view, job, variation) "
                            "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)")
                        .bind(piece.id)
                        .bind(piece.name)
                        .bind(piece.parent)
                        .bind(piece.created)
                        .bind(piece.deleted)
                        .bind(piece.origin)
                        .bind(piece.summary)
                        .bind(piece.timing)
                        .bind(piece.recipe)
                        .bind(piece.novelty)
                        .bind(piece.midi)
                        .bind(piece.view)
                        .bind(piece.job)
                        .bind(std::int64_t{piece.variation})
                        .run());
      ids.push_back(piece.id);
    }
    return ids;
  }

  Status execute(const std::string& sql) {
    if (sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
      return fail("the database: {}", sqlite3_errmsg(database_));
    }
    return {};
  }

  // Statements are prepared once. One that cannot be is a fault of ours and shows as a failed step.
  Query prepare(const std::string& sql) {
    const auto found = statements_.find(sql);
    if (found != statements_.end()) return {database_, found->second};
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(database_, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK) {
      statements_.emplace(sql, statement);
    }
    return {database_, statement};
  }

  sqlite3* database_ = nullptr;
  std::map<std::string, sqlite3_stmt*> statements_;
};

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite(const Path& file) {
  auto store = std::make_unique<SqliteStore>();
  HEMIOLA_CHECK(store->open(file));
  return store;
}

}  // namespace hemiola::server
