// hemiola audiolm train semantic: a set of sounds -> the encoder of semantic tokens.
#include <algorithm>
#include <memory>

#include "audiolm/semantic.h"
#include "audiolm/semantic_units.h"
#include "audiolm/sound_set.h"
#include "cli/audiolm_commands.h"
#include "nn/semantic_trainer.h"

namespace hemiola::cli {
namespace {

using namespace audiolm;

struct Arguments {
  Path data, out, encoder;
  bool resume = false, json = false;
  int layer = 3, units = 512, threads = 0;
  float rise_weight = 4;
  std::vector<int> clusters = {256, 128};
  nn::SemanticTrainOptions train;
  std::string device = "cpu";
};

class SoundPieces final : public nn::SemanticPieces {
 public:
  SoundPieces(const SoundSet& sounds, std::vector<std::size_t> pieces,
              const SemanticTeacher& teacher)
      : sounds_(sounds), pieces_(std::move(pieces)), teacher_(teacher), targets_(pieces_.size()) {}

  Status prepare(int threads) {
    return for_each_piece(pieces_.size(), threads, interrupted, [this](std::size_t i, int) {
      const auto targets = teacher_.targets(sounds_.sound(pieces_[i]));
      targets_[i].assign(targets.begin(), targets.end());
    });
  }

  std::size_t count() const override { return pieces_.size(); }
  std::size_t frames(std::size_t piece) const override {
    return targets_[piece].size() / SemanticTeacher::kKinds;
  }
  void read(std::size_t piece, std::size_t first, std::size_t count, std::span<float> frames,
            std::span<std::int32_t> targets) const override {
    const std::vector<float> mel = log_mel(sounds_.sound(pieces_[piece]), first, count);
    std::copy(mel.begin(), mel.end(), frames.begin());
    teacher_.mel().apply(frames);
    const auto from =
        targets_[piece].begin() + static_cast<std::ptrdiff_t>(first * SemanticTeacher::kKinds);
    std::copy_n(from, count * SemanticTeacher::kKinds, targets.begin());
  }

