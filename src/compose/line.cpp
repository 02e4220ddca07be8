#include "compose/line.h"

#include <algorithm>

#include "data/windows.h"

namespace hemiola {
namespace {

using tokens::Form;
using tokens::Token;

// So many bars in a row may be the same; more are hardly ever found in music, and in a model's
// mostly mean that it does not find a way out.
constexpr int kMostAlike = 4;

// Tokens kept free for one more bar, beyond what the longest so far took.
constexpr int kSpare = 96;

int context(const Task& task) { return task.model->config().context; }

void sort_notes(GridTrack& track) {
  std::sort(track.notes.begin(), track.notes.end(), [](const GridNote& a, const GridNote& b) {
    return a.onset != b.onset ? a.onset < b.onset : a.pitch > b.pitch;
  });
}

}  // namespace

Line::Line(const Task& task, engine::KvCache& cache, int stream, std::uint64_t seed, int variation,
           const GenerateCallbacks& callbacks)
    : task_(task),
      cache_(cache),
      stream_(stream),
      variation_(variation),
      callbacks_(callbacks),
      sampler_(task.model->config().vocabulary, task.request->sampling, seed),
      logits_(static_cast<std::size_t>(task.model->config().vocabulary)),
      score_(task.piece),
      bar_(task.first_bar - 1),
      hole_bars_(task.end_bar - task.first_bar),
      told_bars_(task.first_bar),
      end_bar_(task.end_bar) {}

Status Line::start() { return task_.fills ? take_hole_window() : take_window(); }

// Notes that sound into the window, and, when filling, those that come after it.
tokens::Constraints Line::rules_here(const GridScore& window, int window_first) const {
  tokens::Constraints rules = task_.rules;
  for (const tokens::HeldNote& held : tokens::notes_into(score_, window_first)) {
    rules.standing.push_back({held.track, {0, held.until.count(), held.pitch}});
  }
  if (task_.fills) {
    const auto starts = score_.bar_starts();
    const GridTick start = starts[static_cast<std::size_t>(window_first)];
    const GridTick end = starts[static_cast<std::size_t>(window_first) + window.bars.size()];
    for (int track : task_.tracks) {
      for (const GridNote& note : score_.tracks[static_cast<std::size_t>(track)].notes) {
        if (note.onset < end || note.onset >= end + kMaxDuration) continue;
        const GridTick from = note.onset - start;
        rules.standing.push_back(
            {track, {from.count(), (from + note.duration).count(), note.pitch}});
      }
    }
  }
  return rules;
}

Status Line::begin(std::span<const Token> prompt, const tokens::Constraints& rules) {
  mask_.emplace(*task_.tables);
  HEMIOLA_CHECK(mask_->feed(prompt));
  mask_->set_listener(this);
  HEMIOLA_CHECK(mask_->constrain(rules));
  cache_.truncate(stream_, 0);
  const std::vector<engine::TokenId> ids(prompt.begin(), prompt.end());
  task_.model->prefill(cache_, stream_, ids, logits_);
  for (engine::TokenId id : ids) sampler_.saw(id);
  bar_began_ = cache_.length(stream_);
  first_new_ = bar_ + 1;
  new_window_ = false;
  bar_open_ = false;
  fresh_ = true;
  return {};
}

// What was asked for is asked for again where the windows before this one, which may have ended
// early, have nothing of it.
void Line::ask_for_missing(tokens::Constraints& rules) const {
  if (rules.non_empty == tokens::NonEmpty::kEveryTrack) {
    for (std::size_t track = 0; track < score_.tracks.size(); ++track) {
      rules.tracks[track].must_play = std::none_of(
          added_.begin(), added_.end(),
          [&](const AddedNote& added) { return added.track == static_cast<int>(track); });
    }
  }
  const bool missing = rules.non_empty == tokens::NonEmpty::kSomewhere && added_.empty();
  if (!missing) rules.non_empty = tokens::NonEmpty::kNot;
}

// Goes on after the bars that are there: as many of them as fit half the context are seen.
Status Line::take_window() {
  const int done = bar_ + 1;  // bars that are there
  const int left = task_.end_bar - done;
  std::vector<Token> prompt;
  tokens::Constraints rules;
  if (done == 0) {
    window_first_ = 0;
    window_start_ = GridTick(0);
    rules = task_.rules;
    rules.bars = left;
    rules.upbeat = false;
    // About 15 tokens a bar: whether it all fits shows only later, and then a new window says so.
    const bool fits = left * 15 < context(task_);
    prompt.push_back(tokens::word_at(tokens::WordClass::kForm,
                                     static_cast<int>(fits ? Form::kWhole : Form::kStart)));
    if (!fits) {
      rules.bars = std::max(1, context(task_) / 15);
      rules.bars_after = left - *rules.bars;
    }
    for (std::uint8_t style : task_.styles) {
      prompt.push_back(tokens::word_at(tokens::WordClass::kStyle, style - 1));
    }
    for (std::size_t i = 0; i < score_.tracks.size(); ++i) {
      const GridTrack& track = score_.tracks[i];
      prompt.push_back(tokens::word_at(tokens::WordClass::kTrack, static_cast<int>(i)));
      prompt.push_back(tokens::word_at(tokens::WordClass::kProgram,
                                       track.is_drum ? tokens::kDrumProgram : track.program));
      if (task_.controls.empty()) continue;
      const tokens::TrackControls& wish = task_.controls[i];
      if (wish.density) {
        prompt.push_back(tokens::word_at(tokens::WordClass::kDensity, *wish.density - 1));
      }
      if (wish.polyphony) {
        prompt.push_back(tokens::word_at(tokens::WordClass::kPolyphony, *wish.polyphony - 1));
      }
      if (wish.range && !track.is_drum) {
        prompt.push_back(tokens::kRangeWord);
        prompt.push_back(tokens::tone_word(wish.range->low, 0));
        prompt.push_back(tokens::tone_word(wish.range->high, 0));
      }
    }
  } else {
    HEMIOLA_TRY(const data::BarCosts costs,
                data::BarCosts::measure(tokens::window(score_, 0, done), *task_.tokenizer));
    const int first = std::min(costs.earliest(done, context(task_) / 2), done - 1);
    window_first_ = first;
    window_start_ = score_.bar_starts()[static_cast<std::size_t>(first)];
    const GridScore seen = tokens::window(score_, first, done - first);
    const int used = costs.window(first, done - first);
    const int a_bar = std::max(8, used / (done - first));
    // Bars that will likely fit; one is tried at least.
    const int room = std::max(1, (context(task_) - used) * 4 / 5 / a_bar);
    if (used + kSpare > context(task_)) {
      return fail("bar {} alone takes {} tokens of the model's {}; it is too dense to go on from",
                  done, used, context(task_));
    }
    tokens::Frame frame;
    frame.form = tokens::form_of(first == 0, false);
    frame.counts_bars = task_.rules.counts_bars;
    frame.bars_after = left;
    frame.styles = task_.styles;
    frame.controls = task_.controls;
    HEMIOLA_TRY(prompt, task_.tokenizer->encode(seen, frame));
    prompt.pop_back();  // End
    const bool ends = left <= room;
    prompt.front() = tokens::word_at(tokens::WordClass::kForm,
                                     static_cast<int>(tokens::form_of(first == 0, ends)));
    rules = rules_here(seen, first);
    rules.bars = ends ? left : room;
    rules.bars_after = left - *rules.bars;
    if (task_.rules.plan.size() > 1) {
      const auto written = static_cast<std::size_t>(done - task_.first_bar);
      const auto skip = std::min(written, task_.rules.plan.size() - 1);
      rules.plan.assign(task_.rules.plan.begin() + static_cast<std::ptrdiff_t>(skip),
                        task_.rules.plan.end());
    }
    if (done > task_.first_bar) ask_for_missing(rules);
  }
  return begin(prompt, rules);
}

// Fills as many bars as are likely to fit, with what stands on both sides in sight.
Status Line::take_hole_window() {
  const int first_hole = bar_ + 1;
  const auto bars = static_cast<int>(score_.bars.size());
  HEMIOLA_TRY(const data::BarCosts costs, data::BarCosts::measure(score_, *task_.tokenizer));
  const int room = context(task_) - kSpare;
  hole_bars_ = std::clamp(hole_bars_, 1, task_.end_bar - first_hole);
  const int usual = std::max(12, costs.window(0, bars) / bars);
  const auto fill_cost = [&](int count) {
    return 3 * std::max(costs.window(first_hole, count), count * usual) / 2;
  };
  while (hole_bars_ > 1 && fill_cost(hole_bars_) + usual * hole_bars_ > room * 2 / 3) --hole_bars_;
  hole_end_ = first_hole + hole_bars_;
  // Context: bars before and after in turn while they fit.
  int first = first_hole, end = hole_end_;
  const int budget = room - fill_cost(hole_bars_);
  // What is to be written later is no context: it is still the old music.
  const int last = hole_end_ < task_.end_bar ? hole_end_ : bars;
  for (bool grew = true; grew;) {
    grew = false;
    if (first > 0 && costs.window(first - 1, end - first + 1) <= budget) --first, grew = true;
    if (end < last && costs.window(first, end - first + 1) <= budget) ++end, grew = true;
  }
  window_first_ = first;
  window_start_ = score_.bar_starts()[static_cast<std::size_t>(first)];
  const GridScore seen = tokens::window(score_, first, end - first);
  tokens::Frame frame = tokens::window_frame(score_, first, end - first);
  frame.counts_bars = task_.rules.counts_bars;
  frame.styles = task_.styles;
  frame.controls = task_.controls;
  for (int bar = first_hole; bar < hole_end_; ++bar) {
    for (int track : task_.tracks) frame.holes.push_back({bar - first, track});
  }
  tokens::Encoded encoded;
  HEMIOLA_CHECK(task_.tokenizer->encode(seen, frame, encoded));
  encoded.tokens.resize(encoded.fill_begin + 1);
  if (static_cast<int>(encoded.tokens.size()) + kSpare > context(task_)) {
    return fail("bar {} and what surrounds it take {} tokens of the model's {}; it is too dense",
                first_hole + 1, encoded.tokens.size(), context(task_));
  }
  stretch_added_ = added_.size();
  return begin(encoded.tokens, rules_here(seen, first));
}

void Line::on_bar(int bar) {
  bar_ = window_first_ + bar;
  const int now = cache_.length(stream_);
  longest_bar_ = std::max(longest_bar_, now - bar_began_);
  bar_began_ = now;
  if (task_.fills) return tell_whole_bars(bar_);
  if (score_.tracks.empty()) {
    for (const GridTrack& track : mask_->walk().tracks()) {
      score_.tracks.push_back({track.program, track.is_drum, {}});
    }
  }
  // No room for this bar: it is begun in a new window instead. The bars so far are whole.
  // A window gets one new bar at least, however long bars have been.
  if (now + longest_bar_ + kSpare > context(task_) && bar_ > first_new_) new_window_ = true;
  gather_bars(bar_);
  tell_whole_bars(bar_);
}

void Line::on_note(int track, const GridNote& note) {
  GridNote placed = note;
  placed.onset = note.onset + window_start_;
  added_.push_back({track, placed});
  // When filling, a bar may have to be begun once more: its notes are told when it is whole.
  if (task_.fills) return;
  tell_tracks();
  tell_bars(bar_ + 1);
  score_.tracks[static_cast<std::size_t>(track)].notes.push_back(placed);
  tell_notes();
}

void Line::tell_tracks() {
  if (!told_tracks_ && callbacks_.tracks) callbacks_.tracks(variation_, score_.tracks);
  told_tracks_ = true;
}

// New bars up to `end`, not included; all are in the window.
void Line::tell_bars(int end) {
  if (task_.fills || !callbacks_.bar) return;
  for (; told_bars_ < end; ++told_bars_) {
    const int bar = told_bars_ - window_first_;
    const tokens::Walk& walk = mask_->walk();
    callbacks_.bar(variation_, told_bars_, window_start_ + GridTick(walk.bar_start(bar)),
                   walk.bars()[static_cast<std::size_t>(bar)]);
  }
}

void Line::tell_notes() {
  if (told_ < added_.size()) tell_tracks();
  for (; told_ < added_.size(); ++told_) {
    if (callbacks_.note) callbacks_.note(variation_, added_[told_].track, added_[told_].note);
  }
}

// The bars up to `end`, not included, are whole.
void Line::tell_whole_bars(int end) {
  tell_notes();
  if (callbacks_.progress) {
    callbacks_.progress(variation_, end - task_.first_bar, task_.end_bar - task_.first_bar);
  }
}

// Takes over the bars that are whole: up to `end`, not included.
void Line::gather_bars(int end) {
  tell_bars(end);
  const auto& bars = mask_->walk().bars();
  for (int bar = static_cast<int>(score_.bars.size()); bar < end; ++bar) {
    score_.bars.push_back(bars[static_cast<std::size_t>(bar - window_first_)]);
  }
}

// The piece's bars from this window's first hole up to `end` are now those that were written.
void Line::take_over(int end) {
  const auto starts = score_.bar_starts();
  const GridTick from = starts[static_cast<std::size_t>(first_new_)];
  const GridTick until = starts[static_cast<std::size_t>(end)];
  for (int track : task_.tracks) {
    std::erase_if(score_.tracks[static_cast<std::size_t>(track)].notes,
                  [&](const GridNote& note) { return note.onset >= from && note.onset < until; });
  }
  for (std::size_t i = stretch_added_; i < added_.size(); ++i) {
    score_.tracks[static_cast<std::size_t>(added_[i].track)].notes.push_back(added_[i].note);
  }
  for (int track : task_.tracks) sort_notes(score_.tracks[static_cast<std::size_t>(track)]);
}

Status Line::after_stretch() {
  take_over(hole_end_);
  bar_ = hole_end_ - 1;
  tell_whole_bars(hole_end_);
  if (hole_end_ == task_.end_bar) {
    done_ = true;
    return {};
  }
  return take_hole_window();
}

// The filled bars that are whole stay; the others are written in another window, fewer at a time
// where not even one is.
Status Line::fill_the_rest() {
  bar_ = std::max(bar_, first_new_);
  drop_from(bar_);
  if (bar_ > first_new_) {
    take_over(bar_);
  } else if (hole_bars_ > 1) {
    hole_bars_ /= 2;
  } else {
    return fail("bar {} took more than the model's context; it is too dense", bar_ + 1);
  }
  --bar_;
  return take_hole_window();
}

// Forgets the new notes from a bar on.
void Line::drop_from(int bar) {
  const GridTick start = score_.bar_starts()[static_cast<std::size_t>(bar)];
  std::erase_if(added_, [&](const AddedNote& added) { return added.note.onset >= start; });
}

bool Line::stop() {
  if (done_) return true;
  done_ = true;
  end_bar_ = task_.fills ? std::max(first_new_, bar_) : static_cast<int>(score_.bars.size());
  if (end_bar_ == task_.first_bar) return false;
  const GridTick end = score_.bar_starts()[static_cast<std::size_t>(end_bar_)];
  drop_from(end_bar_);
  if (task_.fills) {
    // The old music goes on there, and knows nothing of notes that are held into it.
    for (std::size_t i = stretch_added_; i < added_.size(); ++i) {
      GridNote& note = added_[i].note;
      note.duration = std::min(note.duration, end - note.onset);
    }
    take_over(end_bar_);
    return true;
  }
  for (GridTrack& track : score_.tracks) {
    std::erase_if(track.notes, [&](const GridNote& note) { return note.onset >= end; });
  }
  return true;
}

// What may come next.
const tokens::TokenSet& Line::choices() {
  const tokens::TokenSet& allowed = mask_->allowed();
  if (mask_->walk().bar() >= 0 || score_.tracks.empty()) return allowed;
  // The tracks are those that were asked for: no more are declared.
  choices_ = allowed;
  for (int track = 0; track < kMaxTracks; ++track) {
    choices_.erase(tokens::word_at(tokens::WordClass::kTrack, track));
  }
  return choices_;
}

Token Line::pick() {
  auto token = static_cast<Token>(sampler_.pick(logits_, choices().bits()));
  if (alike_ < kMostAlike || !bar_open_) return token;
  // Another bar like those before it is in the making as long as this goes on.
  const Token first = token;
  choices_ = mask_->allowed();
  while (repeats_bar(token)) {
    choices_.erase(token);
    if (choices_.empty()) return first;
    token = static_cast<Token>(sampler_.pick(logits_, choices_.bits()));
  }
  return token;
}

Line::BarNotes Line::bar_notes() const {
  BarNotes notes;
  for (std::size_t i = bar_added_; i < added_.size(); ++i) {
    const AddedNote& added = added_[i];
    notes.push_back({added.track, (added.note.onset - bar_onset_).count(), added.note.pitch});
  }
  return notes;
}

// Are the bar's notes so far, with those of the token, just those that the last bar began with? Of
// a token that ends the bar: are they all of them?
bool Line::repeats_bar(Token token) const {
  BarNotes notes = bar_notes();
  const auto words = task_.tokenizer->vocabulary().words_of(token);
  const tokens::WordClass kind = tokens::class_of(words.front());
  const bool leaves = kind == tokens::WordClass::kBar || kind == tokens::WordClass::kBarsLeft ||
                      kind == tokens::WordClass::kEnd;
  if (leaves) return notes == last_bar_notes_;
  if (task_.tokenizer->vocabulary().notes_of(token) == 0) return false;

  struct Gather final : tokens::WalkListener {
    void on_note(int track, const GridNote& note) override {
      notes->push_back({track, (note.onset - onset).count(), note.pitch});
    }
    BarNotes* notes = nullptr;
    GridTick onset{};  // of the bar, from the window's start
  } gather;
  gather.notes = &notes;
  gather.onset = bar_onset_ - window_start_;
  tokens::Mask ahead = *mask_;
  ahead.set_listener(&gather);
  if (!ahead.advance(token) || notes.size() > last_bar_notes_.size()) return false;
  return std::equal(notes.begin(), notes.end(), last_bar_notes_.begin());
}

// Counts bars that are alike: the same pitches at the same places in the same tracks.
void Line::count_alike() {
  if (bar_open_) {
    BarNotes notes = bar_notes();
    alike_ = notes == last_bar_notes_ ? alike_ + 1 : 1;
    last_bar_notes_ = std::move(notes);
  }
  bar_open_ = true;
  bar_added_ = added_.size();
  bar_onset_ = window_start_ + GridTick(mask_->walk().bar_start(mask_->walk().bar()));
}

Status Line::sample() {
  fresh_ = false;
  if (const auto only = mask_->forced()) {
    token_ = *only;
    sampler_.saw(token_);
  } else {
    token_ = pick();
    ++sampled_;
  }
  const int bar = mask_->walk().bar();
  HEMIOLA_CHECK(mask_->advance(token_));
  if (mask_->walk().bar() != bar) count_alike();
  if (mask_->done()) {
    unfulfilled_ = unfulfilled_ || mask_->unfulfilled();
    if (task_.fills) return after_stretch();
    const int written = window_first_ + static_cast<int>(mask_->walk().bars().size());
    gather_bars(written);
    bar_ = written - 1;
    if (written < task_.end_bar) return take_window();
    done_ = true;
    tell_whole_bars(task_.end_bar);
    return {};
  }
  if (new_window_) {
    --bar_;
    return take_window();
  }
  if (cache_.length(stream_) + 1 >= context(task_)) {
    if (task_.fills) return fill_the_rest();
    // The bar ends here: there is no room for more of it.
    gather_bars(bar_ + 1);
    done_ = bar_ + 1 >= task_.end_bar;
    return done_ ? Status() : take_window();
  }
  return {};
}

engine::Step Line::next() {
  engine::Step step;
  step.stream = stream_;
  step.token = token_;
  if (!mask_->forced()) {
    step.logits = logits_;
    step.allowed = mask_->allowed().bits();
  }
  return step;
}

GridScore Line::piece() const { return score_; }

}  // namespace hemiola
