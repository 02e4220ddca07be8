// No dead ends: in worlds small enough that every state can be visited, each state that a mask
// admits has a way to the end. A world has few words (bars of three ticks, a handful of pitches and
// durations), but all rules: constraints, standing notes, holes, and the whole grammar from its
// start. States are told apart by all that can matter for what follows (state_of); where two ways
// lead to one state, what it allows must be the same, which shows that nothing was left out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <ostream>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tokens/mask.h"

namespace hemiola::tokens {
namespace {

const Tokenizer& plain() {
  static const Tokenizer tokenizer = Tokenizer::plain({.vocabulary = kWordCount}).value();
  return tokenizer;
}

const MaskTables& plain_tables() {
  static const MaskTables tables(plain().vocabulary());
  return tables;
}

// The indices of each class that a world uses; a class that is not named is used as a whole.
using Words = std::unordered_map<WordClass, std::vector<int>>;

constexpr int kBarTicks = 3;  // of a bar of 1/32

struct World {
  Mask start;
  Words words;
  int end = 0;         // tick after which nothing matters; 0: bars may go on for ever
  bool holes = false;  // may there be any?
};

class StateKey {
 public:
  template <class... T>
  void add(T... values) {
    (values_.push_back(static_cast<char16_t>(values)), ...);
  }
  std::u16string take() { return std::move(values_); }

 private:
  std::u16string values_;
};

// From which tick on what sounds in a track can still matter.
int first_open_tick(const Walk& walk, int track) {
  const CellState cell = walk.cell_of(track);
  if (walk.beat() < 0) return walk.bar_start(walk.bar());
  if (track > walk.track()) return cell.start;
  if (track < walk.track()) return cell.start + cell.length;
  return cell.start + std::max<int>(0, walk.cell().position);
}

void add_track(StateKey& key, const Mask& mask, const World& world, int track) {
  constexpr int kHorizon = 32;  // ticks: longer than the longest note of any world
  const Walk& walk = mask.walk();
  const int now = first_open_tick(walk, track);
  const int end = world.end > 0 ? world.end : now + kHorizon;
  key.add(walk.cell_of(track).velocity);
  for (int tick = now; tick < end; ++tick) {
    walk.occupancy().written_after(track, tick).for_each([&](int pitch) {
      key.add(tick - now, pitch);
    });
  }
  key.add(-1);
}

// What was written and what waits to be: all of it may stand in the way of what is filled in.
void add_holes(StateKey& key, const Walk& walk, const World& world) {
  for (const Hole hole : walk.frame().holes) key.add(hole.bar, hole.track);
  for (const GridTrack& track : walk.tracks()) {
    for (const GridNote& note : track.notes) {
      const int end = (note.onset + note.duration).count();
      key.add(note.onset.count(), std::min(end, world.end), note.pitch);
    }
    key.add(-1);
  }
}

// Where notes are asked for: which bars and tracks have new ones.
void add_duties(StateKey& key, const Mask& mask) {
  if (mask.new_notes() == 0) return;
  for (const GridTrack& track : mask.walk().result().score.tracks) {
    int last = -1;
    for (const GridNote& note : track.notes) {
      const int bar = mask.walk().filling() ? note.onset.count() / kBarTicks : 0;
      if (bar != std::exchange(last, bar)) key.add(bar);
    }
    key.add(-1);
  }
}

std::string printed(const std::u16string& state) {
  return fmt::format("{}", fmt::join(std::vector<int>(state.begin(), state.end()), " "));
}

std::u16string state_of(const Mask& mask, Word last, const World& world) {
  const Walk& walk = mask.walk();
  StateKey key;
  key.add(walk.node(), walk.frame().form, walk.frame().counts_bars, walk.filling(),
          walk.frame().styles.empty() ? 0 : walk.frame().styles.back());
  for (const GridTrack& track : walk.tracks()) key.add(track.is_drum);
  if (walk.node() == Node::kNumerator) key.add(last);  // the walk keeps it to itself
  if (walk.node() == Node::kLow) key.add(walk.frame().controls.back().range->low);
  if (walk.bar() < 0) return key.take();
  const GridBar& bar = walk.bars()[static_cast<std::size_t>(walk.bar())];
  key.add(bar.metre.numerator, bar.metre.denominator, key_word(bar.key), bar.tempo_class,
          world.end > 0 ? walk.bar() : std::min(walk.bar(), 1), walk.bars_left().value_or(-1),
          walk.beat(), walk.track(), walk.bar() == 0 && walk.has_upbeat());
  if (is_cell_node(walk.node())) {
    const CellState& cell = walk.cell();
    key.add(cell.position, cell.below, cell.duration, cell.longer, cell.last_long);
  }
  for (int track = 0; track < static_cast<int>(walk.tracks().size()); ++track) {
    add_track(key, mask, world, track);
  }
  if (world.holes) add_holes(key, walk, world);
  add_duties(key, mask);
  return key.take();
}

// All words of a world, in order.
std::vector<Word> words_of(const World& world) {
  std::vector<Word> list;
  for (Word word = 0; word < kWordCount; ++word) {
    const auto some = world.words.find(class_of(word));
    if (some == world.words.end() || std::ranges::count(some->second, index_of(word)) > 0) {
      list.push_back(word);
    }
  }
  return list;
}

// The graph of a world's states, from its start on.
class Graph {
 public:
  explicit Graph(const World& world) : world_(world), words_(words_of(world)) { visit(); }

