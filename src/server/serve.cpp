#include "server/serve.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <unordered_set>

#include "audio/synthesise.h"
#include "audio/transcribe.h"
#include "audiolm/generator.h"
#include "base/hash.h"
#include "data/novelty_index.h"
#include "model/locate.h"
#include "model/model_folder.h"
#include "score/instruments.h"
#include "server/api.h"
#include "server/elsewhere.h"
#include "server/studio_files.h"
#include "worker/sandbox.h"

namespace hemiola::server {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

constexpr std::chrono::minutes kSweepEvery{60};
constexpr double kBlobGrace = 24 * 3600;  // seconds that a blob may be without an owner
constexpr std::size_t kWorkersReady = 2;
// For what is asked outside of jobs: files opened, notation read, edits, exports.
constexpr std::size_t kFileWorkersBesides = 3;

// Two servers in one folder would do each job twice.
class FolderLock {
 public:
  static Result<FolderLock> take(const Path& folder) {
    std::error_code code;
    fs::create_directories(folder, code);
    if (code) return fail("{}: cannot create the folder: {}", folder.string(), code.message());
    fs::permissions(folder, fs::perms::owner_all, code);
    const int fd = ::open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return fail("{}: cannot write: {}", folder.string(), std::strerror(errno));
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      ::close(fd);
      return fail("{}: another server uses this folder; stop it or name another with --data",
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

// The text of a file that only the owner reads; made on the first call.
Result<std::string> kept_secret(const Path& path) {
  std::error_code code;
  if (!fs::exists(path, code)) {
    HEMIOLA_CHECK(write_text(path, new_id() + new_id()));
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write, code);
  }
  return read_text(path, 4096);
}

Result<std::string> model_hash(const Path& model) {
  std::error_code code;
  const Path file = fs::is_directory(model, code) ? model / kWeightsFile : model;
  HEMIOLA_TRY(const MappedFile map, MappedFile::open(file));
  return to_hex(sha256(map.bytes()));
}

// How the processors are shared out.
struct Sharing {
  std::size_t music_jobs, sound_jobs;
  int threads;  // of one that writes music
};

Sharing share_out(const ServeOptions& options) {
  const int processors = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  const auto jobs = [&](int asked) {
    return static_cast<std::size_t>(asked > 0 ? asked : std::max(2, processors / 2));
  };
  Sharing sharing{jobs(options.music_jobs), jobs(options.sound_jobs), options.threads};
  // Twice its share: they are seldom all at work.
  const int share = 2 * processors / static_cast<int>(sharing.music_jobs);
  if (sharing.threads == 0) sharing.threads = std::clamp(share, 1, processors);
  return sharing;
}

struct Setting {
  Path self, model, soundfont, transcriber, audiolm, training;
  bool comparable = false;  // with training music: a data set, or the model's index of it
  std::string hash;
  Path bubblewrap;
  std::string isolation;  // for people
};

Result<Setting> find_setting(const ServeOptions& options) {
  Setting setting;
  std::error_code code;
  setting.self = fs::read_symlink("/proc/self/exe", code);
  if (code) return fail("cannot find the program itself: {}", code.message());
  HEMIOLA_TRY(const Path model, locate_model(options.model));
  setting.model = fs::canonical(model, code);
  HEMIOLA_TRY(setting.hash, model_hash(setting.model));
  if (!options.soundfont.empty()) {
    setting.soundfont = fs::canonical(options.soundfont, code);
    if (code) return fail("{}: {}", options.soundfont.string(), code.message());
  } else if (const auto usual = default_soundfont()) {
    setting.soundfont = fs::canonical(*usual, code);
  }
  // Named and not there: an error. Not named and not there: this server does without.
  if (const auto weights = locate_transcriber(options.transcriber)) {
    setting.transcriber = fs::canonical(*weights, code);
  } else if (!options.transcriber.empty()) {
    return fail(weights.error());
  }
  if (const auto bundle = audiolm::locate_audiolm(options.audiolm)) {
    setting.audiolm = fs::canonical(*bundle, code);
  } else if (!options.audiolm.empty()) {
    return fail(bundle.error());
  }
  if (!options.training.empty()) {
    setting.training = fs::canonical(options.training, code);
    if (code) return fail("{}: {}", options.training.string(), code.message());
  }
  setting.comparable =
      !setting.training.empty() || fs::exists(data::novelty_index_path(setting.model), code);
  std::string why;
  setting.bubblewrap = worker::find_bubblewrap(why);
  setting.isolation =
      setting.bubblewrap.empty()
          ? fmt::format(
                "files from outside are opened by processes with limits and a filter of "
                "system calls, but without walls around the file system: {}",
                why)
          : "files from outside are opened by processes without network, that see a read-only "
            "system and a folder of their own, with limits and a filter of system calls";
  return setting;
}

enum class Workers { kFiles, kMusic, kWaves };

// `threads`: of one that writes music or waveforms.
std::vector<std::string> worker_command(const ServeOptions& options, const Setting& setting,
                                        Workers kind, int threads) {
  std::vector<std::string> command = {setting.self.string(), "worker", "--connection", "0"};
  std::vector<Path> visible = {setting.self};
  const auto add = [&](const char* option, const Path& path) {
    if (path.empty()) return;
    command.insert(command.end(), {option, path.string()});
    visible.push_back(path);
  };
  if (kind != Workers::kFiles) {
    command.insert(command.end(), {"--threads", std::to_string(threads)});
  }
  if (kind == Workers::kMusic) {
    add("--model", setting.model);
    command.insert(command.end(), {"--model-hash", setting.hash});
    add("--training", setting.training);
    if (const Path index = data::novelty_index_path(setting.model); fs::exists(index)) {
      visible.push_back(index);
    }
  } else {
    add("--soundfont", setting.soundfont);
    if (kind == Workers::kFiles) add("--transcriber", setting.transcriber);
    if (kind == Workers::kWaves) add("--audiolm", setting.audiolm);
  }
  if (!setting.bubblewrap.empty()) {
    return worker::in_bubblewrap(setting.bubblewrap, command, visible);
  }
  const Path temporary = fs::absolute(options.data / "tmp");
  command.insert(command.end(), {"--temp", temporary.string()});
  return command;
}

Json instruments_json() {
  constexpr std::array kGroups = {"Piano",         "Chromatic percussion",
                                  "Organ",         "Guitar",
                                  "Bass",          "Strings",
                                  "Ensemble",      "Brass",
                                  "Reed",          "Pipe",
                                  "Synth lead",    "Synth pad",
                                  "Synth effects", "Ethnic",
                                  "Percussive",    "Sound effects"};
  Json list = Json::array();
  for (int program = 0; program < 128; ++program) {
    list.push_back({{"program", program},
                    {"name", instrument_name({program, false})},
                    {"group", kGroups[static_cast<std::size_t>(program / 8)]}});
  }
  return list;
}

Json info_json(const Setting& setting, const Json& model, const ApiLimits& limits,
               const JobLimits& jobs, bool login) {
  Json soundfont;
  if (!setting.soundfont.empty()) {
    std::error_code code;
    soundfont = {{"url", "/soundfont.sf3"},
                 {"bytes", fs::file_size(setting.soundfont, code)},
                 {"name", setting.soundfont.filename().string()}};
  }
  return {
      {"name", "hemiola"},
      {"version", HEMIOLA_VERSION},
      {"model", model},
      {"instruments", instruments_json()},
      {"capabilities",
       {{"transcribe", !setting.transcriber.empty()},
        {"waveform", !setting.audiolm.empty()},
        {"novelty", setting.comparable},
        {"evaluate", true},
        {"render", !setting.soundfont.empty()}}},
      {"isolation",
       {{"level", setting.bubblewrap.empty() ? "partial" : "full"}, {"detail", setting.isolation}}},
      {"limits",
       {{"upload_bytes", limits.upload_bytes},
        {"text_bytes", limits.text_bytes},
        {"bars", 512},
        {"count", 16},
        {"queued_jobs", jobs.queued_of_client}}},
      {"soundfont", soundfont},
      {"login", login}};
}

// Forgets what is too old, now and then.
Awaitable<void> keep_tidy(Services& services, double keep_days) {
  asio::steady_timer timer(services.context);
  for (;;) {
    const auto work = [&store = services.store, &blobs = services.blobs,
                       keep_days]() -> Result<std::uint64_t> {
      HEMIOLA_CHECK(store.forget(utc_ago(keep_days * 24 * 3600)));
      HEMIOLA_TRY(const auto hashes, store.wanted_blobs());
      const std::unordered_set<std::string> wanted(hashes.begin(), hashes.end());
      return blobs.sweep(kBlobGrace,
                         [&](const std::string& hash) { return wanted.contains(hash); });
    };
    const auto freed = co_await elsewhere(services.storage, work);
    if (!freed) services.log.event("error", {{"message", freed.error().message}});
    if (freed && *freed > 0) services.log.event("tidied", {{"bytes", *freed}});
    timer.expires_after(kSweepEvery);
    boost::system::error_code error;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
  }
}

// What the model is, from a worker that has loaded it; the error says why none could.
Awaitable<Result<Json>> describe_model(WorkerPool& pool) {
  Call call;
  call.message = Json::object();
  call.message["op"] = "describe";
  auto result = co_await pool.call(std::move(call));
  if (!result) co_return fail("the workers do not start: {}", result.error().message);
  co_return std::move(result->done);
}

}  // namespace

Path default_data_folder() {
  if (const char* set = std::getenv("XDG_DATA_HOME"); set != nullptr && *set != '\0') {
    return Path(set) / "hemiola";
  }
  const char* home = std::getenv("HOME");
  return Path(home != nullptr ? home : ".") / ".local/share/hemiola";
}

Status serve(const ServeOptions& options) {
  boost::system::error_code bad_address;
  const auto address = asio::ip::make_address(options.host, bad_address);
  if (bad_address) {
    return fail("--host {}: expected an IP address, such as 127.0.0.1 or ::1", options.host);
  }
  HEMIOLA_TRY(const FolderLock lock, FolderLock::take(options.data));
  HEMIOLA_TRY(const Setting setting, find_setting(options));
  if (!address.is_loopback() && setting.bubblewrap.empty()) {
    return fail(
        "--host {}: others could send files to this computer, and it cannot open them safely: {}. "
        "Serve on 127.0.0.1 instead.",
        options.host, setting.isolation);
  }
  HEMIOLA_TRY(const auto blobs, open_blob_folder(options.data));
  HEMIOLA_TRY(const auto store, open_sqlite(options.data / "hemiola.db"));
  GuardOptions guarding;
  guarding.login = options.login || !address.is_loopback();
  HEMIOLA_TRY(guarding.secret, kept_secret(options.data / "secret"));
  guarding.token = options.token;
  if (guarding.token.empty()) {
    HEMIOLA_TRY(guarding.token, kept_secret(options.data / "token"));
  }
  guarding.hosts = options.allowed_hosts;
  guarding.client_rate = options.client_rate;

  std::signal(SIGPIPE, SIG_IGN);
  const Log log(options.log);
  asio::io_context context(1);
  asio::thread_pool storage(1);
  const Sharing sharing = share_out(options);
  JobLimits job_limits;
  job_limits.music_at_once = sharing.music_jobs;
  job_limits.sound_at_once = sharing.sound_jobs;
  WorkerPool files(context, *blobs, worker_command(options, setting, Workers::kFiles, 0),
                   kWorkersReady, sharing.music_jobs + sharing.sound_jobs + kFileWorkersBesides);
  WorkerPool music(context, *blobs,
                   worker_command(options, setting, Workers::kMusic, sharing.threads),
                   std::min(kWorkersReady, sharing.music_jobs), sharing.music_jobs);
  WorkerPool waves(context, *blobs,
                   worker_command(options, setting, Workers::kWaves, sharing.threads), 1,
                   sharing.sound_jobs);
  StorageLimit storage_limit(storage, *store, *blobs,
                             static_cast<std::uint64_t>(options.storage * 1e9));
  Services services{context, storage, *store, *blobs, storage_limit, files, music, waves, log};
  const ApiLimits limits;
  JobBoard jobs(services, job_limits);
  Guard guard(guarding);

  Status outcome;
  std::unique_ptr<Api> api;
  std::unique_ptr<HttpServer> http;
  StudioFiles studio(find_studio(options.web));
  const auto begin = [&]() -> Awaitable<void> {
    files.fill();
    if (!setting.audiolm.empty()) waves.fill();
    const auto model = co_await describe_model(music);
    if (!model) {
      outcome = fail(model.error());
      context.stop();
      co_return;
    }
    ApiFacts facts;
    facts.info = info_json(setting, *model, limits, job_limits, guarding.login);
    facts.soundfont = setting.soundfont;
    api = std::make_unique<Api>(services, jobs, guard, limits, std::move(facts));
    http = std::make_unique<HttpServer>(
        context, guard, log, api->routes(),
        [&studio](const Request& request) { return studio.answer(request); });
    api->set_http(http.get());
    co_await jobs.recover();
    const auto bound = http->listen(options.host, options.port);
    if (!bound) {
      outcome = fail(bound.error());
      context.stop();
      co_return;
    }
    std::vector<std::string> notes = {setting.isolation};
    if (guarding.login) notes.push_back("the token to log in with: " + guarding.token);
    if (options.ready) options.ready(*bound, notes);
    asio::co_spawn(context, keep_tidy(services, options.keep_days), asio::detached);
  };
  asio::co_spawn(context, begin(), [&](std::exception_ptr failed) {
    if (!failed) return;
    try {
      std::rethrow_exception(failed);
    } catch (const ApiError& error) {
      outcome = fail("{}", error.message);
    } catch (const std::exception& error) {
      outcome = fail("{}", error.what());
    }
    context.stop();
  });
  const auto wind_down = [&]() -> Awaitable<void> {
    asio::signal_set signals(context, SIGINT, SIGTERM);
    co_await signals.async_wait(asio::use_awaitable);
    signals.clear();  // a second signal ends it at once
    // Answers under way are finished; jobs under way begin again at the next start.
    if (http != nullptr) http->stop();
    asio::steady_timer timer(context);
    for (int i = 0; i < 100 && http != nullptr && http->figures().answering > 0; ++i) {
      timer.expires_after(std::chrono::milliseconds(50));
      co_await timer.async_wait(asio::use_awaitable);
    }
    context.stop();
  };
  asio::co_spawn(context, wind_down(), asio::detached);
  context.run();
  storage.join();
  return outcome;
}

}  // namespace hemiola::server
