// The reader of model files believes nothing, the writer is read back, settings mean what Hugging
// Face's mean.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <functional>

#include "base/hash.h"
#include "model/config.h"
#include "model/gpt2_tensors.h"
#include "model/model_folder.h"
#include "model/safetensors.h"
#include "model/tensor.h"

namespace hemiola {
namespace {

using ::testing::HasSubstr;

class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hemiola.XXXXXX").string();
    if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() { std::filesystem::remove_all(path_); }
  Path operator/(std::string_view name) const { return path_ / name; }

 private:
  Path path_;
};

ModelConfig small_config() {
  ModelConfig config = *preset("tiny");
  config.layers = 2;
  config.heads = 2;
  config.width = 8;
  config.inner = 32;
  config.context = 16;
  config.vocabulary = 10;
  return config;
}

TEST(Config, SeedIsTheStandardShape) {
  const auto seed = *preset("seed");
  EXPECT_EQ(seed.layers, 6);
  EXPECT_EQ(seed.heads, 8);
  EXPECT_EQ(seed.width, 768);
  EXPECT_EQ(seed.inner, 3072);
  EXPECT_EQ(seed.context, 1024);
  EXPECT_EQ(seed.vocabulary, 4050);
  EXPECT_EQ(seed.parameters(), 46'425'600u);
}

TEST(Config, EveryPresetIsValidAndItsCountIsThatOfItsTensors) {
  for (const auto& entry : presets()) {
    EXPECT_TRUE(check(entry.config)) << entry.name;
    std::size_t count = 0;
    for (const auto& spec : gpt2_tensors(entry.config)) count += element_count(spec.shape);
    EXPECT_EQ(count, entry.config.parameters()) << entry.name;
    EXPECT_EQ(entry.config.preset, entry.name);
  }
  const auto unknown = preset("huge");
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, HasSubstr("tiny, small, seed, medium, large"));
}

TEST(Config, WritesTheKeysOfHuggingFace) {
  const Json json = config_to_json(*preset("seed"));
  EXPECT_EQ(json["model_type"], "gpt2");
  EXPECT_EQ(json["architectures"][0], "GPT2LMHeadModel");
  EXPECT_EQ(json["n_layer"], 6);
  EXPECT_EQ(json["n_head"], 8);
  EXPECT_EQ(json["n_embd"], 768);
  EXPECT_TRUE(json["n_inner"].is_null());
  EXPECT_EQ(json["n_positions"], 1024);
  EXPECT_EQ(json["n_ctx"], 1024);
  EXPECT_EQ(json["vocab_size"], 4050);
  EXPECT_EQ(json["activation_function"], "gelu_new");
  EXPECT_EQ(json_text(json["layer_norm_epsilon"]), "1e-05");
  EXPECT_EQ(json["tie_word_embeddings"], true);
}

TEST(Config, ComesBackAsItWent) {
  ModelConfig config = small_config();
  config.inner = 20;
  config.tied_head = false;
  config.first_token = 1;
  config.last_token = 2;
  config.embedding_dropout = 0.25f;
  config.tokenizer_sha256 = std::string(64, 'a');
  config.learnt.holes = false;
  config.learnt.chords = false;
  const auto again = parse_config(json_text(config_to_json(config)), "config.json");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, config);
}

TEST(Config, ReadsWhatOthersWrite) {
  // As transformers writes GPT-2's own (shortened).
  const auto config = parse_config(R"({"activation_function": "gelu_new", "attn_pdrop": 0.1,
    "architectures": ["GPT2LMHeadModel"], "bos_token_id": 50256, "embd_pdrop": 0.1,
    "eos_token_id": 50256, "initializer_range": 0.02, "layer_norm_epsilon": 1e-05,
    "model_type": "gpt2", "n_embd": 768, "n_head": 12, "n_inner": null, "n_layer": 12,
    "n_positions": 1024, "reorder_and_upcast_attn": false, "resid_pdrop": 0.1,
    "scale_attn_by_inverse_layer_idx": false, "scale_attn_weights": true, "vocab_size": 50257,
    "task_specific_params": {"text-generation": {"do_sample": true}}})",
                                   "gpt2/config.json");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->layers, 12);
  EXPECT_EQ(config->inner, 3072);
  EXPECT_EQ(config->parameters(), 124'439'808u);
  EXPECT_EQ(config->first_token, 50256);
}

