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
constexpr int kMostDraws = 8;  // of one variation, the first included

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

// Refuses what is said in words that the model never met.
Status check_learnt(const LearntWords& learnt, const GenerateRequest& request) {
  const auto refused = [](std::string_view wish, std::string_view words) {
    return fail(
        "{}: this model was trained without {} (--plain, or their share was 0), so it would write "
        "noise; leave that out, or take another model",
        wish, words);
  };
  const Controls& controls = request.controls;
  if (request.infill && !learnt.holes) return refused("bars to write anew", "holes to fill");
  if (!controls.chords.empty() && !learnt.chords) return refused("chords", "chords");
  if (!controls.style.empty() && !learnt.controls) return refused("style", "control words");
  if (controls.density && !learnt.controls) return refused("density", "control words");
  return {};
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
  HEMIOLA_CHECK(check(controls));
  const LearntWords& learnt = composer.model().config().learnt;
  HEMIOLA_CHECK(check_learnt(learnt, request));
  task.rules.counts_bars = learnt.bar_counts;
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
  if (request.infill && request.from_bar) {
    return fail("bar {} to go on from, and bars to write anew: one or the other",
                *request.from_bar);
  }
  if (request.infill) {
    HEMIOLA_CHECK(plan_infill(request, task));
  } else {
    HEMIOLA_CHECK(plan_forward(request, task));
  }

  // Range and polyphony are kept by the mask all the same where the model cannot be told of them.
  if (learnt.controls && (controls.density || controls.range || controls.max_polyphony)) {
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
  task.rules.sounding_end = true;
  if (controls.in_scale) task.rules.scale = tokens::Scale::kHarmonic;
  task.rules.non_empty = task.fills || !controls.instruments.empty() ? tokens::NonEmpty::kEveryTrack
                                                                     : tokens::NonEmpty::kSomewhere;
  return task;
}

Result<WrittenPiece> finish_line(const Task& task, const Line& line, std::uint64_t seed) {
  const bool stopped = line.end_bar() != task.end_bar;
  if (line.unfulfilled() || (line.added().empty() && !stopped)) {
    return fail(
        "there is no room for {}: held notes, the range, the scale and the polyphony asked for "
        "leave "
        "none. Loosen one of them, or choose other bars",
        line.added().empty() ? "a new note" : "a note in every track");
  }
  WrittenPiece written;
  written.seed = seed;
  written.grid = line.piece();
  written.stopped = stopped;
  written.bars = line.end_bar() - task.first_bar;
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
  HEMIOLA_TRY(Spliced spliced, finish_prompt(*request.prompt, addition));
  if (spliced.notes == 0 && !stopped) {
    return fail(
        "the new notes all fell where the file has no place for them: before its beginning, or on "
        "held notes of their channel; choose other bars or another seed");
  }
  written.file = std::move(spliced.file);
  written.notes = spliced.notes;
  return written;
}

// What came of some variations: pieces, in order, and why others are missing.
struct Written {
  std::vector<WrittenPiece> pieces;
  std::optional<Error> first_left_out;
  bool stopped = false;  // it was cancelled; the pieces are what was whole

  void leave_out(int variation, Error why, const GenerateCallbacks& callbacks) {
    if (callbacks.left_out) callbacks.left_out(variation, why);
    if (!first_left_out) first_left_out = std::move(why);
  }
};

// Variations `first` to `first` + `count` - 1, which share each pass over the weights.
Status write_together(const Task& task, int first, int count, const GenerateCallbacks& callbacks,
                      Written& written) {
  const auto start = Clock::now();
  engine::KvCache cache = task.model->make_cache(count);
  std::vector<std::unique_ptr<Line>> lines;
  const auto take_further = [&](std::size_t i, const Status& status) {
    if (!status) {
      written.leave_out(first + static_cast<int>(i), status.error(), callbacks);
      lines[i].reset();
    }
  };
  for (int i = 0; i < count; ++i) {
    const std::uint64_t seed = variation_seed(task.request->seed, first + i);
    lines.push_back(std::make_unique<Line>(task, cache, i, seed, first + i, callbacks));
    take_further(lines.size() - 1, lines.back()->start());
  }
  std::vector<engine::Step> steps;
  double longest_gap = 0;
  for (auto last = Clock::now();;) {
    written.stopped = callbacks.cancelled && callbacks.cancelled();
    if (written.stopped && !task.request->keep_stopped) return fail("cancelled");
    if (written.stopped) break;
    steps.clear();
    bool any = false;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (lines[i] == nullptr || lines[i]->done()) continue;
      take_further(i, lines[i]->sample());
      if (lines[i] == nullptr) continue;
      any = any || !lines[i]->done();
      if (lines[i]->needs_step()) steps.push_back(lines[i]->next());
    }
    if (!any) break;
    if (!steps.empty()) task.model->decode(cache, steps);
    longest_gap = std::max(longest_gap, since(last));
    last = Clock::now();
  }
  for (int i = 0; i < count; ++i) {
    Line* const line = lines[static_cast<std::size_t>(i)].get();
    if (line == nullptr || (written.stopped && !line->stop())) continue;
    auto piece = finish_line(task, *line, variation_seed(task.request->seed, first + i));
    if (!piece) {
      written.leave_out(first + i, std::move(piece.error()), callbacks);
      continue;
    }
    piece->variation = first + i;
    piece->seconds = since(start) / count;
    piece->longest_gap = longest_gap;
    written.pieces.push_back(*std::move(piece));
  }
  return {};
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
  const Path index = data::novelty_index_path(path);
  if (std::error_code code; std::filesystem::exists(index, code)) {
    HEMIOLA_TRY(auto loaded, data::NoveltyIndex::load(index));
    composer->index_ = std::make_unique<data::NoveltyIndex>(std::move(loaded));
  }
  return composer;
}

