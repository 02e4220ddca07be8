#include "evaluate/published_models.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "base/hash.h"

extern char** environ;

namespace hemiola::evaluate {
namespace {

constexpr std::array<PublishedModel, 4> kModels = {{
    {"musicnn", "musicnn.safetensors",
     "musicnn trained on MagnaTagATune, 200 numbers each 3 s; MIT",
     "36a586e1c3f462a9d615750a76c82b3b7e6dbab8fdf5c91b2e0d6a35f7a99b85",
     "models/mtat/musicnn of github.com/minzwon/sota-music-tagging-models, its state dict saved as "
     "safetensors"},
    {"yamnet", "yamnet.tflite", "YAMNet with a spectrogram as input, 1024 numbers; Apache-2.0",
     "0a266465c46718f3fcc4137366be82882a8c93bfcc4f0278581a11d11dddcdf9",
     "yamnet_spectra_in.tflite of Google Coral's models"},
    {"vggish", "vggish_model.ckpt", "VGGish, 128 numbers; Apache-2.0", "",
     "https://storage.googleapis.com/audioset/vggish_model.ckpt"},
    {"lyra", "lyra_encoder.tflite", "the encoder of Lyra v2, 64 numbers; Apache-2.0",
     "237da0b16226fb0a68d49551c81bebf614e42142af72764448359f68581e88f1",
     "lyra/model_coeffs/soundstream_encoder.tflite of github.com/google/lyra"},
}};

constexpr std::size_t kMostBytes = std::size_t{2} << 30;

std::string environment(const char* name) {
  const char* set = std::getenv(name);
  return set == nullptr ? "" : set;
}

bool is_url(const std::string& source) {
  return source.starts_with("http://") || source.starts_with("https://");
}

Result<const PublishedModel*> find_model(std::string_view name) {
  std::string known;
  for (const PublishedModel& model : kModels) {
    if (model.name == name) return &model;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", model.name);
  }
  return fail("model '{}': not known; expected one of {}", name, known);
}

// Runs a program without a shell; nullopt if there is no such program.
std::optional<int> run_program(const std::vector<std::string>& arguments) {
  std::vector<char*> raw;
  for (const std::string& argument : arguments) raw.push_back(const_cast<char*>(argument.c_str()));
  raw.push_back(nullptr);
  pid_t child = 0;
  if (posix_spawnp(&child, raw[0], nullptr, nullptr, raw.data(), environ) != 0) return std::nullopt;
  int status = 0;
  if (waitpid(child, &status, 0) < 0 || !WIFEXITED(status)) return 1;
  return WEXITSTATUS(status);
}

Status download(const std::string& url, const Path& to) {
  const std::string file = to.string();
  auto status = run_program({"curl", "--fail", "--location", "--silent", "--show-error", "--proto",
                             "=http,https", "--output", file, "--", url});
  if (!status || *status == 127) {
    status = run_program({"wget", "--quiet", "--output-document", file, "--", url});
  }
  if (!status || *status == 127) {
    return fail("{}: neither curl nor wget is installed; load the file yourself and give its path",
                url);
  }
  if (*status != 0) {
    return fail(
        "{}: could not be loaded (status {}); without a network, load it elsewhere and give the "
        "file's path",
        url, *status);
  }
  return {};
}

// A file that is removed at the end.
struct Temporary {
  Path path;
  ~Temporary() {
    std::error_code code;
    std::filesystem::remove(path, code);
  }
};

}  // namespace

std::span<const PublishedModel> published_models() { return kModels; }

Result<Path> models_folder() {
  if (const std::string set = environment("HEMIOLA_MODELS"); !set.empty()) return Path(set);
  if (const std::string set = environment("XDG_DATA_HOME"); !set.empty()) {
    return Path(set) / "hemiola/models";
  }
  if (const std::string home = environment("HOME"); !home.empty()) {
    return Path(home) / ".local/share/hemiola/models";
  }
  return fail("no models folder: set HEMIOLA_MODELS (neither XDG_DATA_HOME nor HOME is set)");
}

Result<Path> locate_published(std::string_view name) {
  HEMIOLA_TRY(const PublishedModel* model, find_model(name));
  HEMIOLA_TRY(const Path folder, models_folder());
  const Path path = folder / model->file;
  std::error_code code;
  if (std::filesystem::exists(path, code)) return path;
  return fail("{}: not there. Get it ({}) and run: hemiola models add {} FILE", path.string(),
              model->where, name);
}

Result<std::vector<InstalledModel>> installed_models() {
  HEMIOLA_TRY(const Path folder, models_folder());
  std::vector<InstalledModel> found;
  for (const PublishedModel& model : kModels) {
    std::error_code code;
    const Path path = folder / model.file;
    const std::uintmax_t bytes = std::filesystem::file_size(path, code);
    if (!code) found.push_back({std::string(model.name), path, bytes});
  }
  return found;
}

Result<InstalledModel> add_model(std::string_view name, const std::string& source,
                                 const AddOptions& options) {
  HEMIOLA_TRY(const PublishedModel* model, find_model(name));
  HEMIOLA_TRY(const Path folder, models_folder());
  const Path path = folder / model->file;
  std::error_code code;
  if (std::filesystem::exists(path, code) && !options.force) {
    return fail("{}: exists already; --force replaces it", path.string());
  }
  Temporary loaded;
  Path from = source;
  if (is_url(source)) {
    std::filesystem::create_directories(folder, code);
    if (code) return fail("{}: cannot create the folder: {}", folder.string(), code.message());
    loaded.path = folder / fmt::format("{}.{}.part", std::string(model->file), ::getpid());
    HEMIOLA_CHECK(download(source, loaded.path));
    from = loaded.path;
  }
  HEMIOLA_TRY(const MappedFile file, MappedFile::open(from));
  if (file.bytes().size() > kMostBytes) return fail("{}: larger than 2 GiB", from.string());
  const std::string wanted = options.sha256.empty() ? std::string(model->sha256) : options.sha256;
  const std::string hash = to_hex(sha256(file.bytes()));
  if (!wanted.empty() && hash != wanted) {
    return fail("{}: SHA-256 is {}, expected {}; this is not {}", source, hash, wanted, name);
  }
  HEMIOLA_CHECK(write_file(path, file.bytes()));
  return InstalledModel{std::string(name), path, file.bytes().size()};
}

}  // namespace hemiola::evaluate