  std::size_t size() const { return states_.size(); }

  // The states from which no end can be reached.
  std::vector<std::string> dead_ends() const {
    std::vector<bool> reaches(size());
    std::vector<std::size_t> queue = ends_;
    for (const std::size_t end : ends_) reaches[end] = true;
    while (!queue.empty()) {
      const std::size_t state = queue.back();
      queue.pop_back();
      for (const std::size_t before : before_[state]) {
        if (!reaches[before]) queue.push_back(before);
        reaches[before] = true;
      }
    }
    std::vector<std::string> dead;
    for (const auto& [key, state] : states_) {
      if (!reaches[state]) dead.push_back(printed(key));
    }
    return dead;
  }

 private:
  struct Visit {
    Mask mask;
    std::size_t state = 0;
    std::size_t next_word = 0;
    bool is_last = true;
  };

  // Does the first word that is allowed lead to the end, taken again and again?
  static bool way_out(Mask mask) {
    for (int words = 0; words < 1000 && !mask.done(); ++words) {
      std::optional<Word> first;
      mask.allowed().for_each([&](Token token) { first = first.value_or(token); });
      if (!first || !mask.advance(*first)) return false;
    }
    return mask.done();
  }

  // Depth first: only the masks along one way are held at a time.
  void visit() {
    std::vector<Visit> way;
    enter(world_.start, kPadWord, way);
    while (!way.empty()) {
      Visit& at = way.back();
      while (at.next_word < words_.size() && !allowed_[at.state].has(words_[at.next_word])) {
        ++at.next_word;
      }
      if (at.next_word == words_.size()) {
        // Only words that the world lacks go on from here.
        if (at.is_last && way_out(at.mask)) ends_.push_back(at.state);
        way.pop_back();
        continue;
      }
      at.is_last = false;
      Mask next = at.mask;
      const Word word = words_[at.next_word++];
      ASSERT_TRUE(next.advance(word));
      enter(std::move(next), word, way);
      if (::testing::Test::HasFatalFailure()) return;
    }
  }

  void enter(Mask mask, Word last, std::vector<Visit>& way) {
    const auto [at, is_new] = states_.emplace(state_of(mask, last, world_), size());
    const std::size_t state = at->second;
    if (is_new) {
      before_.emplace_back();
      if (mask.done()) ends_.push_back(state);
      allowed_.push_back(mask.done() ? TokenSet(kWordCount) : mask.allowed());
      ASSERT_NE(mask.done(), !allowed_.back().empty()) << printed(at->first);
    } else if (!mask.done()) {
      ASSERT_EQ(mask.allowed(), allowed_[state]) << "two states look alike: " << printed(at->first);
    }
    if (!way.empty()) before_[state].push_back(way.back().state);
    if (is_new && !mask.done()) way.push_back({std::move(mask), state});
  }

