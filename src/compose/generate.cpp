#include "compose/generate.h"

#include <algorithm>
#include <chrono>

#include "compose/finish.h"
#include "compose/line.h"
#include "score/analysis.h"
#include "score/to_midi.h"

namespace hemiola {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMostTogether = 8;  // variations that share one pass over the weights
constexpr int kMostBars = 2000;
constexpr int kMostCount = 1000;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// What each new bar must say. Where nothing is asked, a piece from nothing is free to say anything,
// and one that goes on keeps to what is in force.
std::vector<tokens::BarPlan> plan_bars(const Controls& controls, const GridBar* in_force,
                                       int bars) {
  tokens::BarPlan plan;
  if (controls.metre) plan.metre = controls.metre;
  if (controls.key) plan.key = controls.key;
  if (controls.tempo) {
    plan.tempo_class = static_cast<std::uint8_t>(nearest_tempo_class(*controls.tempo));
  }
  if (in_force != nullptr) {
    if (!plan.metre) plan.metre = in_force->metre;
    if (!plan.key) plan.key = in_force->key;
    if (!plan.tempo_class) plan.tempo_class = in_force->tempo_class;
  }
  plan.chords = tokens::BarPlan::Chords{};
  if (controls.chords.empty()) return {plan};
  std::vector<tokens::BarPlan> plans(static_cast<std::size_t>(bars), plan);
  for (std::size_t bar = 0; bar < plans.size(); ++bar) {
    plans[bar].chords->start = controls.chords[bar % controls.chords.size()];
  }
  return plans;
}

Status add_instruments(const Controls& controls, GridScore& piece) {
  for (const Instrument& instrument : controls.instruments) {
    if (piece.tracks.size() == kMaxTracks) {
      return fail("{} tracks are the most there can be; ask for fewer instruments", kMaxTracks);
    }
    piece.tracks.push_back({static_cast<std::uint8_t>(instrument.program), instrument.is_drum, {}});
  }
  return {};
}

Result<int> bar_index(const GridScore& piece, int number, std::string_view what) {
  const int index = number - (piece.has_upbeat ? 0 : 1);
  const auto bars = static_cast<int>(piece.bars.size());
  if (index < 0 || index >= bars) {
    return fail("{} {}: the piece has bars {} to {}", what, number, piece.has_upbeat ? 0 : 1,
                bars - (piece.has_upbeat ? 1 : 0));
  }
  return index;
}

Status plan_infill(const GenerateRequest& request, Task& task) {
  const BarSpan span = *request.infill;
  HEMIOLA_TRY(const int first, bar_index(task.piece, span.first, "bar"));
  HEMIOLA_TRY(const int last, bar_index(task.piece, span.last, "bar"));
  if (last < first) return fail("bars {}-{}: the first comes first", span.first, span.last);
  task.fills = true;
  task.first_bar = first;
  task.end_bar = last + 1;
  const auto old_tracks = static_cast<int>(task.piece.tracks.size());
  HEMIOLA_CHECK(add_instruments(request.controls, task.piece));
  const auto tracks = static_cast<int>(task.piece.tracks.size());
  for (int number : request.tracks) {
    if (number < 1 || number > old_tracks) {
      return fail("track {}: the piece has tracks 1 to {}", number, old_tracks);
    }
    task.tracks.push_back(number - 1);
  }
  if (request.tracks.empty() && request.controls.instruments.empty()) {
    for (int track = 0; track < tracks; ++track) task.tracks.push_back(track);
  }
  for (int track = old_tracks; track < tracks; ++track) task.tracks.push_back(track);
  std::sort(task.tracks.begin(), task.tracks.end());
  task.tracks.erase(std::unique(task.tracks.begin(), task.tracks.end()), task.tracks.end());
  // Metre, key and tempo of the bars stay; what was asked of them cannot be had here.
  if (request.controls.metre || request.controls.tempo || request.controls.key) {
    return fail(
        "key, metre and tempo of bars that are written anew stay as they are; leave them out");
  }
  if (!request.controls.chords.empty()) {
    for (int bar = first; bar <= last; ++bar) {
      const auto i = static_cast<std::size_t>(bar - first) % request.controls.chords.size();
      task.piece.bars[static_cast<std::size_t>(bar)].chord = request.controls.chords[i];
    }
  }
  return {};
}

Status plan_forward(const GenerateRequest& request, Task& task) {
  if (request.bars < 1 || request.bars > kMostBars) {
    return fail("{} bars: from 1 to {} can be written at once", request.bars, kMostBars);
  }
  if (!request.tracks.empty()) return fail("tracks can be chosen for infilling only");
  GridScore& piece = task.piece;
  const GridBar* in_force = nullptr;
  if (request.prompt != nullptr) {
    auto bars = static_cast<int>(piece.bars.size());
    if (request.from_bar && *request.from_bar != bars + (piece.has_upbeat ? 0 : 1)) {
      HEMIOLA_TRY(bars, bar_index(piece, *request.from_bar, "bar"));
    }
    if (bars == 0) {
      return fail("nothing stands before bar {}; leave the prompt out to write from nothing",
                  *request.from_bar);
    }
    piece = tokens::window(piece, 0, bars);
    in_force = &piece.bars.back();
  }
  task.first_bar = static_cast<int>(piece.bars.size());
  task.end_bar = task.first_bar + request.bars;
  task.rules.plan = plan_bars(request.controls, in_force, request.bars);
  Controls wishes = request.controls;
  const bool track_wish = wishes.density || wishes.range || wishes.max_polyphony;
  if (request.prompt == nullptr && wishes.instruments.empty() && track_wish) {
    wishes.instruments = {{0, false}, {0, false}};  // a piano's two hands
  }
  return add_instruments(wishes, piece);
}

Result<Task> plan_task(const Composer& composer, const tokens::MaskTables& tables,
                       const GenerateRequest& request) {
  Task task;
  task.model = &composer.model();
  task.tokenizer = &composer.tokenizer();
  task.tables = &tables;
  task.request = &request;
  if (request.count < 1 || request.count > kMostCount) {
    return fail("{} pieces: from 1 to {} can be written at once", request.count, kMostCount);
  }
  HEMIOLA_CHECK(engine::check(request.sampling));
  const Controls& controls = request.controls;
  if (controls.density && (*controls.density < 1 || *controls.density > tokens::kDensityClasses)) {
    return fail("density {}: expected 1 (sparse) to 10 (dense)", *controls.density);
  }
  if (!controls.style.empty()) {
    const int style = composer.tokenizer().style(controls.style);
    if (style == 0) {
      std::string known;
      for (const std::string& name : composer.tokenizer().settings().styles) {
        if (!name.empty()) known += (known.empty() ? "" : ", ") + name;
      }
      return fail("style '{}': this model knows {}", controls.style,
                  known.empty() ? "none" : known);
    }
    task.styles = {static_cast<std::uint8_t>(style)};
  }
  if (request.prompt != nullptr) {
    task.piece = request.prompt->grid();
    // The model reads tones against a key; a prompt that states none gets the likeliest.
    complete_keys(task.piece, false);
  } else if (request.infill || request.from_bar) {
    return fail("going on and infilling need a piece to start from");
  }
  if (request.infill) {
    HEMIOLA_CHECK(plan_infill(request, task));
  } else {
    HEMIOLA_CHECK(plan_forward(request, task));
  }

  if (controls.density || controls.range || controls.max_polyphony) {
    task.controls.resize(task.piece.tracks.size());
    for (tokens::TrackControls& wish : task.controls) {
      wish.density = controls.density;
      wish.range = controls.range;
      if (controls.max_polyphony) {
        wish.polyphony = std::clamp(*controls.max_polyphony, 1, tokens::kMaxPolyphonyWord);
      }
    }
    for (std::size_t i = 0; i < task.controls.size(); ++i) {
      if (task.piece.tracks[i].is_drum) task.controls[i].range.reset();
    }
  }
  tokens::TrackRule rule;
  rule.range = controls.range;
  rule.max_polyphony = controls.max_polyphony.value_or(0);
  task.rules.tracks.assign(kMaxTracks, rule);
  for (std::size_t i = 0; i < task.piece.tracks.size(); ++i) {
    if (task.piece.tracks[i].is_drum) task.rules.tracks[i].range.reset();
  }
  if (controls.in_scale) task.rules.scale = tokens::Scale::kHarmonic;
  task.rules.non_empty = task.fills || !controls.instruments.empty() ? tokens::NonEmpty::kEveryTrack
                                                                     : tokens::NonEmpty::kSomewhere;
  return task;
}

Result<WrittenPiece> finish_line(const Task& task, const Line& line, std::uint64_t seed) {
  WrittenPiece written;
  written.seed = seed;
  written.grid = line.piece();
  written.bars = line.end_bar() - task.first_bar;
  written.complete = line.end_bar() == task.end_bar;
  written.notes = line.added().size();
  written.tokens = line.sampled();
  const GenerateRequest& request = *task.request;
  if (request.prompt == nullptr) {
    FromGridOptions options;
    options.quarters_per_minute = request.controls.tempo;
    HEMIOLA_TRY(written.file, midi_from_grid(written.grid, options));
    return written;
  }
  Addition addition;
  addition.whole = &written.grid;
  addition.notes = line.added();
  addition.first_bar = task.first_bar;
  addition.end_bar = line.end_bar();
  addition.goes_on = !task.fills;
  addition.tracks = task.tracks;
  addition.tempo = request.controls.tempo;
  HEMIOLA_TRY(written.file, finish_prompt(*request.prompt, addition));
  return written;
}

}  // namespace