TEST(Config, RefusesWhatItDoesNotKnow) {
  const auto refused = [](const std::function<void(Json&)>& change) {
    Json json = config_to_json(small_config());
    change(json);
    const auto config = config_from_json(json, "x/config.json");
    return config ? std::string("accepted") : config.error().message;
  };
  EXPECT_THAT(refused([](Json& j) { j.erase("n_embd"); }), HasSubstr("x/config.json"));
  EXPECT_THAT(refused([](Json& j) { j.erase("n_embd"); }), HasSubstr("\"n_embd\" is missing"));
  EXPECT_THAT(refused([](Json& j) { j["n_head"] = 3; }), HasSubstr("not a multiple"));
  EXPECT_THAT(refused([](Json& j) { j["n_layer"] = 0; }), HasSubstr("expected 1 to"));
  EXPECT_THAT(refused([](Json& j) { j["n_layer"] = -5; }), HasSubstr("expected 1 to"));
  EXPECT_THAT(refused([](Json& j) { j["n_layer"] = 1e300; }), HasSubstr("whole number"));
  EXPECT_THAT(refused([](Json& j) { j["vocab_size"] = 18446744073709551615u; }),
              HasSubstr("expected 1 to"));
  EXPECT_THAT(refused([](Json& j) { j["n_ctx"] = 99; }), HasSubstr("\"n_ctx\" is 99"));
  EXPECT_THAT(refused([](Json& j) { j["model_type"] = "llama"; }), HasSubstr("only GPT-2"));
  EXPECT_THAT(refused([](Json& j) { j["activation_function"] = "relu"; }), HasSubstr("gelu_new"));
  EXPECT_THAT(refused([](Json& j) { j["scale_attn_weights"] = false; }), HasSubstr("only true"));
  EXPECT_THAT(refused([](Json& j) { j["layer_norm_epsilon"] = 0; }), HasSubstr("expected"));
  EXPECT_THAT(refused([](Json& j) { j["hemiola"]["version"] = 2; }), HasSubstr("newer"));
  EXPECT_THAT(refused([](Json& j) { j["hemiola"]["tokenizer_sha256"] = "../x"; }),
              HasSubstr("64 hexadecimal"));
  EXPECT_THAT(refused([](Json& j) { j["hemiola"] = 3; }), HasSubstr("expected an object"));
  EXPECT_FALSE(parse_config("[]", "x"));
  EXPECT_FALSE(parse_config("{", "x"));
}

TEST(Tensor, HalfPrecisionNumbers) {
  EXPECT_EQ(from_f16(0x3c00), 1.0f);
  EXPECT_EQ(from_f16(0xc000), -2.0f);
  EXPECT_EQ(from_f16(0x7bff), 65504.0f);
  EXPECT_EQ(from_f16(0x0001), std::ldexp(1.0f, -24));
  EXPECT_EQ(from_f16(0x0400), std::ldexp(1.0f, -14));
  EXPECT_TRUE(std::isinf(from_f16(0x7c00)));
  EXPECT_TRUE(std::isnan(from_f16(0x7e00)));
  EXPECT_EQ(from_bf16(0x3f80), 1.0f);
  EXPECT_EQ(to_bf16(1.0f), 0x3f80);
  EXPECT_EQ(to_bf16(std::bit_cast<float>(0x3f808000u)), 0x3f80);  // a tie goes to even
  EXPECT_EQ(to_bf16(std::bit_cast<float>(0x3f818000u)), 0x3f82);
  EXPECT_EQ(to_bf16(std::bit_cast<float>(0x3f808001u)), 0x3f81);
  EXPECT_TRUE(std::isnan(from_bf16(to_bf16(NAN))));
  EXPECT_EQ(to_bf16(INFINITY), 0x7f80);
}

Bytes safetensors_bytes(std::string_view table, std::size_t data, std::int64_t length = -1) {
  if (length < 0) length = static_cast<std::int64_t>(table.size());
  Bytes bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<std::uint8_t>(length >> (8 * i)));
  bytes.insert(bytes.end(), table.begin(), table.end());
  bytes.resize(bytes.size() + data);
  return bytes;
}

std::string refusal(std::string_view table, std::size_t data, std::int64_t length = -1) {
  const Bytes bytes = safetensors_bytes(table, data, length);
  const auto view = SafetensorsView::parse(bytes, "m.safetensors");
  return view ? "accepted" : view.error().message;
}

TEST(Safetensors, ReadsATable) {
  const Bytes bytes = safetensors_bytes(
      R"({"b":{"dtype":"BF16","shape":[3],"data_offsets":[8,14]},"__metadata__":{"format":"pt"},)"
      R"("a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},)"
      R"("empty":{"dtype":"F32","shape":[0,7],"data_offsets":[14,14]},)"
      R"("scalar":{"dtype":"U8","shape":[],"data_offsets":[14,15]}}  )",
      15);
  const auto view = SafetensorsView::parse(bytes, "x");
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(view->metadata().at("format"), "pt");
  ASSERT_EQ(view->tensors().size(), 4u);
  EXPECT_EQ(view->tensors()[0].name, "a");
  EXPECT_EQ(view->find("b")->shape, Shape{3});
  EXPECT_EQ(view->find("scalar")->elements(), 1u);
  EXPECT_EQ(view->find("c"), nullptr);
}