 private:
  const SoundSet& sounds_;
  std::vector<std::size_t> pieces_;
  const SemanticTeacher& teacher_;
  std::vector<std::vector<std::int16_t>> targets_;
};

// The layers that tokens need, as they will stand in the file: matrices in bf16.
struct Kept {
  SemanticNetworkShape shape;
  std::vector<std::vector<std::uint16_t>> halves;
  std::vector<float> weights;
  WeightMap tensors;
};

void keep(const nn::SemanticLayout& layout, std::vector<float> weights, const Standardiser& mel,
          int layers, Kept& kept) {
  const nn::SemanticShape& shape = layout.shape;
  kept.shape = {shape.width, layers, shape.heads, shape.hidden, shape.reach};
  kept.weights = std::move(weights);
  kept.tensors["mel.mean"] = view_of("mel.mean", {kMelBands}, mel.mean);
  kept.tensors["mel.deviation"] = view_of("mel.deviation", {kMelBands}, mel.deviation);
  kept.halves.reserve(layout.tensors.size());
  for (const nn::TensorSlot& slot : layout.tensors) {
    const auto values = std::span(kept.weights).subspan(slot.offset, slot.size);
    TensorView view = view_of(slot.name, slot.shape, values);
    if (slot.is_matrix() && slot.name != "positions") {
      auto& halves = kept.halves.emplace_back();
      for (const float value : values) halves.push_back(to_bf16(value));
      view.dtype = Dtype::kBf16;
      view.bytes = {reinterpret_cast<const std::uint8_t*>(halves.data()), 2 * halves.size()};
    }
    kept.tensors[slot.name] = view;
  }
}

// An encoder that is there already, with units of its own made anew.
Result<int> cluster_anew(const Arguments& a) {
  const Path file = a.out / kSemanticFile;
  if (std::error_code code; std::filesystem::exists(file, code)) {
    return fail("{}: an encoder stands there; choose another folder", file.string());
  }
  catch_interrupts();
  HEMIOLA_TRY(const SoundSet sounds, SoundSet::open(a.data));
  HEMIOLA_TRY(const Path from, locate_semantic(a.encoder));
  HEMIOLA_TRY(const SemanticEncoder encoder, SemanticEncoder::load(from));
  HEMIOLA_TRY(const MappedFile bytes, MappedFile::open(from));
  HEMIOLA_TRY(const auto view, SafetensorsView::parse(bytes.bytes(), from.string()));
  WeightMap weights;
  for (const TensorView& tensor : view.tensors()) weights.emplace(tensor.name, tensor);
  ClusterOptions clustering;
  clustering.seed = a.train.seed;
  clustering.threads = a.threads;
  clustering.stop = interrupted;
  HEMIOLA_TRY(const auto units, fit_units(encoder.network(), sounds, sounds.of_split("train"),
                                          a.units, a.rise_weight, clustering));
  Metadata about;
  for (const char* name : {"steps", "training"}) {
    const auto found = view.metadata().find(name);
    if (found != view.metadata().end()) about[name] = found->second;
  }
  HEMIOLA_CHECK(write_semantic(file, encoder.network().shape(), weights, units.centres, about));
  const Json json = {{"file", file.string()},
                     {"encoder", from.string()},
                     {"units", a.units},
                     {"clustered_frames", units.frames},
                     {"cluster_error", units.error}};
  if (a.json) {
    print(json);
  } else {
    print(fmt::format("{}: {} units of the encoder in {}, {:.3f} of the variance left within them",
                      file.string(), a.units, from.string(), units.error));
  }
  return 0;
}

Result<int> run(Arguments a) {
  catch_interrupts();
  HEMIOLA_TRY(const SoundSet sounds, SoundSet::open(a.data));
  const auto train = sounds.of_split("train"), held_out = sounds.of_split("validation");
  note("clusters of MFCC and chroma, to be predicted");
  ClusterOptions clustering;
  clustering.seed = a.train.seed;
  clustering.threads = a.threads;
  clustering.stop = interrupted;
  HEMIOLA_TRY(const auto teacher, SemanticTeacher::fit(sounds, train, a.clusters, clustering));
  SoundPieces pieces(sounds, train, teacher), others(sounds, held_out, teacher);
  HEMIOLA_CHECK(pieces.prepare(a.threads));
  HEMIOLA_CHECK(others.prepare(a.threads));

  a.train.shape.input = kMelFrame;
  a.train.shape.classes = teacher.classes();
  HEMIOLA_TRY(const auto learner,
              nn::make_semantic_learner(a.train.shape, {.device = a.device, .threads = a.threads}));
  note(fmt::format("{:.2f} M parameters on {}",
                   static_cast<double>(learner->layout().parameters) / 1e6, learner->device()));
  nn::SemanticSummary summary;
  {
    Progress progress("train");
    nn::SemanticCallbacks callbacks;
    callbacks.stop = interrupted;
    callbacks.note = [](const std::string& line) { note(line); };
    callbacks.progress = [&](const nn::SemanticProgress& p) {
      progress.show(p.done, 1, fmt::format("step {}, loss {:.4f}", p.step, p.loss));
    };
    HEMIOLA_TRY(summary,
                nn::train_semantic(*learner, a.train, pieces, others, a.out, a.resume, callbacks));
  }
  note(fmt::format("{} units from layer {}", a.units, a.layer));
  Kept kept;
  keep(learner->layout(), learner->state().weights, teacher.mel(), a.layer, kept);
  HEMIOLA_TRY(const auto network, SemanticNetwork::create(kept.shape, kept.tensors, "the encoder"));
  clustering.stop = nullptr;
  HEMIOLA_TRY(const auto units,
              fit_units(network, sounds, train, a.units, a.rise_weight, clustering));
  const Path file = a.out / kSemanticFile;
  HEMIOLA_CHECK(write_semantic(
      file, kept.shape, kept.tensors, units.centres,
      {{"steps", std::to_string(summary.steps)},
       {"training",
        fmt::format("masked prediction of {} clusters of MFCC and {} of chroma, "
                    "{} pieces, {:.1f} processor minutes",
                    a.clusters[0], a.clusters[1], train.size(), summary.processor_seconds / 60)}}));
  const auto frames = static_cast<double>(std::max<std::int64_t>(1, summary.held_out.frames));
  Json json = {{"file", file.string()},
               {"finished", summary.finished},
               {"steps", summary.steps},
               {"seconds", summary.seconds},
               {"processor_seconds", summary.processor_seconds},
               {"held_out_loss", summary.held_out.loss()},
               {"held_out_right", Json::array()},
               {"units", a.units},
               {"clustered_frames", units.frames},
               {"cluster_error", units.error}};
  for (const double right : summary.held_out.correct)
    json["held_out_right"].push_back(right / frames);
  if (a.json) {
    print(json);
  } else {
    print(
        fmt::format("{}: {} steps, held-out loss {:.4f} nats a frame, {} units, {:.3f} of the "
                    "variance left within them",
                    file.string(), summary.steps, summary.held_out.loss(), a.units, units.error));
  }
  if (!summary.finished) note("stopped and saved; go on with --resume");
  return 0;
}

}  // namespace

Action add_audiolm_train_semantic(CLI::App& app) {
  auto a = std::make_shared<Arguments>();
  nn::SemanticTrainOptions& t = a->train;
  t.processor_minutes = 15;
  app.add_option("--data", a->data, "Set of sounds (hemiola audiolm prepare)")->required();
  app.add_option("-o,--out", a->out, "The run's folder; semantic.safetensors is written there")
      ->required();
  auto* resume = app.add_flag("--resume", a->resume, "Go on with the run in --out");
  app.add_option("--encoder", a->encoder,
                 "Train nothing: keep this encoder (semantic.safetensors, or its folder) and make "
                 "its units anew")
      ->excludes(resume);
  auto* minutes =
      app.add_option("--cpu-minutes", t.processor_minutes, "Length of the run in processor minutes")
          ->check(CLI::PositiveNumber)
          ->capture_default_str();
  app.add_option_function<std::int64_t>(
         "--steps",
         [a](const std::int64_t& steps) {
           a->train.steps = steps;
           a->train.processor_minutes = 0;
         },
         "Length of the run in updates, which makes it repeatable")
      ->check(CLI::PositiveNumber)
      ->excludes(minutes);
  app.add_option("--width", t.shape.width)->capture_default_str();
  app.add_option("--layers", t.shape.layers)->capture_default_str();
  app.add_option("--heads", t.shape.heads)->capture_default_str();
  app.add_option("--hidden", t.shape.hidden, "Width of the feed-forward parts")
      ->capture_default_str();
  app.add_option("--layer", a->layer, "Layer whose output becomes tokens")->capture_default_str();
  app.add_option("--units", a->units, "Different tokens")
      ->check(CLI::Range(2, 32767))
      ->capture_default_str();
  app.add_option("--rise-weight", a->rise_weight,
                 "How much what begins counts beside the layer's output; 0: not at all")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  app.add_option("--clusters", a->clusters, "Of MFCC and of chroma, that are to be predicted")
      ->expected(2)
      ->check(CLI::Range(2, 32767))
      ->capture_default_str();
  app.add_option("--rows", t.rows, "Crops of an update")->capture_default_str();
  app.add_option("--length", t.length, "Frames of 40 ms of a crop")->capture_default_str();
  app.add_option("--rate", t.update.rate, "Highest learning rate")->capture_default_str();
  app.add_option("--warmup", t.warmup_steps, "Steps until the full rate")->capture_default_str();
  app.add_option("--mask-share", t.mask_share, "Share of the frames that are hidden")
      ->check(CLI::Range(0.01, 0.99))
      ->capture_default_str();
  app.add_option("--mask-span", t.mask_span, "Frames that are hidden together")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--seed", t.seed, "Of weights, crops, masks and clusters")->capture_default_str();
  app.add_option("--device", a->device, "cpu, cuda or cuda:N")->capture_default_str();
  app.add_option("--threads", a->threads, "0: one for each processor")->check(CLI::Range(0, 1024));
  app.add_flag("--json", a->json, "Report as JSON");
  return [a]() -> Result<int> {
    if (!a->encoder.empty()) return cluster_anew(*a);
    if (a->layer < 1 || a->layer > a->train.shape.layers) {
      return fail("--layer {}: expected 1 to {}, the encoder's layers", a->layer,
                  a->train.shape.layers);
    }
    return run(*a);
  };
}

}  // namespace hemiola::cli