std::uint64_t variation_seed(std::uint64_t seed, int variation) {
  return variation == 0 ? seed : mix64(seed + static_cast<std::uint64_t>(variation)) >> 11;
}

Composer::Composer(engine::Model model, tokens::Tokenizer tokenizer)
    : model_(std::make_unique<engine::Model>(std::move(model))),
      tokenizer_(std::make_unique<tokens::Tokenizer>(std::move(tokenizer))),
      tables_(std::make_unique<tokens::MaskTables>(tokenizer_->vocabulary())) {}

Result<Composer> Composer::make(engine::Model model) {
  if (model.tokenizer().empty()) {
    return fail("the model has no tokenizer.json, so its tokens cannot be read");
  }
  HEMIOLA_TRY(tokens::Tokenizer tokenizer,
              tokens::Tokenizer::parse(model.tokenizer(), "the model's tokenizer"));
  if (tokenizer.vocabulary().size() != model.config().vocabulary) {
    return fail("the model has {} tokens, its tokenizer {}; they do not belong together",
                model.config().vocabulary, tokenizer.vocabulary().size());
  }
  return Composer(std::move(model), std::move(tokenizer));
}

Result<Composer> Composer::load(const Path& path, const engine::Options& options) {
  HEMIOLA_TRY(engine::Model model, engine::Model::load(path, options));
  auto composer = make(std::move(model));
  if (!composer) return fail(std::move(composer.error()).within(path.string()));
  return composer;
}

