#include "nn/run_position.h"

namespace hemiola::nn {

namespace {

Json to_json(const HeldOutLoss& loss) {
  return {{"nats", loss.nats},
          {"tokens", loss.tokens},
          {"notes", loss.notes},
          {"beats", loss.beats},
          {"documents", loss.documents}};
}

// Throws Json::exception.
HeldOutLoss held_out_from_json(const Json& json) {
  HeldOutLoss loss;
  json.at("nats").get_to(loss.nats);
  json.at("tokens").get_to(loss.tokens);
  json.at("notes").get_to(loss.notes);
  json.at("beats").get_to(loss.beats);
  json.at("documents").get_to(loss.documents);
  return loss;
}

}  // namespace

Json position_to_json(const RunPosition& p, const Json& options) {
  return {{"step", p.step},
          {"tokens", p.tokens},
          {"seconds", p.seconds},
          {"processor_seconds", p.processor_seconds},
          {"epochs", p.epochs},
          {"data", p.data},
          {"loss_sum", p.loss_sum},
          {"loss_targets", p.loss_targets},
          {"best_step", p.best_step},
          {"best", to_json(p.best)},
          {"worse", p.worse},
          {"options", options},
          {"before", to_json(p.before)},
          {"before_old", to_json(p.before_old)}};
}

Result<RunPosition> position_from_json(const Json& json, std::string_view where) {
  RunPosition p;
  try {
    json.at("step").get_to(p.step);
    json.at("tokens").get_to(p.tokens);
    json.at("seconds").get_to(p.seconds);
    json.at("processor_seconds").get_to(p.processor_seconds);
    json.at("epochs").get_to(p.epochs);
    json.at("data").get_to(p.data);
    json.at("loss_sum").get_to(p.loss_sum);
    json.at("loss_targets").get_to(p.loss_targets);
    json.at("best_step").get_to(p.best_step);
    json.at("worse").get_to(p.worse);
    p.best = held_out_from_json(json.at("best"));
    if (json.contains("before")) {  // not in checkpoints of older programs
      p.before = held_out_from_json(json.at("before"));
      p.before_old = held_out_from_json(json.at("before_old"));
    }
  } catch (const Json::exception& error) {
    return fail("{}: the checkpoint's description is damaged: {}", where, error.what());
  }
  return p;
}

}  // namespace hemiola::nn
