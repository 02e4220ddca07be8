#include "compare/loop_folder.h"

#include "base/hash.h"
#include "base/json.h"

namespace hemiola::compare {

Result<std::vector<LoopEntry>> parse_loop_labels(std::string_view text, std::string_view where) {
  std::vector<LoopEntry> loops;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view row = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (row.empty()) continue;
    const std::string place = fmt::format("{}, line {}", where, line);
    HEMIOLA_TRY(const Json json, parse_json(row, place));
    const auto word = [&](const char* key) -> std::string {
      return json.is_object() && json.contains(key) && json[key].is_string()
                 ? json[key].get<std::string>()
                 : std::string();
    };
    const Path file = word("file");
    if (file.empty() || file != file.filename() || word("split").empty()) {
      return fail("{}: expected an object with \"file\" (a plain name) and \"split\"", place);
    }
    loops.push_back({file.stem().string(), word("style"), word("split")});
  }
  return loops;
}

Result<LoopFolder> open_loops(const Path& folder) {
  const Path path = folder / "labels.jsonl";
  auto text = read_text(path);
  if (!text) {
    return fail("{}; hemiola dataset loops -o {} --audio makes such a folder", text.error().message,
                folder.string());
  }
  HEMIOLA_TRY(auto loops, parse_loop_labels(*text, path.string()));
  LoopFolder result;
  result.folder = folder;
  result.sha256 = to_hex(Sha256().update(*text).finish());
  for (LoopEntry& loop : loops) {
    (loop.split == "train" ? result.training : result.held_out).push_back(std::move(loop));
  }
  if (result.held_out.empty() || result.training.empty()) {
    return fail("{}: {} loops to learn from and {} held out; both are needed", path.string(),
                result.training.size(), result.held_out.size());
  }
  return result;
}

}  // namespace hemiola::compare