std::optional<data::Novelty> Composer::compare(const WrittenPiece& piece, int first_bar,
                                               const data::Dataset* training) const {
  if (training == nullptr && index_ == nullptr) return std::nullopt;
  const GridScore fresh = tokens::window(piece.grid, first_bar, piece.bars);
  data::Novelty novelty =
      training != nullptr ? data::novelty(fresh, *training) : data::novelty(fresh, *index_);
  const int before = first_bar - (piece.grid.has_upbeat && !fresh.has_upbeat ? 1 : 0);
  if (novelty.longest_run.notes > 0) {
    novelty.longest_run.own_bars.first += before;
    novelty.longest_run.own_bars.last += before;
  }
  return novelty;
}

namespace {

// What is told of the one variation that is drawn again, by its own number.
GenerateCallbacks callbacks_of(int variation, const GenerateCallbacks& all) {
  GenerateCallbacks one;
  if (all.tracks) {
    one.tracks = [&all, variation](int, const std::vector<GridTrack>& tracks) {
      all.tracks(variation, tracks);
    };
  }
  if (all.bar) {
    one.bar = [&all, variation](int, int index, GridTick start, const GridBar& bar) {
      all.bar(variation, index, start, bar);
    };
  }
  if (all.note) {
    one.note = [&all, variation](int, int track, const GridNote& note) {
      all.note(variation, track, note);
    };
  }
  if (all.progress) {
    one.progress = [&all, variation](int, int done, int bars) {
      all.progress(variation, done, bars);
    };
  }
  one.cancelled = all.cancelled;
  return one;
}

}  // namespace

Status Composer::draw_again(const GenerateRequest& request, const GenerateCallbacks& callbacks,
                            WrittenPiece& piece) const {
  const int variation = piece.variation;
  GenerateRequest once = request;
  once.count = 1;
  once.novel = false;
  const GenerateCallbacks heard = callbacks_of(variation, callbacks);
  const std::uint64_t seed = piece.seed;
  std::optional<Error> unfinished;
  for (int draw = 1; draw < kMostDraws; ++draw) {
    if (callbacks.again) callbacks.again(variation);
    once.seed = variation_seed(seed, draw);
    auto drawn = generate(once, heard);
    if (!drawn) {
      unfinished = std::move(drawn.error());
      if (callbacks.cancelled && callbacks.cancelled()) return fail(*std::move(unfinished));
      continue;
    }
    piece = std::move(drawn->front());
    piece.variation = variation;
    if (piece.stopped || !piece.novelty->is_copy()) return {};
  }
  return fail(
      "{} draws were all copies of training music{}; try a higher temperature or other controls",
      kMostDraws,
      unfinished ? fmt::format(", or could not be finished ({})", unfinished->message) : "");
}

Result<std::vector<WrittenPiece>> Composer::generate(const GenerateRequest& request,
                                                     const GenerateCallbacks& callbacks) const {
  HEMIOLA_TRY(const Task task, plan_task(*this, *tables_, request));
  if (request.novel && request.training == nullptr && index_ == nullptr) {
    return fail(
        "to draw again what is a copy, there must be something to compare with: the model has no "
        "index of its training data beside it (hemiola dataset export-index), and no data set is "
        "given");
  }
  Written written;
  std::vector<WrittenPiece> pieces;
  for (int done = 0; done < request.count && !written.stopped; done += kMostTogether) {
    const int together = std::min(kMostTogether, request.count - done);
    HEMIOLA_CHECK(write_together(task, done, together, callbacks, written));
    for (WrittenPiece& piece : written.pieces) {
      piece.novelty = compare(piece, task.first_bar, request.training);
      if (!written.stopped && request.novel && piece.novelty->is_copy()) {
        const Status drawn = draw_again(request, callbacks, piece);
        if (!drawn) {
          written.stopped = callbacks.cancelled && callbacks.cancelled();
          if (written.stopped && !request.keep_stopped) return fail(drawn.error());
          if (!written.stopped) written.leave_out(piece.variation, drawn.error(), callbacks);
          continue;
        }
      }
      pieces.push_back(std::move(piece));
    }
    written.pieces.clear();
  }
  if (!pieces.empty()) return pieces;
  if (written.first_left_out) return fail(*std::move(written.first_left_out));
  return fail("cancelled before a bar was whole");
}

}  // namespace hemiola
