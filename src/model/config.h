// What shape a GPT-2 has: config.json with the keys of Hugging Face's GPT2Config, so that its
// `from_pretrained` reads what is written here and the other way round, and what Hemiola adds under
// the key "hemiola". Settings that the engine and the trainer do not know are refused, never
// ignored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace hemiola {

// Kinds of words that a model met in training. It writes noise where the others stand, so that
// nobody may ask it for what they say.
struct LearntWords {
  bool bar_counts = true;  // how many bars of the piece follow
  bool holes = true;       // bars to be filled
  bool controls = true;    // style, and density, polyphony and range of a track
  bool chords = true;

  bool operator==(const LearntWords&) const = default;
};

struct ModelConfig {
  int layers = 6;         // n_layer
  int heads = 8;          // n_head; divides width
  int width = 768;        // n_embd
  int inner = 3072;       // n_inner; written as null when it is 4 * width
  int context = 1024;     // n_positions and n_ctx, in tokens
  int vocabulary = 4050;  // vocab_size
  float layer_norm_epsilon = 1e-5f;
  bool tied_head = true;            // tie_word_embeddings: the head is the embedding
  float initializer_range = 0.02f;  // standard deviation of fresh weights
  float embedding_dropout = 0.1f;   // embd_pdrop; the three are for training only
  float attention_dropout = 0.1f;   // attn_pdrop
  float residual_dropout = 0.1f;    // resid_pdrop
  std::optional<int> first_token;   // bos_token_id
  std::optional<int> last_token;    // eos_token_id

  // Under "hemiola".
  std::string preset;            // the preset it started from, or empty
  std::string tokenizer_sha256;  // 64 hexadecimal digits, or empty when there is no tokenizer
  LearntWords learnt;            // written where one is missing

  int head_width() const { return width / heads; }
  std::size_t parameters() const;  // a tied head counted once

  bool operator==(const ModelConfig&) const = default;
};

// Every number in its range and width divisible by heads; the message names the key.
Status check(const ModelConfig& config);

// `where` (usually a path) starts each message.
Result<ModelConfig> parse_config(std::string_view text, std::string_view where);
Result<ModelConfig> config_from_json(const Json& json, std::string_view where);
Json config_to_json(const ModelConfig& config);

struct Preset {
  std::string_view name;
  std::string_view what;  // for help texts
  ModelConfig config;
};

// tiny, small, seed, medium, large, in this order.
std::span<const Preset> presets();
Result<ModelConfig> preset(std::string_view name);

}  // namespace hemiola
