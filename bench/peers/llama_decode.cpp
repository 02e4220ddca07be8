// llama.cpp through its own library, with the calls that its llama-bench and llama-batched-bench
// make (only the library is built, which takes a fifth of the time of those programs).
//
//   llama_decode quantize F32.gguf OUT.gguf F16|BF16|Q8_0|Q4_0
//   llama_decode run MODEL.gguf THREADS TOKENS PROMPT STREAMS FUSED
//
// run: one line of JSON, tokens a second: decode (one stream from an empty context), prefill (a
// prompt at once), batch (STREAMS streams from one token each, all together). FUSED: 1 for its
// fused attention. Keys and values are F16, its default.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "ggml-cpu.h"
#include "llama.h"

namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "llama_decode: %s\n", what);
  std::exit(1);
}

int quantize(const char* from, const char* to, const std::string& kind) {
  llama_model_quantize_params params = llama_model_quantize_default_params();
  params.nthread = 2;
  params.ftype = kind == "F16"    ? LLAMA_FTYPE_MOSTLY_F16
                 : kind == "BF16" ? LLAMA_FTYPE_MOSTLY_BF16
                 : kind == "Q8_0" ? LLAMA_FTYPE_MOSTLY_Q8_0
                 : kind == "Q4_0" ? LLAMA_FTYPE_MOSTLY_Q4_0
                                  : (fail("unknown format"), LLAMA_FTYPE_ALL_F32);
  return llama_model_quantize(from, to, &params) == 0 ? 0 : 1;
}

class Bench {
 public:
  Bench(llama_model* model, int threads, int streams, int tokens, int prompt, bool fused)
      : vocabulary_(llama_vocab_n_tokens(llama_model_get_vocab(model))),
        batch_(llama_batch_init(std::max(prompt, streams), 0, 1)) {
    llama_context_params params = llama_context_default_params();
    params.n_ctx = static_cast<std::uint32_t>(streams * std::max(tokens + 8, prompt));
    params.n_batch = 2048;
    params.n_ubatch = 512;
    params.n_seq_max = static_cast<std::uint32_t>(streams);
    params.n_threads = params.n_threads_batch = threads;
    params.flash_attn_type = fused ? LLAMA_FLASH_ATTN_TYPE_ENABLED : LLAMA_FLASH_ATTN_TYPE_DISABLED;
    params.no_perf = true;
    context_ = llama_init_from_model(model, params);
    if (context_ == nullptr) fail("no context");
    ggml_threadpool_params pool = ggml_threadpool_params_default(threads);
    llama_attach_threadpool(context_, ggml_threadpool_new(&pool), nullptr);
  }

  void forget() { llama_memory_clear(llama_get_memory(context_), false); }

  // One token of each stream at a position.
  void step(int position, int streams) {
    batch_.n_tokens = 0;
    for (int s = 0; s < streams; ++s) add(position, s, true);
    decode();
  }

  double decode_rate(int tokens, int streams) {
    forget();
    if (streams > 1) step(0, streams);  // a prompt of one token each, as llama-batched-bench has it
    const int first = streams > 1 ? 1 : 0;
    const double begin = now();
    for (int t = 0; t < tokens; ++t) step(first + t, streams);
    return tokens * streams / (now() - begin);
  }

  double prefill_rate(int tokens) {
    forget();
    batch_.n_tokens = 0;
    for (int t = 0; t < tokens; ++t) add(t, 0, t + 1 == tokens);
    const double begin = now();
    decode();
    return tokens / (now() - begin);
  }

 private:
  void add(int position, int stream, bool logits) {
    const int i = batch_.n_tokens++;
    batch_.token[i] = std::rand() % vocabulary_;
    batch_.pos[i] = position;
    batch_.n_seq_id[i] = 1;
    batch_.seq_id[i][0] = stream;
    batch_.logits[i] = logits;
  }

  void decode() {
    if (llama_decode(context_, batch_) != 0) fail("llama_decode failed");
    llama_synchronize(context_);
  }

  int vocabulary_;
  llama_batch batch_;
  llama_context* context_ = nullptr;
};

int run(char** argv) {
  const int threads = std::atoi(argv[1]), tokens = std::atoi(argv[2]), prompt = std::atoi(argv[3]),
            streams = std::atoi(argv[4]);
  const bool fused = std::strcmp(argv[5], "1") == 0;
  llama_model_params params = llama_model_default_params();
  params.n_gpu_layers = 0;
  llama_model* model = llama_model_load_from_file(argv[0], params);
  if (model == nullptr) fail("cannot load the model");
  Bench single(model, threads, 1, tokens, prompt, fused);
  for (int t = 0; t < 16; ++t) single.step(t, 1);  // warm
  const double decode = single.decode_rate(tokens, 1);
  single.prefill_rate(prompt);
  const double prefill = single.prefill_rate(prompt);
  double batch = 0;
  if (streams > 1) {
    Bench several(model, threads, streams, tokens, 1, fused);
    several.step(0, streams);
    batch = several.decode_rate(tokens, streams);
  }
  std::printf("{\"decode\": %.2f, \"prefill\": %.2f, \"batch\": %.2f}\n", decode, prefill, batch);
  std::fflush(stdout);
  std::_Exit(0);  // the process ends here; what it holds goes with it
}

}  // namespace

int main(int argc, char** argv) {
  llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
  llama_backend_init();
  if (argc == 5 && std::strcmp(argv[1], "quantize") == 0)
    return quantize(argv[2], argv[3], argv[4]);
  if (argc == 8 && std::strcmp(argv[1], "run") == 0) return run(argv + 2);
  std::fprintf(
      stderr,
      "llama_decode quantize FROM TO KIND | run MODEL THREADS TOKENS PROMPT STREAMS FUSED\n");
  return 2;
}
