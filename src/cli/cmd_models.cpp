// hemiola models: weights that others published, in the user's models folder.
#include <algorithm>
#include <memory>

#include "cli/command.h"
#include "evaluate/published_models.h"

namespace hemiola::cli {
namespace {

struct Arguments {
  std::string name, source;
  evaluate::AddOptions add;
  bool json = false;
};

Result<int> run_add(const Arguments& arguments) {
  HEMIOLA_TRY(const evaluate::InstalledModel model,
              evaluate::add_model(arguments.name, arguments.source, arguments.add));
  if (arguments.json) {
    print(Json{{"name", model.name}, {"path", model.path.string()}, {"bytes", model.bytes}});
  } else {
    note(fmt::format("{}: {} bytes", model.path.string(), model.bytes));
  }
  return 0;
}

Result<int> run_list(const Arguments& arguments) {
  HEMIOLA_TRY(const auto installed, evaluate::installed_models());
  Json rows = Json::array();
  std::string text;
  for (const evaluate::PublishedModel& model : evaluate::published_models()) {
    const auto found = std::find_if(installed.begin(), installed.end(),
                                    [&](const auto& here) { return here.name == model.name; });
    const bool is_here = found != installed.end();
    rows.push_back({{"name", model.name},
                    {"what", model.what},
                    {"path", is_here ? Json(found->path.string()) : Json()},
                    {"where", model.where}});
    text +=
        fmt::format("{}{:8}  {}\n          {}", text.empty() ? "" : "\n", model.name, model.what,
                    is_here ? found->path.string() : fmt::format("not here; {}", model.where));
  }
  if (arguments.json) {
    HEMIOLA_TRY(const Path folder, evaluate::models_folder());
    print(Json{{"folder", folder.string()}, {"models", rows}});
  } else {
    print(text);
  }
  return 0;
}

}  // namespace

Action add_models(CLI::App& app) {
  app.require_subcommand(1);
  auto action = std::make_shared<Action>();
  auto arguments = std::make_shared<Arguments>();
  CLI::App* add = app.add_subcommand("add", "Copy or load a model into the models folder");
  add->add_option("NAME", arguments->name, "musicnn, yamnet, vggish or lyra")->required();
  add->add_option("FILE", arguments->source, "A file, or a URL that curl or wget can load")
      ->required();
  add->add_option("--sha256", arguments->add.sha256, "The hash that the file must have");
  add->add_flag("--force", arguments->add.force, "Replace what is there");
  add->add_flag("--json", arguments->json, "Report as JSON");
  add->final_callback([=] { *action = [=] { return run_add(*arguments); }; });
  CLI::App* list = app.add_subcommand("list", "What is known, and what is there");
  list->add_flag("--json", arguments->json, "Report as JSON");
  list->final_callback([=] { *action = [=] { return run_list(*arguments); }; });
  app.footer(
      "The folder is HEMIOLA_MODELS, else XDG_DATA_HOME/hemiola/models, else "
      "~/.local/share/hemiola/models.");
  return [action] { return (*action)(); };
}

}  // namespace hemiola::cli
