// hemiola dataset: import, join, loops.
#include <chrono>
#include <memory>

#include "cli/command.h"
#include "cli/loop_sound.h"
#include "data/import.h"
#include "data/loops.h"

namespace hemiola::cli {
namespace {

using data::ImportOptions;
using data::ImportSummary;

struct ImportArguments {
  std::vector<std::string> paths;
  std::string out;
  std::string shard;
  int threads = 0;
  data::SplitShares split;
  bool json = false;
};

Status parse_part(const std::string& text, ImportOptions& options) {
  unsigned part = 0, parts = 0;
  char rest = 0;
  if (std::sscanf(text.c_str(), "%u/%u%c", &part, &parts, &rest) != 2 || part < 1 || part > parts) {
    return fail("--shard {}: expected I/N with I from 1 to N, such as 1/4", text);
  }
  options.part = part - 1;
  options.parts = parts;
  return {};
}

Json to_json(const ImportSummary& summary, double seconds) {
  Json json = Json::object();
  json["files"] = summary.files;
  json["accepted"] = summary.accepted;
  json["repaired"] = summary.repaired;
  json["duplicates"] = summary.duplicates;
  json["refused"] = Json::array();
  for (const auto& file : summary.refused) {
    json["refused"].push_back({{"path", file.path}, {"reason", file.reason}});
  }
  json["same_file"] = summary.same_file;
  json["same_notes"] = summary.same_notes;
  json["near_copies"] = summary.near_copies;
  json["new_files"] = summary.new_files;
  json["notes"] = summary.notes;
  json["bars"] = summary.bars;
  json["train"] = summary.train;
  json["validation"] = summary.validation;
  json["test"] = summary.test;
  json["seconds"] = seconds;
  return json;
}

std::string to_text(const ImportSummary& summary, double seconds) {
  std::string text = fmt::format(
      "{} files: {} accepted ({} of them repaired), {} duplicates, {} refused\n", summary.files,
      summary.accepted, summary.repaired, summary.duplicates, summary.refused.size());
  text += fmt::format("duplicates: {} the same file, {} the same notes, {} near copies\n",
                      summary.same_file, summary.same_notes, summary.near_copies);
  text += fmt::format("{} pieces to train on, {} for validation, {} for test; {} notes, {} bars\n",
                      summary.train, summary.validation, summary.test, summary.notes, summary.bars);
  text += fmt::format("{} files were new; {}", summary.new_files, duration_text(seconds));
  constexpr std::size_t kMostTold = 10;
  for (std::size_t i = 0; i < summary.refused.size() && i < kMostTold; ++i) {
    text += fmt::format("\nrefused: {}: {}", summary.refused[i].path, summary.refused[i].reason);
  }
  if (summary.refused.size() > kMostTold) {
    text += fmt::format("\n... and {} more; each stands in manifest.jsonl",
                        summary.refused.size() - kMostTold);
  }
  return text;
}

Result<int> run_import(const ImportArguments& arguments, bool join) {
  catch_interrupts();
  ImportOptions options;
  options.threads = arguments.threads;
  options.split = arguments.split;
  options.stop = interrupted;
  if (!arguments.shard.empty()) HEMIOLA_CHECK(parse_part(arguments.shard, options));
  const auto start = std::chrono::steady_clock::now();
  Progress progress("import");
  options.progress = [&](std::size_t done, std::size_t total) {
    if (total > 0) {
      progress.show(static_cast<double>(done), static_cast<double>(total),
                    fmt::format("{} files", done));
    } else {
      progress.line(fmt::format("{} files", done));
    }
  };
  const std::vector<Path> paths(arguments.paths.begin(), arguments.paths.end());
  HEMIOLA_TRY(const ImportSummary summary,
              join ? data::join_datasets(paths, arguments.out, options)
                   : data::import_dataset(paths, arguments.out, options));
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (arguments.json) {
    print(to_json(summary, seconds));
  } else {
    print(to_text(summary, seconds));
  }
  return summary.accepted > 0 ? 0 : 1;
}

struct LoopArguments {
  std::string out;
  data::LoopSetOptions set;
  bool audio = false, json = false;
};

Result<int> run_loops(LoopArguments arguments) {
  catch_interrupts();
  const auto start = std::chrono::steady_clock::now();
  if (arguments.audio) {
    HEMIOLA_TRY(arguments.set.then, make_loop_sound());
  }
  {
    Progress progress("loops");
    arguments.set.progress = [&](std::size_t done, std::size_t total) {
      progress.show(static_cast<double>(done), static_cast<double>(total),
                    fmt::format("{} loops", done));
      return interrupted();
    };
    HEMIOLA_CHECK(data::write_loops(arguments.out, arguments.set));
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double rate = static_cast<double>(arguments.set.count) / seconds;
  if (arguments.json) {
    print(Json{{"path", arguments.out},
               {"loops", arguments.set.count},
               {"seconds", seconds},
               {"loops_per_second", rate}});
  } else {
    note(fmt::format("{}: {} loops in {}, {:.1f} loops a second", arguments.out,
                     arguments.set.count, duration_text(seconds), rate));
  }
  return 0;
}

void add_loops(CLI::App& app, Action& action) {
  CLI::App* sub = app.add_subcommand("loops", "Make loops of four bars by rules, with true labels");
  auto arguments = std::make_shared<LoopArguments>();
  sub->add_option("-o,--out", arguments->out, "The folder; an unfinished set is continued")
      ->required();
  sub->add_option("--count", arguments->set.count, "How many")
      ->check(CLI::Range(std::size_t{1}, std::size_t{10'000'000}))
      ->capture_default_str();
  sub->add_option("--seed", arguments->set.seed, "Another number, other loops")
      ->capture_default_str();
  sub->add_flag("--audio", arguments->audio, "Sound too: 16 kHz mono FLAC beside each MIDI file");
  sub->add_option("--threads", arguments->set.threads, "0: one for each processor")
      ->check(CLI::Range(0, 1024));
  sub->add_flag("--json", arguments->json, "Report as JSON");
  sub->final_callback([=, &action] { action = [=] { return run_loops(*arguments); }; });
}

}  // namespace

Action add_dataset(CLI::App& app) {
  app.require_subcommand(1);
  auto action = std::make_shared<Action>();
  for (const bool join : {false, true}) {
    CLI::App* sub = join ? app.add_subcommand("join", "Make one data set of several")
                         : app.add_subcommand("import", "Read folders and archives of MIDI");
    auto arguments = std::make_shared<ImportArguments>();
    sub->add_option("PATH", arguments->paths, join ? "Data sets" : "Folders, archives, MIDI files")
        ->required();
    sub->add_option("-o,--out", arguments->out, "The data set's folder; is added to")->required();
    if (!join) {
      sub->add_option("--shard", arguments->shard, "I/N: only the I-th of N parts");
      sub->add_option("--threads", arguments->threads, "0: one for each processor");
    }
    sub->add_option("--validation", arguments->split.validation, "Share held out for validation")
        ->capture_default_str();
    sub->add_option("--test", arguments->split.test, "Share held out for test")
        ->capture_default_str();
    sub->add_option("--split-seed", arguments->split.seed, "Another number, another split")
        ->capture_default_str();
    sub->add_flag("--json", arguments->json, "Report as JSON");
    sub->final_callback([=] { *action = [=] { return run_import(*arguments, join); }; });
  }
  add_loops(app, *action);
  return [action] { return (*action)(); };
}

}  // namespace hemiola::cli
