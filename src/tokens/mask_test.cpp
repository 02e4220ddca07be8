// Masks: equal to walking every token word by word; everything sampled decodes and honours the
// constraints. (That there are no dead ends: dead_ends_test.cpp.)
#include "tokens/mask.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/rng.h"
#include "score/random_grid_score.h"
#include "tokens/random_frame.h"
#include "tokens/text.h"

namespace hemiola::tokens {
namespace {

using ::testing::HasSubstr;

const Tokenizer& test_tokenizer() {
  static const Tokenizer tokenizer = [] {
    MergeTrainer trainer;
    Rng rng(5);
    // Plain scores repeat themselves enough for merges that span several notes.
    for (int i = 0; i < 120; ++i) {
      RandomScoreOptions options;
      options.plain = i % 4 != 0;
      options.max_tracks = 3;
      trainer.add(random_grid_score(rng, options));
    }
    return trainer.finish().value();
  }();
  return tokenizer;
}

const MaskTables& test_tables() {
  static const MaskTables tables(test_tokenizer().vocabulary());
  return tables;
}

// What the mask should allow inside cells, walked word by word. Base words that are not inside a
// cell, and Track words, are taken as the mask has them.
void expect_exact(Mask& mask, bool cells_open) {
  const Vocabulary& vocabulary = test_tokenizer().vocabulary();
  const TokenSet& allowed = mask.allowed();
  for (int id = 0; id < vocabulary.used(); ++id) {
    const auto token = static_cast<Token>(id);
    const auto words = vocabulary.words_of(token);
    bool expected = cells_open && mask.walk().admits_all(words);
    if (!is_cell_word(class_of(words[0])) || !is_cell_node(mask.walk().node())) {
      if (words.size() == 1 && class_of(words[0]) != WordClass::kTrack) continue;
    }
    if (class_of(words[0]) == WordClass::kTrack) {
      if (words.size() == 1) continue;
      expected = expected && allowed.has(words[0]);
    }
    ASSERT_EQ(allowed.has(token), expected) << to_text(std::vector<Token>{token}, vocabulary)
                                            << " after " << text_of(mask.walk().node());
  }
  for (int id = vocabulary.used(); id < vocabulary.size(); ++id) {
    ASSERT_FALSE(allowed.has(static_cast<Token>(id)));
  }
}

// Draws without weights, but with a hand for getting on: else bars would hold thousands of notes.
Token draw(Rng& rng, const TokenSet& allowed, double hurry) {
  std::vector<Token> all, onwards;
  allowed.for_each([&](Token token) {
    all.push_back(token);
    if (token >= kWordCount) return;
    const WordClass c = class_of(token);
    if (c == WordClass::kBar || c == WordClass::kBarsLeft || c == WordClass::kEnd ||
        c == WordClass::kFill || (c == WordClass::kBeat && rng.chance(0.5))) {
      onwards.push_back(token);
    }
  });
  if (!onwards.empty() && rng.chance(hurry)) return onwards[rng.below(onwards.size())];
  return all[rng.below(all.size())];
}

struct Counter : WalkListener {
  int bars = 0, beats = 0;
  std::vector<std::pair<int, GridNote>> notes;
  void on_bar(int) override { ++bars; }
  void on_beat(int, int) override { ++beats; }
  void on_note(int track, const GridNote& note) override { notes.emplace_back(track, note); }
};

// Samples to the end; the mask is compared with the slow way at some of the steps.
void sample_to_end(Rng& rng, Mask& mask, double check, int limit = 20000) {
  const double hurry = rng.chance(0.3) ? 0.9 : 0.1 + 0.5 * rng.uniform();
  int steps = 0;
  while (!mask.done()) {
    ASSERT_FALSE(mask.allowed().empty()) << "dead end after " << text_of(mask.walk().node());
    if (rng.chance(check)) {
      // A bar that the prompt left is closed: told by what it admits but the mask does not.
      const bool open = !is_cell_node(mask.walk().node()) || mask.new_notes() > 0;
      if (open) expect_exact(mask, true);
      if (::testing::Test::HasFatalFailure()) return;
    }
    const bool late = ++steps > limit / 2;
    const auto status = mask.advance(draw(rng, mask.allowed(), late ? 1.0 : hurry));
    ASSERT_TRUE(status) << status.error().message;
    ASSERT_LT(steps, limit);
  }
}

TEST(Mask, EqualsTheSlowWayAndDecodes) {
  Rng rng(1);
  for (int i = 0; i < 60; ++i) {
    Mask mask(test_tables());
    sample_to_end(rng, mask, 0.05);
    if (HasFatalFailure()) return;
    const Decoded decoded = mask.walk().result();
    ASSERT_TRUE(validate(decoded.score)) << validate(decoded.score).error().message;
    const auto again =
        test_tokenizer().decode(test_tokenizer().encode(decoded.score, decoded.frame).value());
    ASSERT_EQ(*again, decoded);
  }
}

TEST(Mask, EqualsTheSlowWayAlongMusic) {
  Rng rng(2);
  for (int i = 0; i < 60; ++i) {
    RandomScoreOptions options;
    options.plain = i % 2 == 0;
    const GridScore score = random_grid_score(rng, options);
    const auto tokens = test_tokenizer().encode(score, random_frame(rng, score, {})).value();
    Mask mask(test_tables());
    for (const Token token : tokens) {
      ASSERT_TRUE(mask.allowed().has(token));
      if (rng.chance(0.03)) expect_exact(mask, true);
      if (HasFatalFailure()) return;
      ASSERT_TRUE(mask.advance(token));
    }
    ASSERT_TRUE(mask.done());
    ASSERT_EQ(mask.walk().result().score, score);
  }
}

Constraints random_constraints(Rng& rng, int tracks) {
  Constraints c;
  c.bars = rng.between(1, 6);
  c.counts_bars = rng.chance(0.7);
  c.upbeat = rng.chance(0.7) ? std::optional(rng.chance(0.3)) : std::nullopt;
  c.scale = static_cast<Scale>(rng.below(3));
  c.non_empty = static_cast<NonEmpty>(rng.below(3));
  c.sounding_end = rng.chance(0.5);
  for (int i = 0; i < tracks; ++i) {
    TrackRule& rule = c.tracks.emplace_back();
    if (rng.chance(0.6)) {
      const int low = rng.between(0, 120);
      rule.range = PitchRange{static_cast<std::uint8_t>(low),
                              static_cast<std::uint8_t>(std::min(127, low + rng.between(2, 30)))};
    }
    if (rng.chance(0.5)) rule.max_polyphony = rng.between(1, 4);
    rule.must_play = rng.chance(0.2);
  }
  for (int i = rng.between(0, 3); i > 0; --i) {
    BarPlan& plan = c.plan.emplace_back();
    if (rng.chance(0.6)) plan.metre = random_score_detail::metre(rng);
    if (rng.chance(0.6)) {
      plan.key =
          rng.chance(0.8) ? std::optional(Key{rng.between(-7, 7), rng.chance(0.5)}) : std::nullopt;
    }
    if (rng.chance(0.6)) plan.tempo_class = static_cast<std::uint8_t>(rng.below(kTempos.size()));
    if (rng.chance(0.6)) {
      plan.chords =
          BarPlan::Chords{random_score_detail::chord(rng), random_score_detail::chord(rng)};
    }
  }
  for (int i = rng.between(0, 4); i > 0 && tracks > 0; --i) {
    const int begin = rng.between(-50, 400);
    c.standing.push_back(
        {rng.between(0, tracks - 1),
         {begin, begin + rng.between(1, 200), static_cast<std::uint8_t>(rng.between(40, 80))}});
  }
  return c;
}

void expect_rules_kept(const Constraints& c, const Decoded& piece, const Counter& heard,
                       int new_bars_from) {
  for (const auto& [track, note] : heard.notes) {
    const GridTrack& instrument = piece.score.tracks[static_cast<std::size_t>(track)];
    const auto starts = piece.score.bar_starts();
    const auto bar = static_cast<std::size_t>(
        std::upper_bound(starts.begin(), starts.end(), note.onset) - starts.begin() - 1);
    ASSERT_TRUE(std::ranges::find(instrument.notes, note) != instrument.notes.end());
    if (!instrument.is_drum) {
      if (static_cast<std::size_t>(track) < c.tracks.size()) {
        if (const auto range = c.tracks[static_cast<std::size_t>(track)].range) {
          ASSERT_GE(note.pitch, range->low);
          ASSERT_LE(note.pitch, range->high);
        }
      }
      const auto& key = piece.score.bars[bar].key;
      if (c.scale == Scale::kNatural && key) {
        static const std::set<int> kMajor = {0, 2, 4, 5, 7, 9, 11};
        const int major_tonic = (key->tonic() + (key->minor ? 3 : 0)) % 12;
        ASSERT_TRUE(kMajor.contains((note.pitch - major_tonic + 120) % 12));
      }
    }
    for (const StandingNote& standing : c.standing) {
      if (standing.track != track || standing.sound.pitch != note.pitch) continue;
      ASSERT_TRUE(note.onset.count() >= standing.sound.end ||
                  (note.onset + note.duration).count() <= standing.sound.begin);
    }
  }
  for (std::size_t i = 0; c.bars && i < static_cast<std::size_t>(*c.bars) && !c.plan.empty(); ++i) {
    const BarPlan& plan = c.plan[std::min(i, c.plan.size() - 1)];
    const GridBar& bar = piece.score.bars[static_cast<std::size_t>(new_bars_from) + i];
    if (plan.metre) {
      ASSERT_EQ(bar.metre, *plan.metre);
    }
    if (plan.key) {
      ASSERT_EQ(bar.key, *plan.key);
    }
    if (plan.tempo_class) {
      ASSERT_EQ(bar.tempo_class, *plan.tempo_class);
    }
    if (plan.chords) {
      ASSERT_EQ(bar.chord, plan.chords->start);
      if (cell_count(bar.metre) % 2 == 0) {
        ASSERT_EQ(bar.chord_at_middle, plan.chords->middle);
      }
    }
  }
}

// Notes are where they are asked for, or it is told that there was no room for one.
void expect_played(const Constraints& c, const Mask& mask, const Counter& heard) {
  bool missing = c.non_empty == NonEmpty::kSomewhere && heard.notes.empty();
  bool asked = c.non_empty == NonEmpty::kEveryTrack;
  const auto tracks = mask.walk().tracks().size();
  for (std::size_t track = 0; track < std::min(c.tracks.size(), tracks); ++track) {
    if (!c.tracks[track].must_play) continue;
    asked = true;
    missing |= std::ranges::none_of(
        heard.notes, [&](const auto& note) { return note.first == static_cast<int>(track); });
  }
  if (missing) {
    ASSERT_TRUE(mask.unfulfilled());
  }
  if (!asked) {
    ASSERT_EQ(mask.unfulfilled(), missing);
  }
}

// Does anything sound in the last bar, from the tokens or standing there beforehand?
bool ends_sounding(const Constraints& c, const GridScore& score) {
  const auto starts = score.bar_starts();
  const GridTick last = starts[score.bars.size() - 1];
  for (const GridTrack& track : score.tracks) {
    for (const GridNote& note : track.notes) {
      if (note.onset + note.duration > last) return true;
    }
  }
  return std::ranges::any_of(c.standing, [&](const StandingNote& standing) {
    return standing.sound.begin <= last.count() && last.count() < standing.sound.end;
  });
}

TEST(Mask, FromNothingHonoursEveryConstraint) {
  Rng rng(3);
  int sampled = 0;
  for (int i = 0; i < 250; ++i) {
    std::vector<GridTrack> tracks(rng.below(4) + 1);
    for (GridTrack& track : tracks) {
      track.is_drum = rng.chance(0.2);
      if (!track.is_drum) track.program = static_cast<std::uint8_t>(rng.below(128));
    }
    Constraints c = random_constraints(rng, static_cast<int>(tracks.size()));
    Frame frame;
    c.bars_after = rng.chance(0.3) ? rng.between(1, 100) : 0;
    frame.bars_after = c.bars_after;
    frame.form = form_of(true, c.bars_after == 0);
    Mask mask(test_tables());
    ASSERT_TRUE(mask.feed(test_tokenizer().encode_header(tracks, frame).value()));
    Counter heard;
    mask.set_listener(&heard);
    if (auto status = mask.constrain(c); !status) {
      ASSERT_THAT(status.error().message, HasSubstr("scale"));
      continue;
    }
    ++sampled;
    sample_to_end(rng, mask, 0.01);
    if (HasFatalFailure()) return;
    const Decoded piece = mask.walk().result();
    ASSERT_TRUE(validate(piece.score));
    ASSERT_EQ(piece.score.bars.size(), static_cast<std::size_t>(*c.bars));
    ASSERT_EQ(heard.bars, *c.bars);
    ASSERT_EQ(heard.notes.size(), piece.score.note_count());
    ASSERT_EQ(piece.frame.counts_bars, c.counts_bars);
    if (c.counts_bars) {
      ASSERT_EQ(piece.frame.bars_after, std::min(c.bars_after, kMaxBarsLeft));
    }
    if (c.upbeat) {
      ASSERT_EQ(piece.score.has_upbeat, *c.upbeat);
    }
    for (std::size_t t = 0; t < tracks.size(); ++t) {
      ASSERT_EQ(piece.score.tracks[t].program, tracks[t].program);
      ASSERT_EQ(piece.score.tracks[t].is_drum, tracks[t].is_drum);
      if (c.tracks[t].max_polyphony > 0) {
        ASSERT_LE(max_polyphony(piece.score.tracks[t]), c.tracks[t].max_polyphony);
      }
      if (c.non_empty == NonEmpty::kEveryTrack && !mask.unfulfilled()) {
        ASSERT_FALSE(piece.score.tracks[t].notes.empty());
      }
      if (c.standing.empty()) {
        ASSERT_FALSE(mask.unfulfilled());
      }
    }
    expect_played(c, mask, heard);
    expect_rules_kept(c, piece, heard, 0);
    if (HasFatalFailure()) return;
    if (c.sounding_end && c.bars_after == 0 && !ends_sounding(c, piece.score)) {
      // Only where standing notes or too narrow a scale leave no room in the last bar.
      ASSERT_TRUE(!c.standing.empty() || c.scale != Scale::kFree);
    }
  }
  EXPECT_GT(sampled, 150);
}

// The tokens of a window without its End.
std::vector<Token> open_ended(const GridScore& score, const Frame& frame) {
  auto tokens = test_tokenizer().encode(score, frame).value();
  EXPECT_EQ(tokens.back(), kEndWord);
  tokens.pop_back();
  return tokens;
}

TEST(Mask, ContinuesWithoutTouchingThePrompt) {
  Rng rng(4);
  for (int i = 0; i < 200; ++i) {
    const GridScore prompt = random_grid_score(rng);
    const auto tracks = static_cast<int>(prompt.tracks.size());
    Constraints c = random_constraints(rng, tracks);
    c.upbeat.reset();
    c.bars_after = rng.chance(0.3) ? rng.between(1, 100) : 0;
    // Said truly: the piece goes on after the prompt.
    Frame frame;
    frame.form = Form::kWhole;
    frame.counts_bars = c.counts_bars;
    auto tokens = open_ended(prompt, frame);
    // The form and counts of the whole that is to be.
    const Form form = form_of(true, c.bars_after == 0);
    std::vector<Token> said;
    int bar = 0;
    for (const Token token : tokens) {
      if (token < kWordCount && class_of(token) == WordClass::kForm) {
        said.push_back(word_at(WordClass::kForm, static_cast<int>(form)));
      } else if (token < kWordCount && class_of(token) == WordClass::kBarsLeft) {
        const int left = static_cast<int>(prompt.bars.size()) - ++bar + *c.bars + c.bars_after;
        said.push_back(word_at(WordClass::kBarsLeft, std::min(left, kMaxBarsLeft)));
      } else {
        said.push_back(token);
      }
    }
    Mask mask(test_tables());
    const auto fed = mask.feed(said);
    ASSERT_TRUE(fed) << fed.error().message;
    Counter heard;
    mask.set_listener(&heard);
    if (auto status = mask.constrain(c); !status) {
      ASSERT_THAT(status.error().message, ::testing::AnyOf(HasSubstr("scale"), HasSubstr("track")));
      continue;
    }
    sample_to_end(rng, mask, 0.01);
    if (HasFatalFailure()) return;
    const Decoded piece = mask.walk().result();
    ASSERT_TRUE(validate(piece.score));
    ASSERT_EQ(piece.score.bars.size(), prompt.bars.size() + static_cast<std::size_t>(*c.bars));
    ASSERT_EQ(window(piece.score, 0, static_cast<int>(prompt.bars.size())), prompt);
    expect_rules_kept(c, piece, heard, static_cast<int>(prompt.bars.size()));
    expect_played(c, mask, heard);
    if (HasFatalFailure()) return;
  }
}

TEST(Mask, FillsHolesAndNothingElse) {
  Rng rng(6);
  int filled = 0;
  for (int i = 0; i < 250; ++i) {
    RandomScoreOptions options;
    options.plain = i % 2 == 0;
    const GridScore score = random_grid_score(rng, options);
    Frame frame = random_frame(rng, score, {});
    if (frame.holes.empty()) continue;
    Encoded encoded;
    ASSERT_TRUE(test_tokenizer().encode(score, frame, encoded));
    Constraints c = random_constraints(rng, static_cast<int>(score.tracks.size()));
    c.bars.reset();
    c.plan.clear();
    Mask mask(test_tables());
    ASSERT_TRUE(mask.feed(std::span(encoded.tokens).first(encoded.fill_begin + 1)));
    Counter heard;
    mask.set_listener(&heard);
    if (auto status = mask.constrain(c); !status) {
      ASSERT_THAT(status.error().message, HasSubstr("scale"));
      continue;
    }
    ++filled;
    sample_to_end(rng, mask, 0.01);
    if (HasFatalFailure()) return;
    const Decoded piece = mask.walk().result();
    ASSERT_TRUE(validate(piece.score)) << validate(piece.score).error().message;
    ASSERT_EQ(piece.frame, canonical(frame));
    expect_rules_kept(c, piece, heard, 0);
    if (HasFatalFailure()) return;
    // Outside the holes everything is as it was; inside, everything is new.
    const auto starts = score.bar_starts();
    std::size_t inside = 0;
    for (std::size_t t = 0; t < score.tracks.size(); ++t) {
      const auto outside = [&](std::vector<GridNote> notes) {
        std::erase_if(notes, [&](const GridNote& note) {
          const auto bar =
              std::upper_bound(starts.begin(), starts.end(), note.onset) - starts.begin() - 1;
          return std::ranges::binary_search(frame.holes,
                                            Hole{static_cast<int>(bar), static_cast<int>(t)});
        });
        return notes;
      };
      const auto kept = outside(piece.score.tracks[t].notes);
      ASSERT_EQ(kept, outside(score.tracks[t].notes));
      inside += piece.score.tracks[t].notes.size() - kept.size();
      // New notes never make more sound at once than is allowed.
      const int limit = c.tracks[t].max_polyphony;
      for (const auto& [track, note] : heard.notes) {
        if (limit == 0 || track != static_cast<int>(t)) continue;
        int at_once = 0;
        for (const GridNote& other : piece.score.tracks[t].notes) {
          if (other.onset <= note.onset && note.onset < other.onset + other.duration) ++at_once;
        }
        ASSERT_LE(at_once, limit);
      }
    }
    ASSERT_EQ(inside, heard.notes.size());
  }
  EXPECT_GT(filled, 50);
}

TEST(Mask, NeverLeavesAHoleEmptyWhenAskedNotTo) {
  Rng rng(7);
  GridScore score;
  score.bars.resize(8);
  score.tracks.resize(3);
  Frame frame;
  frame.holes = {{1, 0}, {2, 0}, {2, 2}, {5, 1}};
  Encoded encoded;
  ASSERT_TRUE(test_tokenizer().encode(score, frame, encoded));
  for (int i = 0; i < 50; ++i) {
    Mask mask(test_tables());
    ASSERT_TRUE(mask.feed(std::span(encoded.tokens).first(encoded.fill_begin + 1)));
    Constraints c;
    c.non_empty = i % 2 == 0 ? NonEmpty::kSomewhere : NonEmpty::kEveryTrack;
    ASSERT_TRUE(mask.constrain(c));
    while (!mask.done()) ASSERT_TRUE(mask.advance(draw(rng, mask.allowed(), 1.0)));
    const GridScore piece = mask.walk().result().score;
    EXPECT_GT(piece.tracks[0].notes.size() + piece.tracks[2].notes.size(), 0u);
    EXPECT_GT(piece.tracks[1].notes.size(), 0u);
    if (c.non_empty == NonEmpty::kEveryTrack) {
      EXPECT_GT(piece.tracks[0].notes.size(), 0u);
      EXPECT_GT(piece.tracks[2].notes.size(), 0u);
    }
  }
}

TEST(Mask, RefusesTheImpossible) {
  const auto refusal = [](const Constraints& c, const Frame& frame = {}, int program = 0) {
    Mask mask(test_tables());
    const std::vector<GridTrack> tracks = {{static_cast<std::uint8_t>(program), false, {}}};
    EXPECT_TRUE(mask.feed(test_tokenizer().encode_header(tracks, frame).value()));
    const auto status = mask.constrain(c);
    return status ? std::string("accepted") : status.error().message;
  };
  BarPlan c_major;
  c_major.key = Key{0, false};
  EXPECT_EQ(refusal({.bars = 4}), "accepted");
  EXPECT_THAT(refusal({.bars = 0}), HasSubstr("no bars"));
  EXPECT_THAT(refusal({.bars = 4, .bars_after = 2}), HasSubstr("its form says"));
  EXPECT_THAT(refusal({.bars = 1, .tracks = {{PitchRange{61, 60}, 0}}}), HasSubstr("61 to 60"));
  EXPECT_THAT(refusal({.bars = 1, .tracks = {{std::nullopt, -1}}}), HasSubstr("at once"));
  EXPECT_THAT(refusal({.bars = 1,
                       .plan = {c_major},
                       .tracks = {{PitchRange{61, 61}, 0}},
                       .scale = Scale::kNatural}),
              HasSubstr("scale"));
  BarPlan long_bar;
  long_bar.metre = Metre{32, 1};
  EXPECT_THAT(refusal({.bars = 1, .plan = {long_bar}}), HasSubstr("32/1"));
  EXPECT_THAT(refusal({.bars = 1, .bars_after = 1, .upbeat = true},
                      {.form = Form::kMiddle, .bars_after = 1}),
              HasSubstr("upbeat"));
  // The prompt says three bars follow.
  GridScore score;
  score.bars.resize(1);
  score.tracks.resize(1);
  Mask mask(test_tables());
  auto tokens = open_ended(score, {.form = Form::kStart, .bars_after = 3});
  tokens[0] = word_at(WordClass::kForm, static_cast<int>(Form::kWhole));
  ASSERT_TRUE(mask.feed(tokens));
  EXPECT_THAT(mask.constrain({.bars = 4}).error().message, HasSubstr("3 bars of the piece follow"));
}

}  // namespace
}  // namespace hemiola::tokens
