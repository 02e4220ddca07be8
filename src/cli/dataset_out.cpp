#include "cli/dataset_out.h"

#include "cli/loop_sound.h"
#include "data/dataset_stats.h"
#include "data/export.h"
#include "data/loops.h"
#include "data/novelty_index.h"

namespace hemiola::cli {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// For the libraries' callbacks: shows how far it is, and says when to stop.
std::function<bool(std::size_t, std::size_t)> shown_on(Progress& progress, std::string_view what) {
  return [&progress, what](std::size_t done, std::size_t total) {
    progress.show(static_cast<double>(done), static_cast<double>(total),
                  fmt::format("{} {}", done, what));
    return interrupted();
  };
}

void add_stats(CLI::App& app, const std::shared_ptr<Action>& action) {
  CLI::App* sub = app.add_subcommand("stats", "Tell what a data set holds, and check it");
  auto folder = std::make_shared<Path>();
  auto json = std::make_shared<bool>(false);
  sub->add_option("DIR", *folder, "Data set")->required();
  sub->add_flag("--json", *json, "On one line");
  sub->footer(
      "Counts by outcome, split, style, metre, key, tempo and instrument, as JSON on stdout. "
      "Every\n"
      "score is read, so a damaged one is found and named.\n"
      "Example: hemiola dataset stats data");
  sub->final_callback([=] {
    *action = [=]() -> Result<int> {
      HEMIOLA_TRY(const data::Dataset dataset, data::Dataset::open(*folder));
      HEMIOLA_TRY(const Json stats, data::dataset_stats(dataset));
      if (*json) {
        print(stats);
      } else {
        print(json_text(stats, 2));
      }
      return 0;
    };
  });
}

struct ExportArguments {
  Path folder, out;
  std::string split;
  data::ExportOptions options;
  bool json = false;
};

void add_export_midi(CLI::App& app, const std::shared_ptr<Action>& action) {
  CLI::App* sub = app.add_subcommand("export", "Write a data set's pieces as MIDI files");
  auto a = std::make_shared<ExportArguments>();
  sub->add_option("DIR", a->folder, "Data set")->required();
  sub->add_option("-o,--out", a->out, "Folder for the files; those that stand are replaced")
      ->required();
  sub->add_option("--split", a->split, "train, validation or test; default: all")
      ->check(CLI::IsMember({"train", "validation", "test"}));
  sub->add_option("--most", a->options.most, "Only the first so many; 0: all");
  sub->add_flag("--flatten", a->options.flatten, "All pitched tracks as one piano track");
  sub->add_flag("--json", a->json, "Report as JSON");
  sub->footer(
      "Standardised as a model sees them: to listen to, or to give to other programs.\n"
      "Example: hemiola dataset export data -o held-out --split test");
  sub->final_callback([=] {
    *action = [=]() -> Result<int> {
      catch_interrupts();
      HEMIOLA_TRY(const data::Dataset dataset, data::Dataset::open(a->folder));
      Progress progress("export");
      data::ExportOptions options = a->options;
      options.split = data::split_from(a->split);
      options.progress = shown_on(progress, "files");
      HEMIOLA_TRY(const data::ExportSummary summary, data::export_midi(dataset, a->out, options));
      if (a->json) {
        print(Json{{"files", summary.files}, {"notes", summary.notes}});
      } else {
        print(fmt::format("{}: {} files, {} notes", a->out.string(), summary.files, summary.notes));
      }
      return summary.files > 0 ? 0 : 1;
    };
  });
}

struct IndexArguments {
  std::vector<Path> folders;
  Path out;
  bool force = false, json = false;
};

void add_export_index(CLI::App& app, const std::shared_ptr<Action>& action) {
  CLI::App* sub = app.add_subcommand(
      "export-index", "Write what a model's music is compared with where the data set is not");
  auto a = std::make_shared<IndexArguments>();
  sub->add_option("DIR", a->folders, "The data sets a model is trained on")->required();
  sub->add_option("-o,--out", a->out,
                  "FILE.novelty beside FILE.hemiola, or training.novelty in a model folder")
      ->required();
  sub->add_flag("--force", a->force, "Replace an existing file");
  sub->add_flag("--json", a->json, "Report as JSON");
  sub->footer(
      "A few megabytes of hashes of short runs of notes and of bars, and the names of the "
      "training\n"
      "pieces; no note can be read back from it. `generate` and `novelty` find it beside the\n"
      "model and tell what is a copy of training music.\n"
      "Example: hemiola dataset export-index data -o models/default/small.novelty");
  sub->final_callback([=] {
    *action = [=]() -> Result<int> {
      HEMIOLA_CHECK(may_write(a->out, a->force));
      const auto start = Clock::now();
      std::vector<data::Dataset> datasets;
      for (const Path& folder : a->folders) {
        HEMIOLA_TRY(data::Dataset dataset, data::Dataset::open(folder));
        datasets.push_back(std::move(dataset));
      }
      HEMIOLA_TRY(const Bytes bytes, data::make_novelty_index(datasets));
      HEMIOLA_TRY(const auto index, data::NoveltyIndex::parse(bytes, a->out.string()));
      if (index.pieces() == 0) return fail("there are no training pieces in these data sets");
      HEMIOLA_CHECK(write_file(a->out, bytes));
      if (a->json) {
        print(Json{{"path", a->out.string()},
                   {"pieces", index.pieces()},
                   {"runs", index.runs()},
                   {"bars", index.bars()},
                   {"bytes", bytes.size()},
                   {"seconds", since(start)}});
      } else {
        print(fmt::format("{}: {} pieces, {} runs, {} bars, {:.1f} MB; {}", a->out.string(),
                          index.pieces(), index.runs(), index.bars(),
                          static_cast<double>(bytes.size()) / 1e6, duration_text(since(start))));
      }
      return 0;
    };
  });
}

struct LoopArguments {
  Path out;
  data::LoopSetOptions options;
  bool audio = false, json = false;
};

void add_loops(CLI::App& app, const std::shared_ptr<Action>& action) {
  CLI::App* sub = app.add_subcommand("loops", "Make loops of four bars by rules, with true labels");
  auto a = std::make_shared<LoopArguments>();
  sub->add_option("-o,--out", a->out, "The folder; an unfinished set is continued")->required();
  sub->add_option("--count", a->options.count, "How many")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  sub->add_option("--seed", a->options.seed, "Another number, other loops")->capture_default_str();
  sub->add_flag("--audio", a->audio, "Sound too: 16 kHz mono FLAC beside each MIDI file");
  sub->add_option("--threads", a->options.threads, "0: one for each processor")
      ->check(CLI::Range(0, 1024));
  sub->add_flag("--json", a->json, "Report as JSON");
  sub->footer(
      "Exactly --count files loop-NNNNN.mid, no two the same music, and labels.jsonl with style,\n"
      "key, chords, tempo, drum pattern and split of each. Same arguments, same bytes.\n"
      "Example: hemiola dataset loops -o loops --count 1000 --seed 7");
  sub->final_callback([=] {
    *action = [=]() -> Result<int> {
      catch_interrupts();
      const auto start = Clock::now();
      data::LoopSetOptions options = a->options;
      if (a->audio) {
        HEMIOLA_TRY(options.then, make_loop_sound());
      }
      {
        Progress progress("loops");
        options.progress = shown_on(progress, "loops");
        HEMIOLA_CHECK(data::write_loops(a->out, options));
      }
      const double seconds = since(start);
      const double rate = static_cast<double>(options.count) / seconds;
      if (a->json) {
        print(Json{{"path", a->out.string()},
                   {"loops", options.count},
                   {"seconds", seconds},
                   {"loops_per_second", rate}});
      } else {
        print(fmt::format("{}: {} loops in {}, {:.1f} loops a second", a->out.string(),
                          options.count, duration_text(seconds), rate));
      }
      return 0;
    };
  });
}

}  // namespace

void add_dataset_out(CLI::App& app, const std::shared_ptr<Action>& action) {
  add_stats(app, action);
  add_export_midi(app, action);
  add_export_index(app, action);
  add_loops(app, action);
}

}  // namespace hemiola::cli
