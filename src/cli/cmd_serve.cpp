// hemiola serve: the studio in a browser, and its API.
#include <memory>

#include "cli/command.h"
#include "server/serve.h"

namespace hemiola::cli {
namespace {

struct Options {
  server::ServeOptions serve;
  bool quiet = false, log_requests = false;
};

Result<int> run(Options& options) {
  if (options.serve.data.empty()) options.serve.data = server::default_data_folder();
  if (options.quiet) options.serve.log = server::LogLevel::kQuiet;
  if (options.log_requests) options.serve.log = server::LogLevel::kRequests;
  options.serve.ready = [&](const std::string& address, const std::vector<std::string>& notes) {
    if (!options.quiet) {
      note(fmt::format("what you make is kept in {}", options.serve.data.string()));
      for (const std::string& text : notes) note(text);
    }
    note(fmt::format("listening on http://{}", address));
  };
  HEMIOLA_CHECK(server::serve(options.serve));
  return 0;
}

}  // namespace

Action add_serve(CLI::App& app) {
  auto options = std::make_shared<Options>();
  auto& o = options->serve;
  app.add_option("-p,--port", o.port, "0: a free one")->capture_default_str();
  app.add_option("--data", o.data,
                 "folder of all that is kept: pieces, jobs, uploads; default: "
                 "~/.local/share/hemiola");
  app.add_option("--model", o.model,
                 "model folder or file; else HEMIOLA_MODEL, else models/default");
  app.add_option("--training", o.training,
                 "the model's training data: pieces are compared with it");
  app.add_option("--soundfont", o.soundfont,
                 "SF2 or SF3 file; else HEMIOLA_SOUNDFONT, else Debian's MuseScore General");
  app.add_option("--transcriber", o.transcriber,
                 "the transcriber's weights; else HEMIOLA_TRANSCRIBER, else where "
                 "scripts/fetch_transcriber.sh puts them");
  app.add_option("--audiolm", o.audiolm,
                 "the waveform model's folder; else HEMIOLA_AUDIOLM, else models/audiolm");
  app.add_option("--web", o.web, "the built page; default: the one beside the program");
  app.add_option("--music-jobs", o.music_jobs,
                 "how many write music at once; 0: one for every two processors, at least two")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_option("--sound-jobs", o.sound_jobs, "how many render or transcribe at once; 0: as above")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_option("--threads", o.threads,
                 "of one that writes music; 0: the processors shared out among --music-jobs, twice "
                 "over")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_option("--storage", o.storage,
                 "gigabytes that may be kept; rendered sounds make room, the oldest first, then "
                 "uploads are refused; 0: no limit")
      ->check(CLI::Range(0.0, 1e9))
      ->capture_default_str();
  app.add_option("--keep-days", o.keep_days, "how long what was deleted can be brought back")
      ->check(CLI::Range(0.0, 36500.0))
      ->capture_default_str();
  app.add_flag("-q,--quiet", options->quiet, "say the address and no more");
  app.add_flag("--log-requests", options->log_requests, "a line on stderr for every request");

  app.add_option("--host", o.host, "address to listen on; beyond this computer it asks for a token")
      ->group("For others")
      ->capture_default_str();
  app.add_option("--token", o.token, "to log in with; default: made once, kept with the data")
      ->envname("HEMIOLA_TOKEN")
      ->group("For others");
  app.add_flag("--login", o.login, "ask for the token on this computer too")->group("For others");
  app.add_option("--allow-host", o.allowed_hosts, "a name by which browsers reach this server")
      ->group("For others");
  app.add_option("--client-rate", o.client_rate, "requests a second that one client may make")
      ->check(CLI::Range(1.0, 1e6))
      ->capture_default_str()
      ->group("For others");
  app.footer(
      "Then open the address in a browser. Ctrl-C ends the server; nothing is lost, and what it\n"
      "was doing goes on when it is started again.\n"
      "The API is described at /openapi.json, the state of the server at /healthz and /metrics.\n"
      "Examples:\n"
      "  hemiola serve\n"
      "  hemiola serve --port 0 --data /tmp/try\n"
      "  hemiola serve --host 0.0.0.0 --allow-host studio.example   with a token, behind TLS");
  return [options] { return run(*options); };
}

}  // namespace hemiola::cli
