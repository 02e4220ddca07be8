// TrainOptions as JSON, and their ranges.
#include <array>
#include <utility>

#include "nn/trainer.h"

namespace hemiola::nn {

namespace {

template <class E>
using Names = std::span<const std::pair<E, const char*>>;

constexpr std::pair<Budget, const char*> kBudgets[] = {
    {Budget::kSteps, "steps"},
    {Budget::kMinutes, "minutes"},
    {Budget::kProcessorMinutes, "processor_minutes"}};
constexpr std::pair<Schedule, const char*> kSchedules[] = {
    {Schedule::kCosine, "cosine"}, {Schedule::kStableDecay, "stable_decay"}};
constexpr std::pair<Optimiser, const char*> kOptimisers[] = {{Optimiser::kAdamW, "adamw"},
                                                             {Optimiser::kMuon, "muon"}};
constexpr std::pair<cpu::Precision, const char*> kPrecisions[] = {{cpu::Precision::kAuto, "auto"},
                                                                  {cpu::Precision::kFp32, "fp32"},
                                                                  {cpu::Precision::kBf16, "bf16"}};

// One list of fields for both directions: visit(name, reference) for numbers and texts,
// choice(name, reference, names) for enumerations.
template <class Options, class Visit, class Choice>
void visit_fields(Options& o, Visit&& visit, Choice&& choice) {
  visit("seed", o.seed);
  visit("length", o.length);
  visit("batch_tokens", o.batch_tokens);
  visit("micro_tokens", o.micro_tokens);
  visit("short_length", o.short_length);
  visit("short_until", o.short_until);
  choice("budget", o.budget, Names<Budget>(kBudgets));
  visit("amount", o.amount);
  choice("schedule", o.schedule, Names<Schedule>(kSchedules));
  visit("warmup_steps", o.warmup_steps);
  visit("decay_share", o.decay_share);
  visit("final_rate", o.final_rate);
  choice("optimiser", o.update.optimiser, Names<Optimiser>(kOptimisers));
  visit("rate", o.update.rate);
  visit("beta1", o.update.beta1);
  visit("beta2", o.update.beta2);
  visit("epsilon", o.update.epsilon);
  visit("weight_decay", o.update.decay);
  visit("momentum", o.update.momentum);
  visit("clip", o.update.clip);
  visit("dropout", o.update.dropout);
  visit("average_decay", o.average_decay);
  visit("device", o.device);
  choice("precision", o.precision, Names<cpu::Precision>(kPrecisions));
  visit("threads", o.threads);
  visit("log_every", o.log_every);
  visit("evaluate_every", o.evaluate_every);
  visit("sample_every", o.sample_every);
  visit("checkpoint_minutes", o.checkpoint_minutes);
  visit("checkpoint_every", o.checkpoint_every);
  visit("evaluate_tokens", o.evaluate_tokens);
  visit("patience", o.patience);
}

Status in_range(const char* name, double value, double low, double high) {
  if (value >= low && value <= high) return {};
  return fail("training option {}: expected a number from {} to {}, got {}", name, low, high,
              value);
}

}  // namespace

Json options_to_json(const TrainOptions& options) {
  Json json;
  json["config"] = config_to_json(options.config);
  visit_fields(
      options, [&](const char* name, const auto& value) { json[name] = value; },
      [&](const char* name, const auto& value, const auto& names) {
        for (const auto& [each, text] : names) {
          if (each == value) json[name] = text;
        }
      });
  return json;
}

Result<TrainOptions> options_from_json(const Json& json, std::string_view where) {
  TrainOptions options;
  if (!json.is_object() || !json.contains("config")) {
    return fail("{}: expected an object with the field config", where);
  }
  HEMIOLA_TRY(options.config, config_from_json(json["config"], where));
  std::size_t known = 1;
  Status status;
  visit_fields(
      options,
      [&](const char* name, auto& value) {
        const auto field = json.find(name);
        if (field == json.end()) return;
        ++known;
        try {
          field->get_to(value);
        } catch (const Json::exception& error) {
          status = fail("{}: field {}: {}", where, name, error.what());
        }
      },
      [&](const char* name, auto& value, const auto& names) {
        const auto field = json.find(name);
        if (field == json.end()) return;
        ++known;
        for (const auto& [each, text] : names) {
          if (field->is_string() && *field == text) {
            value = each;
            return;
          }
        }
        status = fail("{}: field {}: {} is not one of its values", where, name, field->dump());
      });
  HEMIOLA_CHECK(status);
  if (known != json.size())
    return fail("{}: there are fields of a newer or another program", where);
  HEMIOLA_CHECK(check(options));
  return options;
}

Status check(const TrainOptions& o) {
  HEMIOLA_CHECK(check_trainable(o.config));
  const auto real = [](auto value) { return static_cast<double>(value); };
  HEMIOLA_CHECK(in_range("length", o.length, 2, o.config.context));
  HEMIOLA_CHECK(in_range("batch_tokens", o.batch_tokens, o.length, 1e9));
  HEMIOLA_CHECK(in_range("micro_tokens", o.micro_tokens, o.length, 1e7));
  HEMIOLA_CHECK(in_range("short_length", o.short_length, 0, o.length));
  HEMIOLA_CHECK(in_range("short_until", o.short_until, 0, 1));
  HEMIOLA_CHECK(in_range("amount", o.amount, 1e-3, 1e12));
  HEMIOLA_CHECK(in_range("warmup_steps", o.warmup_steps, 0, 1e9));
  HEMIOLA_CHECK(in_range("decay_share", o.decay_share, 0, 1));
  HEMIOLA_CHECK(in_range("final_rate", o.final_rate, 0, 1));
  HEMIOLA_CHECK(in_range("rate", real(o.update.rate), 0, 10));
  HEMIOLA_CHECK(in_range("beta1", real(o.update.beta1), 0, 0.99999));
  HEMIOLA_CHECK(in_range("beta2", real(o.update.beta2), 0, 0.999999));
  HEMIOLA_CHECK(in_range("epsilon", real(o.update.epsilon), 0, 1));
  HEMIOLA_CHECK(in_range("weight_decay", real(o.update.decay), 0, 10));
  HEMIOLA_CHECK(in_range("momentum", real(o.update.momentum), 0, 0.9999));
  HEMIOLA_CHECK(in_range("clip", real(o.update.clip), 0, 1e9));
  HEMIOLA_CHECK(in_range("dropout", real(o.update.dropout), 0, 0.9));
  HEMIOLA_CHECK(in_range("average_decay", o.average_decay, 0, 0.999999));
  HEMIOLA_CHECK(in_range("threads", o.threads, 0, 1024));
  HEMIOLA_CHECK(in_range("log_every", real(o.log_every), 1, 1e9));
  HEMIOLA_CHECK(in_range("evaluate_every", real(o.evaluate_every), 0, 1e9));
  HEMIOLA_CHECK(in_range("sample_every", real(o.sample_every), 0, 1e9));
  HEMIOLA_CHECK(in_range("checkpoint_minutes", o.checkpoint_minutes, 0, 1e6));
  HEMIOLA_CHECK(in_range("checkpoint_every", real(o.checkpoint_every), 0, 1e9));
  HEMIOLA_CHECK(in_range("evaluate_tokens", real(o.evaluate_tokens), 0, 1e12));
  return in_range("patience", o.patience, 0, 1e9);
}

}  // namespace hemiola::nn
