// hemiola export MODEL -o FILE --quantize int8: a model folder as one file that is mapped and used
// in place.
#include <memory>

#include "cli/command.h"
#include "model/model_folder.h"
#include "model/packed.h"

namespace hemiola::cli {
namespace {

struct Options {
  Path model, out;
  std::string quantize = "int8";
  bool force = false;
};

Result<int> run(const Options& options) {
  HEMIOLA_CHECK(may_write(options.out, options.force));
  HEMIOLA_TRY(const ModelFolder folder, load_model_folder(options.model));
  HEMIOLA_TRY(PackedModel packed,
              pack_model(folder.config, folder.weights, packing_named(options.quantize).value()));
  packed.tokenizer = folder.tokenizer;
  packed.card = folder.card;
  HEMIOLA_CHECK(write_export(options.out, packed));
  std::error_code code;
  const auto size = std::filesystem::file_size(options.out, code);
  note(fmt::format("{}: {:.1f} M parameters as {}, {:.1f} MB", options.out.string(),
                   static_cast<double>(folder.config.parameters()) / 1e6, options.quantize,
                   static_cast<double>(size) / 1e6));
  return 0;
}

}  // namespace

Action add_export(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("MODEL", options->model, "model folder, such as run/best")->required();
  app.add_option("-o,--output", options->out, "FILE.hemiola")->required();
  app.add_option("--quantize", options->quantize, "int8, int4, bf16 or fp32")
      ->check(CLI::IsMember({"int8", "int4", "bf16", "fp32"}))
      ->capture_default_str();
  app.add_flag("--force", options->force, "replace an existing file");
  app.footer("Example: hemiola export run/best -o my.hemiola --quantize int8");
  return [options] { return run(*options); };
}

}  // namespace hemiola::cli