  const World& world_;
  std::vector<Word> words_;
  std::unordered_map<std::u16string, std::size_t> states_;
  std::vector<TokenSet> allowed_;                 // by state
  std::vector<std::vector<std::size_t>> before_;  // by state
  std::vector<std::size_t> ends_;                 // and states with a way out of the world
};

// The words of a world with bars of 1/32, in which every class has one or two.
Words few_words() {
  return {
      {WordClass::kForm, {0}},     {WordClass::kHole, {}},       {WordClass::kUpbeat, {}},
      {WordClass::kRange, {}},     {WordClass::kBarsLeft, {}},   {WordClass::kStyle, {}},
      {WordClass::kTrack, {0}},    {WordClass::kProgram, {0}},   {WordClass::kDensity, {}},
      {WordClass::kPolyphony, {}}, {WordClass::kNumerator, {0}}, {WordClass::kDenominator, {5}},
      {WordClass::kKey, {0}},      {WordClass::kTempo, {30}},    {WordClass::kChord, {}},
      {WordClass::kMidChord, {}},  {WordClass::kVelocity, {9}},  {WordClass::kLong, {}},
      {WordClass::kDuration, {0}}, {WordClass::kTone, {6}},      {WordClass::kDown, {0}},
      {WordClass::kDrum, {0, 1}},
  };
}

// What the grammar alone allows, from its start, is one of these worlds.
World grammar_world(const Words& more, int end = 0) {
  Words words = few_words();
  for (const auto& [word_class, indices] : more) words[word_class] = indices;
  const bool holes = !words[WordClass::kHole].empty();
  return {Mask(plain_tables()), std::move(words), end, holes};
}

const std::vector<int> kShortAndLong = {0, 3};  // of kDurations: one tick and four

World heads() {
  return grammar_world({{WordClass::kForm, {0, 1, 2, 3}},
                        {WordClass::kUpbeat, {0}},
                        {WordClass::kRange, {0}},
                        {WordClass::kBarsLeft, {0, 1}},
                        {WordClass::kStyle, {0, 5}},
                        {WordClass::kProgram, {0, kDrumProgram}},
                        {WordClass::kDensity, {3}},
                        {WordClass::kPolyphony, {15}},
                        {WordClass::kNumerator, {0, 1}},
                        {WordClass::kKey, {0, 3}},
                        {WordClass::kTone, {5, 6}},
                        {WordClass::kTempo, {30, 31}},
                        {WordClass::kChord, {7}},
                        {WordClass::kQuality, {2}}});
}

World middles() {
  return grammar_world({{WordClass::kBarsLeft, {63, 64}},
                        {WordClass::kForm, {0, 2}},
                        {WordClass::kNumerator, {1, 2}},
                        {WordClass::kDenominator, {2}},
                        {WordClass::kChord, {0}},
                        {WordClass::kMidChord, {0}},
                        {WordClass::kQuality, {0}},
                        {WordClass::kPosition, {0, 23}}});
}

World cells() {
  return grammar_world({{WordClass::kVelocity, {8, 9}},
                        {WordClass::kLong, {5}},
                        {WordClass::kDuration, kShortAndLong},
                        {WordClass::kTone, {6, 7}}});
}

World tracks() {
  return grammar_world({{WordClass::kUpbeat, {0}},
                        {WordClass::kTrack, {0, 1}},
                        {WordClass::kProgram, {0, kDrumProgram}},
                        {WordClass::kDuration, kShortAndLong}});
}

World holes_in_bars() {
  return grammar_world({{WordClass::kBar, {}},
                        {WordClass::kBarsLeft, {0, 1}},
                        {WordClass::kHole, {0}},
                        {WordClass::kForm, {0, 1}},
                        {WordClass::kDuration, kShortAndLong}},
                       2 * kBarTicks);
}

World holes_in_tracks() {
  return grammar_world({{WordClass::kBar, {}},
                        {WordClass::kBarsLeft, {0}},
                        {WordClass::kHole, {0}},
                        {WordClass::kTrack, {0, 1}},
                        {WordClass::kDuration, kShortAndLong},
                        {WordClass::kTone, {6, 7}}},
                       kBarTicks);
}

constexpr int kLastStanding = 8;  // ticks; notes of bars before it may still run into it

// Two tracks under every kind of constraint. `strict`: every track must have a note, and there is
// room for one at a time.
Constraints tight(bool strict) {
  Constraints c;
  c.scale = Scale::kNatural;
  c.non_empty = strict ? NonEmpty::kEveryTrack : NonEmpty::kSomewhere;
  c.tracks = {{PitchRange{60, 64}, strict ? 1 : 2}, {PitchRange{64, 65}, strict ? 1 : 0}};
  c.standing = {{0, {-3, 2, 60}}, {0, {4, kLastStanding, 62}}, {1, {5, 6, 65}}};
  return c;
}

Words constrained_words() {
  return {{WordClass::kTrack, {0, 1}},  // no more than are declared
          {WordClass::kVelocity, {0, 1}},
          {WordClass::kDuration, kShortAndLong},
          {WordClass::kLong, {5}}};
}

World writing(int bars, bool strict) {
  Constraints c = tight(strict);
  c.bars = bars;
  c.upbeat = strict && bars > 1;
  BarPlan plan;
  plan.metre = Metre{1, 32};
  plan.key = Key{0, false};
  plan.tempo_class = 30;
  plan.chords = BarPlan::Chords{};
  if (strict) plan.chords->start = Chord{7, ChordQuality::kDominant7};
  c.plan = {plan};
  Mask start(plain_tables());
  EXPECT_TRUE(start.feed(plain().encode_header(std::vector<GridTrack>(2), {}).value()));
  EXPECT_TRUE(start.constrain(c));
  return {std::move(start), constrained_words(), kLastStanding};
}

// Three bars with two runs of holes; notes that last into them and stand after them leave little
// room: in the second track, one tick.
World filling(bool strict) {
  GridScore score;
  score.bars.assign(3, GridBar{.metre = {1, 32}, .key = Key{0, false}});
  score.tracks.resize(2);
  score.tracks[0].notes = {{GridTick(3), GridTick(4), 62, 9}};
  score.tracks[1].notes = {{GridTick(0), GridTick(8), 65, 9}, {GridTick(4), GridTick(3), 64, 9}};
  Encoded encoded;
  EXPECT_TRUE(plain().encode(score, {.holes = {{0, 0}, {2, 0}, {2, 1}}}, encoded));
  Mask start(plain_tables());
  EXPECT_TRUE(start.feed(std::span(encoded.tokens).first(encoded.fill_begin + 1)));
  EXPECT_TRUE(start.constrain(tight(strict)));
  return {std::move(start), constrained_words(), 3 * kBarTicks};
}

struct NamedWorld {
  std::string_view name;
  World (*make)();
};

std::ostream& operator<<(std::ostream& out, const NamedWorld& world) { return out << world.name; }

class DeadEnds : public ::testing::TestWithParam<NamedWorld> {};

TEST_P(DeadEnds, ThereAreNone) {
  const World world = GetParam().make();
  ASSERT_FALSE(HasFailure());
  const Graph graph(world);
  ASSERT_FALSE(HasFailure());
  RecordProperty("states", static_cast<int>(graph.size()));
  EXPECT_GT(graph.size(), 100u);
  EXPECT_THAT(graph.dead_ends(), ::testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Worlds, DeadEnds,
    ::testing::Values(NamedWorld{"Heads", heads}, NamedWorld{"Middles", middles},
                      NamedWorld{"Cells", cells}, NamedWorld{"Tracks", tracks},
                      NamedWorld{"HolesInBars", holes_in_bars},
                      NamedWorld{"HolesInTracks", holes_in_tracks},
                      NamedWorld{"OneBar", [] { return writing(1, false); }},
                      NamedWorld{"OneBarStrict", [] { return writing(1, true); }},
                      NamedWorld{"TwoBars", [] { return writing(2, false); }},
                      NamedWorld{"TwoBarsStrict", [] { return writing(2, true); }},
                      NamedWorld{"Filling", [] { return filling(false); }},
                      NamedWorld{"FillingStrict", [] { return filling(true); }}),
    [](const auto& world) { return std::string(world.param.name); });

}  // namespace
}  // namespace hemiola::tokens
