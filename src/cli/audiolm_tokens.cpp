// hemiola audiolm tokens: a set of sound -> the cache of its tokens that the stages learn from.
#include <memory>
#include <thread>

#include "audiolm/codec.h"
#include "audiolm/semantic.h"
#include "audiolm/sound_set.h"
#include "audiolm/token_cache.h"
#include "base/hash.h"
#include "cli/audiolm_commands.h"

namespace hemiola::cli {
namespace {

struct Arguments {
  Path data, codec, semantic, out;
  int threads = 0;
  std::size_t most = 0;
  bool force = false, json = false;
};

// Names the set: which pieces, in which order, how long.
std::string identity(const audiolm::SoundSet& set, std::size_t count) {
  Sha256 hash;
  for (std::size_t i = 0; i < count; ++i) {
    const audiolm::SoundPiece& piece = set.piece(i);
    hash.update(fmt::format("{} {} {} {}\n", piece.name, piece.start, piece.samples, piece.split));
  }
  return to_hex(hash.finish());
}

Result<int> run(const Arguments& a) {
  HEMIOLA_CHECK(may_write(a.out, a.force));
  HEMIOLA_TRY(const audiolm::SoundSet set, audiolm::SoundSet::open(a.data));
  HEMIOLA_TRY(const audiolm::Codec codec, audiolm::Codec::load(a.codec));
  HEMIOLA_TRY(const audiolm::SemanticEncoder encoder, audiolm::SemanticEncoder::load(a.semantic));
  const std::size_t count = a.most > 0 ? std::min(a.most, set.size()) : set.size();
  audiolm::CacheJob job;
  job.origin.shape = {encoder.units(), codec.shape().quantizers, codec.shape().codebook, 1};
  job.origin.codec_sha256 = codec.sha256();
  job.origin.semantic_sha256 = encoder.sha256();
  job.origin.sound = identity(set, count).substr(0, 16);
  double seconds = 0;
  for (std::size_t i = 0; i < count; ++i) {
    HEMIOLA_TRY(const audiolm::Split split, audiolm::split_named(set.piece(i).split));
    job.splits.push_back(split);
    seconds += static_cast<double>(set.piece(i).samples) / audiolm::kSoundRate;
  }
  job.threads = a.threads > 0 ? a.threads
                              : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  job.encode = [&](std::size_t i) -> Result<audiolm::PieceTokens> {
    const std::vector<float> sound = set.sound(i);
    return audiolm::whole_units(encoder.encode(sound), codec.encode(sound),
                                codec.shape().quantizers);
  };
  catch_interrupts();
  const auto start = std::chrono::steady_clock::now();
  {
    Progress progress("tokens");
    job.progress = [&](std::size_t done) {
      progress.show(static_cast<double>(done), static_cast<double>(count));
      return !interrupted();
    };
    HEMIOLA_CHECK(audiolm::build_token_cache(a.out, job));
  }
  const double taken =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  HEMIOLA_TRY(const audiolm::TokenCache cache, audiolm::TokenCache::open(a.out));
  const std::size_t train = cache.of_split(audiolm::Split::kTrain).size();
  if (a.json) {
    print(Json{{"pieces", cache.size()},
               {"train", train},
               {"seconds_audio", seconds},
               {"seconds_taken", taken}});
  } else {
    print(fmt::format("{}: {} pieces, {} of them for training; {} of sound in {}", a.out.string(),
                      cache.size(), train, duration_text(seconds), duration_text(taken)));
  }
  return 0;
}

}  // namespace

Action add_audiolm_tokens(CLI::App& app) {
  auto a = std::make_shared<Arguments>();
  app.add_option("--data", a->data, "A set of sound (`hemiola audiolm prepare`)")->required();
  app.add_option("--codec", a->codec, "codec.safetensors")->required();
  app.add_option("--semantic", a->semantic, "semantic.safetensors")->required();
  app.add_option("-o,--out", a->out, "The cache, one file")->required();
  app.add_option("--most", a->most, "Only the first so many pieces; 0: all");
  app.add_option("--threads", a->threads, "0: one for each processor")->check(CLI::Range(0, 1024));
  app.add_flag("--force", a->force, "Replace an existing file");
  app.add_flag("--json", a->json, "Report as JSON");
  app.footer("Stopped, it goes on where it was when the same command is given again.");
  return [a] { return run(*a); };
}

}  // namespace hemiola::cli
