#include "model/config.h"

#include <array>
#include <cmath>
#include <string>
#include <utility>

namespace hemiola {
namespace {

// Far above anything that fits a machine, low enough that no product of sizes overflows 64 bits.
constexpr int kMaxLayers = 1024;
constexpr int kMaxWidth = 1 << 16;
constexpr int kMaxInner = 1 << 18;
constexpr int kMaxContext = 1 << 20;
constexpr int kMaxVocabulary = 1 << 22;
constexpr int kFormatVersion = 1;

constexpr std::array<std::string_view, 3> kGeluTanhNames = {"gelu_new", "gelu_pytorch_tanh",
                                                            "gelu_fast"};

// Reads typed fields of one JSON object; every message says where and which key.
class Fields {
 public:
  Fields(const Json& json, std::string_view where) : json_(json), where_(where) {}

  const Json* find(const char* key) const {
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
  }

  Status integer(const char* key, int low, int high, int& value, bool required) const {
    const Json* field = find(key);
    if (field == nullptr) {
      if (!required) return {};
      return fail("{}: the key \"{}\" is missing; is this the config.json of a GPT-2?", where_,
                  key);
    }
    if (!field->is_number_integer()) {
      return fail("{}: \"{}\": expected a whole number, got {}", where_, key, shown(*field));
    }
    const bool too_large = field->is_number_unsigned() &&
                           field->get<std::uint64_t>() > static_cast<std::uint64_t>(high);
    if (too_large || field->get<std::int64_t>() < low || field->get<std::int64_t>() > high) {
      return fail("{}: \"{}\": expected {} to {}, got {}", where_, key, low, high, shown(*field));
    }
    value = static_cast<int>(field->get<std::int64_t>());
    return {};
  }

  Status optional_integer(const char* key, int low, int high, std::optional<int>& value) const {
    if (find(key) == nullptr) return {};
    int read = 0;
    HEMIOLA_CHECK(integer(key, low, high, read, true));
    value = read;
    return {};
  }

  Status number(const char* key, float low, float high, float& value) const {
    const Json* field = find(key);
    if (field == nullptr) return {};
    if (!field->is_number()) {
      return fail("{}: \"{}\": expected a number, got {}", where_, key, shown(*field));
    }
    const double read = field->get<double>();
    if (!(read >= low && read <= high)) {
      return fail("{}: \"{}\": expected {} to {}, got {}", where_, key, low, high, shown(*field));
    }
    value = static_cast<float>(read);
    return {};
  }

  Status boolean(const char* key, bool& value) const {
    const Json* field = find(key);
    if (field == nullptr) return {};
    if (!field->is_boolean()) {
      return fail("{}: \"{}\": expected true or false, got {}", where_, key, shown(*field));
    }
    value = field->get<bool>();
    return {};
  }

  Status string(const char* key, std::string& value) const {
    const Json* field = find(key);
    if (field == nullptr) return {};
    if (!field->is_string()) {
      return fail("{}: \"{}\": expected a string, got {}", where_, key, shown(*field));
    }
    value = field->get<std::string>();
    return {};
  }

  // A switch of GPT2Config that changes the arithmetic and is only known at one setting.
  Status only(const char* key, bool known) const {
    bool value = known;
    HEMIOLA_CHECK(boolean(key, value));
    if (value == known) return {};
    return fail("{}: \"{}\": {} is not supported, only {}; such a model cannot be used here",
                where_, key, value, known);
  }

 private:
  static std::string shown(const Json& value) {
    auto text = json_text(value, -1, true);
    if (text.size() > 40) text = text.substr(0, 40) + "...";
    return text;
  }