TEST(Safetensors, RefusesWhatIsNotTrue) {
  EXPECT_THAT(refusal("", 0), HasSubstr("too few"));
  EXPECT_THAT(refusal("{}", 0, 1'000'000), HasSubstr("claims 1000000 bytes"));
  EXPECT_THAT(refusal("{}", 0, 3), HasSubstr("claims"));
  EXPECT_THAT(refusal("[]", 0), HasSubstr("not a JSON object"));
  EXPECT_THAT(refusal("{\"a\":1}", 0), HasSubstr("tensor \"a\""));
  EXPECT_THAT(refusal(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4),
              HasSubstr("ends at byte 8 of the data, but there are only 4"));
  EXPECT_THAT(refusal(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4),
              HasSubstr("F32 [2] needs 8 bytes, data_offsets gives 4"));
  EXPECT_THAT(refusal(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8),
              HasSubstr("begin and end"));
  EXPECT_THAT(refusal(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,8]}})", 8),
              HasSubstr("whole numbers"));
  EXPECT_THAT(
      refusal(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0),
      HasSubstr("sensible size"));
  EXPECT_THAT(refusal(R"({"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}})", 8),
              HasSubstr("F64 is not known"));
  EXPECT_THAT(refusal(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                      R"("b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})",
                      6),
              HasSubstr("overlap or leave a hole"));
  EXPECT_THAT(refusal(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[1,5]}})", 5),
              HasSubstr("overlap or leave a hole"));
  EXPECT_THAT(refusal(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 5),
              HasSubstr("the tensors end at byte 4 of the data, the file at 5"));
  EXPECT_THAT(refusal(R"({"__metadata__":{"a":1}})", 0), HasSubstr("not a string"));
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_THAT(refusal("{\"a\":" + deep + "}", 0), HasSubstr("tensor \"a\""));
}

TEST(Safetensors, WritesWhatItReads) {
  const TempFolder folder;
  const std::vector<float> a = {1, -2, 3.5f};
  const std::vector<std::uint8_t> b = {1, 2, 3, 4};
  const std::vector<TensorView> tensors = {view_of("a", {3, 1}, a), {"b", Dtype::kBf16, {2}, b}};
  ASSERT_TRUE(write_safetensors(folder / "x", tensors, {{"k", "v\n\"w\""}}));
  const auto file = SafetensorsFile::open(folder / "x");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->view().metadata().at("k"), "v\n\"w\"");
  const TensorView* read = file->view().find("a");
  ASSERT_NE(read, nullptr);
  EXPECT_EQ(read->shape, (Shape{3, 1}));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(read->bytes.data()) % 64, 0u);
  std::vector<float> values(2);
  read_floats(*read, 1, values);
  EXPECT_EQ(values, (std::vector<float>{-2, 3.5f}));
  EXPECT_FALSE(write_safetensors(folder / "y", std::vector{tensors[0], tensors[0]}));
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const TempFolder folder;
  const std::vector<float> a(5, 1.0f);
  ASSERT_TRUE(write_safetensors(folder / "x", std::vector{view_of("a", {5}, a)}));
  const Bytes whole = *read_file(folder / "x");
  ASSERT_TRUE(SafetensorsView::parse(whole, "x"));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(SafetensorsView::parse(std::span(whole).first(size), "x")) << size;
  }
}

TEST(Weights, RandomOnesAreReproducibleAndOfTheRightSize) {
  const auto config = small_config();
  const auto a = OwnedWeights::random(config, 1), b = OwnedWeights::random(config, 1),
             c = OwnedWeights::random(config, 2);
  EXPECT_EQ(a.values("h.1.mlp.c_fc.weight"), b.values("h.1.mlp.c_fc.weight"));
  EXPECT_NE(a.values("h.1.mlp.c_fc.weight"), c.values("h.1.mlp.c_fc.weight"));
  EXPECT_NE(a.values("h.0.mlp.c_fc.weight"), a.values("h.1.mlp.c_fc.weight"));
  double square = 0;
  for (const float w : a.values("h.0.mlp.c_fc.weight")) square += w * w;
  EXPECT_NEAR(std::sqrt(square / 256), 0.02, 0.004);
  EXPECT_EQ(a.values("ln_f.weight"), std::vector<float>(8, 1.0f));
}

ModelToSave model_to_save(const OwnedWeights& weights) {
  return {weights.config(), weights.views(), R"({"tokenizer": 1})", "# A card\n"};
}

