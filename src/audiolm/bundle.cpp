// A generator's parts as one folder.
#include <array>
#include <cstdlib>
#include <set>

#include "audiolm/generator.h"
#include "base/hash.h"
#include "model/locate.h"
#include "model/model_folder.h"
#include "model/packed.h"

namespace hemiola::audiolm {
namespace {

constexpr std::size_t kMostText = std::size_t{1} << 20;

Result<std::string> hash_of(const Path& path) {
  HEMIOLA_TRY(const MappedFile file, MappedFile::open(path));
  return to_hex(sha256(file.bytes()));
}

Json to_json(const engine::SamplerOptions& options) {
  return {{"temperature", options.temperature}, {"top_k", options.top_k}, {"top_p", options.top_p}};
}

Status export_stage(const Path& run, const Path& to) {
  std::error_code code;
  if (std::filesystem::is_regular_file(run, code)) {  // exported already
    HEMIOLA_TRY(const MappedFile file, MappedFile::open(run));
    return write_file(to, file.bytes());
  }
  HEMIOLA_TRY(const ModelFolder folder, load_model_folder(run));
  HEMIOLA_TRY(PackedModel packed, pack_model(folder.config, folder.weights, Packing::kInt8));
  packed.tokenizer = folder.tokenizer;
  packed.card = folder.card;
  return write_export(to, packed);
}

}  // namespace

Json to_json(const StageSampling& sampling) {
  return {{"rhythm", to_json(sampling.rhythm)},
          {"semantic", to_json(sampling.semantic)},
          {"coarse", to_json(sampling.coarse)},
          {"fine", to_json(sampling.fine)},
          {"decoded", {{"quantizers", sampling.quantizers}}}};
}

Status read_sampling(const Json& json, StageSampling& sampling, std::string_view where) {
  if (!json.is_object()) return fail("{}: expected an object", where);
  const std::pair<const char*, engine::SamplerOptions*> stages[] = {
      {"rhythm", &sampling.rhythm},
      {"semantic", &sampling.semantic},
      {"coarse", &sampling.coarse},
      {"fine", &sampling.fine}};
  for (const auto& [name, options] : stages) {
    const auto given = json.find(name);
    if (given == json.end()) continue;
    try {
      options->temperature = given->value("temperature", options->temperature);
      options->top_k = given->value("top_k", options->top_k);
      options->top_p = given->value("top_p", options->top_p);
    } catch (const Json::exception& error) {
      return fail("{}: {}: {}", where, name, error.what());
    }
    if (const Status status = check(*options); !status) {
      return fail("{}: {}: {}", where, name, status.error().message);
    }
  }
  try {
    if (const auto decoded = json.find("decoded"); decoded != json.end()) {
      sampling.quantizers = decoded->value("quantizers", sampling.quantizers);
    }
  } catch (const Json::exception& error) {
    return fail("{}: decoded: {}", where, error.what());
  }
  return {};
}

Result<BundleTable> parse_bundle(std::string_view text, std::string_view where) {
  HEMIOLA_TRY(const Json json, parse_json(text, where));
  BundleTable table;
  try {
    if (json.at("format").get<std::string>() != kBundleFormat) {
      return fail("{}: format {}; this program knows {}", where, json_text(json.at("format")),
                  kBundleFormat);
    }
    for (const std::string_view part : kBundleParts) {
      table.sha256.push_back(json.at("sha256").at(std::string(part)).get<std::string>());
    }
    table.rhythm_sha256 = json.at("sha256").value(std::string(kRhythmPart), "");
    HEMIOLA_CHECK(read_sampling(json.at("sampling"), table.sampling, where));
    json.at("name").get_to(table.name);
  } catch (const Json::exception& error) {
    return fail("{}: {}", where, error.what());
  }
  return table;
}

Result<Generator> Generator::load(const Path& bundle, const engine::Options& options) {
  const Path path = bundle / kBundleFile;
  HEMIOLA_TRY(const std::string text, read_text(path, kMostText));
  HEMIOLA_TRY(const BundleTable table, parse_bundle(text, path.string()));
  const auto check_hash = [&](std::string_view name, const std::string& expected) -> Status {
    const Path part = bundle / name;
    HEMIOLA_TRY(const std::string hash, hash_of(part));
    if (hash == expected) return {};
    return fail("{}: SHA-256 {}, {} says {}; the folder is not as it was made", part.string(), hash,
                kBundleFile, expected);
  };
  for (std::size_t i = 0; i < table.sha256.size(); ++i) {
    HEMIOLA_CHECK(check_hash(kBundleParts[i], table.sha256[i]));
  }
  const bool rhythm = !table.rhythm_sha256.empty();
  if (rhythm) HEMIOLA_CHECK(check_hash(kRhythmPart, table.rhythm_sha256));
  HEMIOLA_TRY(Codec codec, Codec::load(bundle / kBundleParts[0]));
  HEMIOLA_TRY(SemanticEncoder encoder, SemanticEncoder::load(bundle / kBundleParts[1]));
  const auto stage = [&](std::string_view part) -> Result<StageModel> {
    std::string codec_hash, semantic_hash;
    HEMIOLA_TRY(StageModel loaded,
                StageModel::load(bundle / part, options, &codec_hash, &semantic_hash));
    const Stage which = loaded.layout.stage();
    const bool heeds_codec = which == Stage::kCoarse || which == Stage::kFine;
    if ((heeds_codec && codec_hash != codec.sha256()) ||
        (which != Stage::kFine && semantic_hash != encoder.sha256())) {
      return fail("{}: trained on tokens of another codec or semantic encoder",
                  (bundle / part).string());
    }
    return loaded;
  };
  HEMIOLA_TRY(StageModel semantic, stage(kBundleParts[2]));
  HEMIOLA_TRY(StageModel coarse, stage(kBundleParts[3]));
  HEMIOLA_TRY(StageModel fine, stage(kBundleParts[4]));
  Stages stages{std::move(semantic), std::move(coarse), std::move(fine)};
  if (rhythm) {
    HEMIOLA_TRY(stages.rhythm, stage(kRhythmPart));
  }
  HEMIOLA_TRY(Generator generator,
              from_parts(std::move(codec), std::move(encoder), std::move(stages)));
  const TokenShape& shape = generator.stages().coarse.layout.shape();
  if (const Status status = check(table.sampling, shape); !status) {
    return fail("{}: {}", path.string(), status.error().message);
  }
  generator.sampling_ = table.sampling;
  generator.name_ = table.name;
  generator.sha256_ =
      to_hex(hemiola::sha256({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}));
  return generator;
}

Result<Path> locate_audiolm(const Path& given) {
  std::error_code code;
  const auto named = [&](const Path& path, std::string_view by) -> Result<Path> {
    if (std::filesystem::exists(path / kBundleFile, code)) return path;
    return fail("{}: no AudioLM there ({}); expected a folder with {}", path.string(), by,
                kBundleFile);
  };
  if (!given.empty()) return named(given, "named by --model");
  if (const char* set = std::getenv("HEMIOLA_AUDIOLM"); set != nullptr && *set != '\0') {
    return named(set, "named by HEMIOLA_AUDIOLM");
  }
  std::string looked;
  for (const Path& place : model_places("audiolm")) {
    if (std::filesystem::exists(place / kBundleFile, code)) return place;
    looked += "\n  " + place.string();
  }
  return fail("no AudioLM found; name its folder with --model or HEMIOLA_AUDIOLM. Looked in:{}",
              looked);
}

Status write_bundle(const Path& folder, const BundleRequest& request) {
  std::error_code code;
  std::set<std::string> own = {std::string(kBundleFile), std::string(kBundleIndex),
                               std::string(kRhythmPart), "card.md"};
  for (const std::string_view part : kBundleParts) own.insert(std::string(part));
  for (const auto& entry : std::filesystem::directory_iterator(folder, code)) {
    if (!own.contains(entry.path().filename().string())) {
      return fail("{}: holds {}; a bundle has a folder of its own", folder.string(),
                  entry.path().filename().string());
    }
  }
  std::filesystem::create_directories(folder, code);
  if (code) return fail("{}: cannot create the folder: {}", folder.string(), code.message());
  std::filesystem::remove(folder / kBundleFile, code);   // until all is there, it is no bundle
  std::filesystem::remove(folder / kBundleIndex, code);  // of other parts
  std::filesystem::remove(folder / kRhythmPart, code);
  const std::array copied = {std::pair(request.codec, kBundleParts[0]),
                             std::pair(request.semantic, kBundleParts[1])};
  for (const auto& [from, part] : copied) {
    HEMIOLA_TRY(const MappedFile file, MappedFile::open(from));
    HEMIOLA_CHECK(write_file(folder / part, file.bytes()));
  }
  HEMIOLA_CHECK(export_stage(request.semantic_stage, folder / kBundleParts[2]));
  HEMIOLA_CHECK(export_stage(request.coarse_stage, folder / kBundleParts[3]));
  HEMIOLA_CHECK(export_stage(request.fine_stage, folder / kBundleParts[4]));
  const bool rhythm = !request.rhythm_stage.empty();
  if (rhythm) HEMIOLA_CHECK(export_stage(request.rhythm_stage, folder / kRhythmPart));
  HEMIOLA_CHECK(write_text(folder / "card.md", request.card));
  Json hashes = Json::object();
  if (rhythm) {
    HEMIOLA_TRY(hashes[std::string(kRhythmPart)], hash_of(folder / kRhythmPart));
  }
  for (const std::string_view part : kBundleParts) {
    HEMIOLA_TRY(const std::string hash, hash_of(folder / part));
    hashes[std::string(part)] = hash;
  }
  const Json table = {{"format", kBundleFormat},
                      {"name", request.name},
                      {"sha256", hashes},
                      {"sampling", to_json(request.sampling)}};
  HEMIOLA_CHECK(write_text(folder / kBundleFile, json_text(table, 2) + "\n"));
  // What was written must also load: parts that do not belong together are found here.
  if (const auto loaded = Generator::load(folder, {.threads = 1}); !loaded) {
    std::filesystem::remove(folder / kBundleFile, code);
    return fail(loaded.error());
  }
  return {};
}

}  // namespace hemiola::audiolm
