// hemiola tokenize FILE: a piece as the model sees it. hemiola tokenize --verify PATH...: does the
// way to tokens and back lose anything?
#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <thread>

#include "cli/command.h"
#include "data/source.h"
#include "model/locate.h"
#include "model/packed.h"
#include "tokens/text.h"
#include "tokens/tokenizer.h"

namespace hemiola::cli {
namespace {

struct Options {
  std::vector<Path> paths;
  Path out, tokenizer;
  bool ids = false, json = false, verify = false, force = false;
};

// Of a model folder or an exported file; empty where it has none.
Result<std::string> model_tokenizer(const Path& model) {
  if (!std::filesystem::is_directory(model)) {
    HEMIOLA_TRY(const PackedModel packed, load_export(model));
    return packed.tokenizer;
  }
  if (!std::filesystem::exists(model / "tokenizer.json")) return std::string();
  return read_text(model / "tokenizer.json");
}

// The named one, else that of the model in use, else base words alone.
Result<tokens::Tokenizer> find_tokenizer(const Path& given) {
  if (!given.empty()) return tokens::Tokenizer::load(given);
  if (const auto model = locate_model()) {
    HEMIOLA_TRY(const std::string bytes, model_tokenizer(*model));
    if (!bytes.empty()) return tokens::Tokenizer::parse(bytes, model->string());
  }
  return tokens::Tokenizer::plain();
}

Result<int> show(const Options& options) {
  if (options.paths.size() != 1) return fail("tokenize: give one FILE, or --verify for several");
  HEMIOLA_TRY(const data::Source source, data::read_source(options.paths[0]));
  note(fmt::format("{}: {}", options.paths[0].string(), source.standard.report.summary()));
  std::string text;
  if (options.ids || options.json) {
    HEMIOLA_TRY(const tokens::Tokenizer tokenizer, find_tokenizer(options.tokenizer));
    HEMIOLA_TRY(const auto ids, tokenizer.encode(source.grid()));
    if (options.json) {
      text = json_text(Json{{"path", options.paths[0].string()},
                            {"tokenizer", tokenizer.sha256()},
                            {"notes", source.grid().note_count()},
                            {"bars", source.grid().bars.size()},
                            {"ids", ids}});
    } else {
      for (const tokens::Token id : ids) text += fmt::format("{}\n", id);
    }
  } else {
    text = tokens::to_text(source.grid());
  }
  if (options.out.empty()) {
    print(text);
  } else {
    HEMIOLA_CHECK(may_write(options.out, options.force));
    HEMIOLA_CHECK(write_text(options.out, text));
  }
  return 0;
}

// Files of the folders named, in order of their names.
std::vector<Path> all_files(const std::vector<Path>& paths) {
  std::vector<Path> files;
  for (const Path& path : paths) {
    std::error_code code;
    if (!std::filesystem::is_directory(path, code)) {
      files.push_back(path);
      continue;
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path, code)) {
      std::string ending = entry.path().extension().string();
      std::transform(ending.begin(), ending.end(), ending.begin(),
                     [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
      const bool piece = ending == ".mid" || ending == ".midi" || ending == ".kar" ||
                         ending == ".jianpu" || ending == ".tokens";
      if (entry.is_regular_file() && piece) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

struct Verdict {
  std::string refused, failed;  // reasons
  std::size_t notes = 0, tokens = 0, bars = 0;
};

Verdict verify_file(const Path& path, const tokens::Tokenizer& tokenizer) {
  Verdict verdict;
  auto source = data::read_source(path);
  if (!source) return verdict.refused = source.error().message, verdict;
  verdict.notes = source->grid().note_count();
  verdict.bars = source->grid().bars.size();
  const auto ids = tokenizer.encode(source->grid());
  if (!ids) return verdict.failed = ids.error().message, verdict;
  verdict.tokens = ids->size();
  const auto back = tokenizer.decode(*ids);
  if (!back) return verdict.failed = back.error().message, verdict;
  if (back->score != source->grid()) {
    verdict.failed = "decoding gives another score";
    return verdict;
  }
  const auto again = tokens::parse_text(tokens::to_text(source->grid()), path.string());
  if (!again) return verdict.failed = again.error().message, verdict;
  if (again->score != source->grid()) verdict.failed = "the text form gives another score";
  return verdict;
}

Result<int> verify(const Options& options) {
  HEMIOLA_TRY(const tokens::Tokenizer tokenizer, find_tokenizer(options.tokenizer));
  const std::vector<Path> files = all_files(options.paths);
  if (files.empty()) return fail("tokenize --verify: no files there");
  std::vector<Verdict> verdicts(files.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i; (i = next++) < files.size();)
      verdicts[i] = verify_file(files[i], tokenizer);
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i) {
    threads.emplace_back(work);
  }
  for (std::thread& thread : threads) thread.join();

  std::size_t exact = 0, notes = 0, tokens = 0, bars = 0;
  Json failed = Json::array(), refused = Json::array();
  for (std::size_t i = 0; i < files.size(); ++i) {
    const Verdict& verdict = verdicts[i];
    if (!verdict.refused.empty()) {
      refused.push_back({{"path", files[i].string()}, {"reason", verdict.refused}});
      continue;
    }
    if (!verdict.failed.empty()) {
      failed.push_back({{"path", files[i].string()}, {"reason", verdict.failed}});
      continue;
    }
    ++exact;
    notes += verdict.notes, tokens += verdict.tokens, bars += verdict.bars;
  }
  if (options.json) {
    print(Json{{"files", files.size()},
               {"exact", exact},
               {"failed", failed},
               {"refused", refused},
               {"notes", notes},
               {"tokens", tokens},
               {"bars", bars}});
  } else {
    for (const Json& row : failed) {
      note(fmt::format("not exact: {}: {}", row["path"].get<std::string>(),
                       row["reason"].get<std::string>()));
    }
    for (const Json& row : refused) {
      note(fmt::format("refused: {}", row["reason"].get<std::string>()));
    }
    const auto per = [](std::size_t a, std::size_t b) {
      return b == 0 ? 0.0 : static_cast<double>(a) / static_cast<double>(b);
    };
    print(
        fmt::format("{} of {} files exact, {} not, {} refused; {} notes, {:.3f} tokens a note, "
                    "{:.1f} bars in 1,024 tokens",
                    exact, files.size(), failed.size(), refused.size(), notes, per(tokens, notes),
                    1024 * per(bars, tokens)));
  }
  return failed.empty() && exact > 0 ? 0 : 1;
}

}  // namespace

Action add_tokenize(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("FILE", options->paths, "MIDI, .jianpu or .tokens; with --verify also folders")
      ->required();
  app.add_option("-o,--output", options->out, "OUT.tokens; else stdout");
  app.add_option("--tokenizer", options->tokenizer,
                 "tokenizer.json; else that of the model in use (for --ids, --json, --verify)");
  auto* ids = app.add_flag("--ids", options->ids, "token ids, one a line, instead of words");
  app.add_flag("--json", options->json, "ids (or the report of --verify) as JSON")->excludes(ids);
  app.add_flag("--verify", options->verify,
               "encode and decode every file; tell what is not exactly the same");
  app.add_flag("--force", options->force, "replace an existing file");
  app.footer(
      "Words on stdout, a line a bar; docs/tokens.md explains them. Exit status 1 and the reason "
      "if\n"
      "the file is refused.\n"
      "Example: hemiola tokenize --verify ~/midi --json");
  return [options] { return options->verify ? verify(*options) : show(*options); };
}

}  // namespace hemiola::cli