TEST(ModelFolder, ComesBackAsItWent) {
  const TempFolder folder;
  const auto weights = OwnedWeights::random(small_config(), 3);
  ASSERT_TRUE(save_model_folder(folder / "a/b/m", model_to_save(weights)));
  const auto model = load_model_folder(folder / "a/b/m");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->tokenizer, R"({"tokenizer": 1})");
  EXPECT_EQ(model->card, "# A card\n");
  EXPECT_EQ(model->config.tokenizer_sha256, tokenizer_hash(model->tokenizer));
  EXPECT_NE(model->file.view().find("transformer.wte.weight"), nullptr);
  for (const auto& spec : weights.specs()) {
    const TensorView& tensor = model->weights.find(spec.name)->second;
    std::vector<float> values(tensor.elements());
    read_floats(tensor, 0, values);
    EXPECT_EQ(values, weights.values(spec.name)) << spec.name;
  }
}

TEST(ModelFolder, SavingAgainReplacesButNeverRemovesOthersFiles) {
  const TempFolder folder;
  const auto first = OwnedWeights::random(small_config(), 1);
  const auto second = OwnedWeights::random(small_config(), 2);
  ASSERT_TRUE(save_model_folder(folder / "m", model_to_save(first)));
  ModelToSave bare = model_to_save(second);
  bare.card.clear();
  ASSERT_TRUE(save_model_folder(folder / "m/", bare));
  EXPECT_FALSE(std::filesystem::exists(folder / "m/card.md"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder / ""), {}), 1);
  ASSERT_TRUE(write_text(folder / "m/notes.txt", "mine"));
  const auto refused = save_model_folder(folder / "m", model_to_save(first));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("notes.txt"));
  EXPECT_TRUE(load_model_folder(folder / "m"));
  ASSERT_TRUE(write_text(folder / "file", "x"));
  EXPECT_FALSE(save_model_folder(folder / "file", model_to_save(first)));
}

TEST(ModelFolder, AnUntiedHeadIsKept) {
  const TempFolder folder;
  auto config = small_config();
  config.tied_head = false;
  const auto weights = OwnedWeights::random(config, 3);
  ASSERT_TRUE(save_model_folder(folder / "m", model_to_save(weights)));
  const auto model = load_model_folder(folder / "m");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_TRUE(model->weights.contains("lm_head.weight"));
  EXPECT_NE(model->file.view().find("lm_head.weight"), nullptr);
}

TEST(ModelFolder, SaysWhatIsWrong) {
  const TempFolder folder;
  const auto weights = OwnedWeights::random(small_config(), 3);
  const auto message = [&](const std::function<void(const Path&)>& damage) {
    const Path place = folder / "m";
    std::filesystem::remove_all(place);
    EXPECT_TRUE(save_model_folder(place, model_to_save(weights)));
    damage(place);
    const auto model = load_model_folder(place);
    return model ? std::string("accepted") : model.error().message;
  };
  EXPECT_EQ(message([](const Path&) {}), "accepted");
  EXPECT_THAT(message([](const Path& p) { std::filesystem::remove_all(p); }),
              HasSubstr("no such model folder"));
  EXPECT_THAT(message([](const Path& p) { std::filesystem::remove(p / "config.json"); }),
              HasSubstr("holds no config.json"));
  EXPECT_THAT(message([](const Path& p) {
                std::filesystem::rename(p / "model.safetensors", p / "pytorch_model.bin");
              }),
              HasSubstr("safe_serialization"));
  EXPECT_THAT(message([](const Path& p) { std::filesystem::remove(p / "tokenizer.json"); }),
              HasSubstr("tokenizer.json is missing"));
  EXPECT_THAT(
      message([](const Path& p) { EXPECT_TRUE(write_text(p / "tokenizer.json", "other")); }),
      HasSubstr("not the one the model was trained with"));
  EXPECT_THAT(
      message([](const Path& p) { std::filesystem::resize_file(p / "model.safetensors", 5000); }),
      HasSubstr("damaged or incomplete"));
  EXPECT_THAT(message([](const Path& p) {
                ModelConfig config = small_config();
                config.width = 16;
                EXPECT_TRUE(write_text(p / "config.json", json_text(config_to_json(config))));
              }),
              HasSubstr("wte.weight: expected shape [10, 16] after the settings, got [10, 8]"));
  EXPECT_THAT(message([](const Path& p) {
                ModelConfig config = small_config();
                config.layers = 3;
                EXPECT_TRUE(write_text(p / "config.json", json_text(config_to_json(config))));
              }),
              HasSubstr("h.2.ln_1.weight [8] is missing"));
}

}  // namespace
}  // namespace hemiola