  const Json& json_;
  std::string_view where_;
};

Status check_activation(const Fields& fields, std::string_view where) {
  std::string name{kGeluTanhNames[0]};
  HEMIOLA_CHECK(fields.string("activation_function", name));
  for (const auto known : kGeluTanhNames) {
    if (name == known) return {};
  }
  return fail("{}: \"activation_function\": expected gelu_new, got {}; such a model cannot be used",
              where, name);
}

struct LearntField {
  const char* key;
  bool LearntWords::*value;
};
constexpr std::array<LearntField, 4> kLearntFields = {{
    {"bar_counts", &LearntWords::bar_counts},
    {"holes", &LearntWords::holes},
    {"controls", &LearntWords::controls},
    {"chords", &LearntWords::chords},
}};

Status read_learnt(const Fields& ours, std::string_view where, LearntWords& learnt) {
  const Json* json = ours.find("learnt");
  if (json == nullptr) return {};
  if (!json->is_object()) return fail("{}: \"learnt\": expected an object", where);
  const std::string inside = fmt::format("{}: \"learnt\"", where);
  const Fields fields(*json, inside);
  for (const LearntField& field : kLearntFields) {
    HEMIOLA_CHECK(fields.boolean(field.key, learnt.*field.value));
  }
  return {};
}

ModelConfig shape(std::string_view name, int layers, int heads, int width, int context) {
  ModelConfig config;
  config.preset = name;
  config.layers = layers;
  config.heads = heads;
  config.width = width;
  config.inner = 4 * width;
  config.context = context;
  return config;
}

}  // namespace

std::size_t ModelConfig::parameters() const {
  const auto w = static_cast<std::size_t>(width), f = static_cast<std::size_t>(inner);
  const auto v = static_cast<std::size_t>(vocabulary), c = static_cast<std::size_t>(context);
  const std::size_t layer = 4 * w * w + 2 * w * f + 9 * w + f;
  return (tied_head ? v : 2 * v) * w + c * w + static_cast<std::size_t>(layers) * layer + 2 * w;
}

Status check(const ModelConfig& config) {
  return config_from_json(config_to_json(config), "model settings")
      .transform([](const ModelConfig&) {});
}

Result<ModelConfig> parse_config(std::string_view text, std::string_view where) {
  HEMIOLA_TRY(const Json json, parse_json(text, where));
  return config_from_json(json, where);
}

Result<ModelConfig> config_from_json(const Json& json, std::string_view where) {
  if (!json.is_object()) return fail("{}: expected a JSON object of model settings", where);
  const Fields fields(json, where);
  std::string type = "gpt2";
  HEMIOLA_CHECK(fields.string("model_type", type));
  if (type != "gpt2") {
    return fail("{}: \"model_type\": expected gpt2, got {}; only GPT-2 models can be used", where,
                type);
  }
  HEMIOLA_CHECK(check_activation(fields, where));
  HEMIOLA_CHECK(fields.only("scale_attn_weights", true));
  HEMIOLA_CHECK(fields.only("scale_attn_by_inverse_layer_idx", false));
  HEMIOLA_CHECK(fields.only("add_cross_attention", false));

  ModelConfig config;
  HEMIOLA_CHECK(fields.integer("n_layer", 1, kMaxLayers, config.layers, true));
  HEMIOLA_CHECK(fields.integer("n_head", 1, kMaxWidth, config.heads, true));
  HEMIOLA_CHECK(fields.integer("n_embd", 1, kMaxWidth, config.width, true));
  HEMIOLA_CHECK(fields.integer("vocab_size", 1, kMaxVocabulary, config.vocabulary, true));
  HEMIOLA_CHECK(fields.integer("n_positions", 1, kMaxContext, config.context, true));
  int context_again = config.context;
  HEMIOLA_CHECK(fields.integer("n_ctx", 1, kMaxContext, context_again, false));
  if (context_again != config.context) {
    return fail("{}: \"n_ctx\" is {} but \"n_positions\" is {}; make them the same", where,
                context_again, config.context);
  }
  if (config.width % config.heads != 0) {
    return fail("{}: \"n_embd\" {} is not a multiple of \"n_head\" {}", where, config.width,
                config.heads);
  }
  config.inner = 4 * config.width;
  HEMIOLA_CHECK(fields.integer("n_inner", 1, kMaxInner, config.inner, false));
  HEMIOLA_CHECK(fields.number("layer_norm_epsilon", 1e-12f, 1.0f, config.layer_norm_epsilon));
  HEMIOLA_CHECK(fields.number("initializer_range", 0.0f, 10.0f, config.initializer_range));
  HEMIOLA_CHECK(fields.number("embd_pdrop", 0.0f, 1.0f, config.embedding_dropout));
  HEMIOLA_CHECK(fields.number("attn_pdrop", 0.0f, 1.0f, config.attention_dropout));
  HEMIOLA_CHECK(fields.number("resid_pdrop", 0.0f, 1.0f, config.residual_dropout));
  HEMIOLA_CHECK(fields.boolean("tie_word_embeddings", config.tied_head));
  // Others write ids of another vocabulary here (50256 is GPT2Config's default): not checked
  // against vocab_size, since nothing below needs them.
  HEMIOLA_CHECK(fields.optional_integer("bos_token_id", 0, kMaxVocabulary, config.first_token));
  HEMIOLA_CHECK(fields.optional_integer("eos_token_id", 0, kMaxVocabulary, config.last_token));

  if (const Json* extra = fields.find("hemiola")) {
    if (!extra->is_object()) return fail("{}: \"hemiola\": expected an object", where);
    const std::string inside = fmt::format("{}: \"hemiola\"", where);
    const Fields ours(*extra, inside);
    int version = kFormatVersion;
    HEMIOLA_CHECK(ours.integer("version", 1, 1 << 30, version, true));
    if (version > kFormatVersion) {
      return fail("{}: version {} is newer than this program knows ({}); use a newer Hemiola",
                  inside, version, kFormatVersion);
    }
    HEMIOLA_CHECK(ours.string("preset", config.preset));
    HEMIOLA_CHECK(ours.string("tokenizer_sha256", config.tokenizer_sha256));
    HEMIOLA_CHECK(read_learnt(ours, inside, config.learnt));
    const auto& digest = config.tokenizer_sha256;
    if (!digest.empty() && (digest.size() != 64 ||
                            digest.find_first_not_of("0123456789abcdef") != std::string::npos)) {
      return fail("{}: \"tokenizer_sha256\": expected 64 hexadecimal digits", inside);
    }
  }
  return config;
}

Json config_to_json(const ModelConfig& config) {
  const auto or_null = [](std::optional<int> value) { return value ? Json(*value) : Json(); };
  // The shortest decimal that reads back as the same float: 1e-5, not 9.999999747378752e-06.
  const auto number = [](float value) { return Json::parse(fmt::format("{}", value)); };
  Json json;
  json["architectures"] = {"GPT2LMHeadModel"};
  json["model_type"] = "gpt2";
  json["activation_function"] = kGeluTanhNames[0];
  json["n_layer"] = config.layers;
  json["n_head"] = config.heads;
  json["n_embd"] = config.width;
  json["n_inner"] = config.inner == 4 * config.width ? Json() : Json(config.inner);
  json["n_positions"] = config.context;
  json["n_ctx"] = config.context;
  json["vocab_size"] = config.vocabulary;
  json["layer_norm_epsilon"] = number(config.layer_norm_epsilon);
  json["tie_word_embeddings"] = config.tied_head;
  json["scale_attn_weights"] = true;
  json["initializer_range"] = number(config.initializer_range);
  json["embd_pdrop"] = number(config.embedding_dropout);
  json["attn_pdrop"] = number(config.attention_dropout);
  json["resid_pdrop"] = number(config.residual_dropout);
  json["bos_token_id"] = or_null(config.first_token);
  json["eos_token_id"] = or_null(config.last_token);
  json["use_cache"] = true;
  Json& ours = json["hemiola"];
  ours["version"] = kFormatVersion;
  if (!config.preset.empty()) ours["preset"] = config.preset;
  if (!config.tokenizer_sha256.empty()) ours["tokenizer_sha256"] = config.tokenizer_sha256;
  if (config.learnt != LearntWords()) {
    for (const LearntField& field : kLearntFields) {
      ours["learnt"][field.key] = config.learnt.*field.value;
    }
  }
  return json;
}

std::span<const Preset> presets() {
  static const std::array<Preset, 5> all = [] {
    ModelConfig tiny = shape("tiny", 2, 4, 64, 256);
    return std::array<Preset, 5>{{
        {"tiny", "for tests: 2 layers of width 64, context 256 (0.4 M parameters)", tiny},
        {"small", "two cores, hours: 6 layers of width 256, context 1024 (6.0 M parameters)",
         shape("small", 6, 8, 256, 1024)},
        {"seed", "the standard: 6 layers, 8 heads, width 768, context 1024 (46 M parameters)",
         shape("seed", 6, 8, 768, 1024)},
        {"medium", "a GPU: 12 layers, 12 heads, width 768, context 2048 (90 M parameters)",
         shape("medium", 12, 12, 768, 2048)},
        {"large", "a large GPU: 24 layers, 16 heads, width 1024, context 2048 (309 M parameters)",
         shape("large", 24, 16, 1024, 2048)},
    }};
  }();
  return all;
}

Result<ModelConfig> preset(std::string_view name) {
  std::string names;
  for (const auto& entry : presets()) {
    if (entry.name == name) return entry.config;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", entry.name);
  }
  return fail("unknown preset \"{}\"; there are {}", name, names);
}

}  // namespace hemiola