Result<std::vector<WrittenPiece>> Composer::generate(const GenerateRequest& request,
                                                     const GenerateCallbacks& callbacks) const {
  HEMIOLA_TRY(const Task task, plan_task(*this, *tables_, request));
  std::vector<WrittenPiece> pieces;
  for (int done = 0; done < request.count; done += kMostTogether) {
    const auto start = Clock::now();
    const int together = std::min(kMostTogether, request.count - done);
    engine::KvCache cache = model_->make_cache(together);
    std::vector<std::unique_ptr<Line>> lines;
    for (int i = 0; i < together; ++i) {
      const std::uint64_t seed = variation_seed(request.seed, done + i);
      lines.push_back(std::make_unique<Line>(task, cache, i, seed, done + i, callbacks));
      HEMIOLA_CHECK(lines.back()->start());
    }
    std::vector<engine::Step> steps;
    double longest_gap = 0;
    bool cancelled = false;
    for (auto last = Clock::now();;) {
      cancelled = callbacks.cancelled && callbacks.cancelled();
      if (cancelled) break;
      steps.clear();
      bool any = false;
      for (const auto& line : lines) {
        if (line->done()) continue;
        HEMIOLA_CHECK(line->sample());
        any = any || !line->done();
        if (line->needs_step()) steps.push_back(line->next());
      }
      if (!any) break;
      if (!steps.empty()) model_->decode(cache, steps);
      longest_gap = std::max(longest_gap, since(last));
      last = Clock::now();
    }
    if (cancelled && !request.keep_whole_bars) return fail("cancelled");
    for (int i = 0; i < together; ++i) {
      Line& line = *lines[static_cast<std::size_t>(i)];
      line.stop();
      if (line.end_bar() == task.first_bar || line.added().empty()) continue;
      HEMIOLA_TRY(WrittenPiece piece,
                  finish_line(task, line, variation_seed(request.seed, done + i)));
      piece.seconds = since(start) / together;
      piece.longest_gap = longest_gap;
      pieces.push_back(std::move(piece));
    }
    if (cancelled) break;
  }
  return pieces;
}

}  // namespace hemiola
