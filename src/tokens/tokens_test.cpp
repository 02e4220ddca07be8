// Round trips of random scores in every form, merges, files, text.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/rng.h"
#include "score/random_grid_score.h"
#include "tokens/random_frame.h"
#include "tokens/text.h"
#include "tokens/tokenizer.h"
#include "tokens/walk.h"

namespace hemiola::tokens {
namespace {

using ::testing::HasSubstr;

// Merges learned on random scores: useless for music, as good as any for tests.
const Tokenizer& merged_tokenizer() {
  static const Tokenizer tokenizer = [] {
    MergeTrainer trainer;
    Rng rng(5);
    for (int i = 0; i < 300; ++i) trainer.add(random_grid_score(rng));
    return trainer.finish().value();
  }();
  return tokenizer;
}

void expect_round_trip(const Tokenizer& tokenizer, const GridScore& score, const Frame& frame) {
  const auto tokens = tokenizer.encode(score, frame);
  ASSERT_TRUE(tokens) << tokens.error().message;
  const auto decoded = tokenizer.decode(*tokens);
  ASSERT_TRUE(decoded) << decoded.error().message << "\n" << to_text(score, frame);
  ASSERT_TRUE(validate(decoded->score));
  ASSERT_EQ(decoded->score, score) << to_text(score, frame);
  ASSERT_EQ(decoded->frame, canonical(frame));
}

TEST(Words, TextsAreUniqueAndReadBack) {
  for (Word word = 0; word < kWordCount; ++word) {
    ASSERT_EQ(parse_word(word_text(word)), word) << word_text(word);
  }
  EXPECT_EQ(word_text(key_word(Key{6, true})), "Key_D#_minor");
  EXPECT_EQ(word_text(key_word(std::nullopt)), "Key_none");
  EXPECT_EQ(key_of(key_word(Key{-7, false})), (Key{-7, false}));
  EXPECT_FALSE(parse_word("Beat_33"));
}

TEST(Words, TonesTellThePlaceInTheScale) {
  // The tonic of every major key is a multiple of twelve.
  for (int fifths = -7; fifths <= 7; ++fifths) {
    const Key key{fifths, false};
    EXPECT_EQ((key.tonic() - key_offset(key) + 120) % 12, 0) << fifths;
    for (const int pitch : {0, 127}) {
      EXPECT_EQ(pitch_of_tone(tone_word(pitch, key_offset(key)), key_offset(key)), pitch);
    }
  }
}

TEST(Durations, EveryOneHasOneForm) {
  for (int ticks = 1; ticks <= kMaxDuration.count(); ++ticks) {
    GridScore score;
    score.bars.resize(1);
    score.tracks = {{0, false, {{GridTick(0), GridTick(ticks), 60, 9}}}};
    expect_round_trip(Tokenizer::plain().value(), score, {});
  }
}

TEST(RoundTrip, RandomScoresInEveryForm) {
  Rng rng(1);
  for (int i = 0; i < 600; ++i) {
    RandomScoreOptions options;
    if (i % 10 == 0) options.max_tracks = kMaxTracks;
    if (i % 10 == 5) options.max_bars = 90;
    const GridScore piece = random_grid_score(rng, options);
    ASSERT_TRUE(validate(piece));
    const auto bars = static_cast<int>(piece.bars.size());
    const int first = rng.between(0, bars - 1);
    const int count = rng.between(1, bars - first);
    const Tokenizer& tokenizer = merged_tokenizer();
    expect_round_trip(tokenizer, piece, random_frame(rng, piece, window_frame(piece, 0, bars)));
    const GridScore part = window(piece, first, count);
    ASSERT_TRUE(validate(part));
    expect_round_trip(tokenizer, part, random_frame(rng, part, window_frame(piece, first, count)));
    if (HasFatalFailure()) return;
  }
}

TEST(RoundTrip, TextForm) {
  Rng rng(2);
  for (int i = 0; i < 100; ++i) {
    const GridScore score = random_grid_score(rng);
    const Frame frame = random_frame(rng, score, {});
    const std::string text = to_text(score, frame);
    const auto tokens = merged_tokenizer().encode(score, frame).value();
    ASSERT_EQ(to_text(tokens, merged_tokenizer().vocabulary()), text);
    const auto read = parse_text(text, "text");
    ASSERT_TRUE(read) << read.error().message;
    ASSERT_EQ(read->score, score);
    ASSERT_EQ(read->frame, canonical(frame));
  }
}

TEST(Text, ErrorsSayWhere) {
  const auto error = [](std::string_view text) {
    const auto read = parse_text(text, "a.tokens");
    return read ? std::string() : read.error().message;
  };
  const std::string head = "Form_whole Track_1 Program_0\nBar_0 Num_4 Den_4 Key_none Tempo_120";
  EXPECT_EQ(error(head + "\nEnd\n"), "");
  EXPECT_EQ(error("# a comment\n" + head + " # another\nEnd\nPad Pad"), "");
  EXPECT_THAT(error(head + " Beet_1\nEnd"), HasSubstr("a.tokens:2:38: 'Beet_1' is not a word"));
  EXPECT_THAT(error(head + "\n  Beat_5"), HasSubstr("a.tokens:3:3: Beat_5 cannot stand here"));
  EXPECT_THAT(error(head + "\nTone_60"), HasSubstr("cannot follow Tempo; expected Chord"));
  EXPECT_THAT(error(head), HasSubstr("breaks off"));
}

TEST(Frame, IsCheckedAgainstTheScore) {
  GridScore score;
  score.bars.resize(2);
  score.tracks.resize(1);
  const auto refused = [&](const Frame& frame) {
    return !Tokenizer::plain().value().encode(score, frame).has_value();
  };
  EXPECT_FALSE(refused({}));
  EXPECT_TRUE(refused({.form = Form::kMiddle}));
  EXPECT_TRUE(refused({.bars_after = 2}));
  EXPECT_TRUE(refused({.styles = {3, 3}}));
  EXPECT_TRUE(refused({.controls = {{}, {}}}));
  EXPECT_TRUE(refused({.holes = {{2, 0}}}));
  EXPECT_TRUE(refused({.holes = {{0, 1}}}));
  EXPECT_TRUE(refused({.holes = {{1, 0}, {0, 0}}}));
  score.has_upbeat = true;
  EXPECT_TRUE(refused({.form = Form::kEnd}));
}

TEST(Frame, MeasuresControls) {
  GridScore score;
  score.bars.resize(1);
  const auto note = [](int onset, int duration, int pitch) {
    return GridNote{GridTick(onset), GridTick(duration), static_cast<std::uint8_t>(pitch), 9};
  };
  score.tracks = {{0, false, {note(0, 30, 70), note(0, 24, 60), note(24, 72, 64)}}, {}};
  EXPECT_EQ(measure_controls(score, 0),
            (TrackControls{.density = 4, .polyphony = 2, .range = PitchRange{60, 70}}));
  EXPECT_EQ(measure_controls(score, 1), TrackControls{.density = 1});
}

TEST(Frame, WindowsKnowWhatIsHeld) {
  GridScore score;
  score.bars.resize(3);
  score.tracks = {
      {0, false, {{GridTick(90), GridTick(10), 60, 9}, {GridTick(95), GridTick(1), 50, 9}}}};
  EXPECT_EQ(notes_into(score, 1), (std::vector<HeldNote>{{0, 60, GridTick(4)}}));
  EXPECT_EQ(window_frame(score, 1, 1).form, Form::kMiddle);
  EXPECT_EQ(window_frame(score, 1, 1).bars_after, 1);
  EXPECT_EQ(window(score, 1, 2).note_count(), 0u);
}

TEST(Encoded, SaysWhereThingsStand) {
  Rng rng(3);
  const Vocabulary& vocabulary = merged_tokenizer().vocabulary();
  Encoded encoded;
  for (int i = 0; i < 100; ++i) {
    const GridScore score = random_grid_score(rng);
    const Frame frame = random_frame(rng, score, {});
    ASSERT_TRUE(merged_tokenizer().encode(score, frame, encoded));
    ASSERT_EQ(encoded.bar_begins.size(), score.bars.size());
    for (const std::uint32_t begin : encoded.bar_begins) {
      const WordClass word_class = class_of(encoded.tokens[begin]);
      ASSERT_TRUE(word_class == WordClass::kBar || word_class == WordClass::kBarsLeft);
    }
    if (frame.holes.empty()) {
      ASSERT_EQ(encoded.fill_begin, encoded.tokens.size());
    } else {
      ASSERT_EQ(encoded.tokens[encoded.fill_begin], kFillWord);
    }
    std::uint32_t notes = 0;
    for (std::size_t t = encoded.bar_begins[0]; t < encoded.tokens.size(); ++t) {
      notes += static_cast<std::uint32_t>(vocabulary.notes_of(encoded.tokens[t]));
    }
    ASSERT_EQ(notes, score.note_count());
    ASSERT_EQ(encoded.notes, notes);
  }
}

// The textbook way: the earliest merge wherever it stands, again and again.
std::vector<Token> merge_slowly(const Vocabulary& vocabulary, std::vector<Token> tokens) {
  for (std::size_t m = 0; m < vocabulary.merges().size(); ++m) {
    const auto [left, right] = vocabulary.merges()[m];
    std::vector<Token> next;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (i + 1 < tokens.size() && tokens[i] == left && tokens[i + 1] == right) {
        next.push_back(static_cast<Token>(static_cast<std::size_t>(kWordCount) + m));
        ++i;
      } else {
        next.push_back(tokens[i]);
      }
    }
    tokens = std::move(next);
  }
  return tokens;
}

TEST(Merges, EqualTheTextbookLoop) {
  const Vocabulary& vocabulary = merged_tokenizer().vocabulary();
  Rng rng(4);
  for (int i = 0; i < 300; ++i) {
    // Long chains of words, also such as no cell would hold: merging does not look at sense.
    std::vector<Token> words;
    for (int n = rng.between(1, i % 3 == 0 ? 30 : 200); n > 0;) {
      const auto token = static_cast<Token>(rng.between(kWordCount, vocabulary.used() - 1));
      for (const Word word : vocabulary.words_of(token)) words.push_back(word), --n;
    }
    std::vector<Token> fast = words;
    fast.resize(vocabulary.merge(fast));
    ASSERT_EQ(fast, merge_slowly(vocabulary, words));
  }
}

TEST(Merges, DoNotDependOnTheOrderOfThePieces) {
  Rng rng(6);
  std::vector<GridScore> pieces;
  for (int i = 0; i < 60; ++i) pieces.push_back(random_grid_score(rng));
  MergeTrainer one, other;
  for (const GridScore& piece : pieces) one.add(piece);
  rng.shuffle(std::span(pieces));
  for (const GridScore& piece : pieces) other.add(piece);
  EXPECT_EQ(one.finish()->sha256(), other.finish()->sha256());
}

TEST(Merges, FillTheVocabularyOrReserveTheRest) {
  EXPECT_EQ(merged_tokenizer().vocabulary().size(), 4050);
  EXPECT_EQ(merged_tokenizer().vocabulary().used(), 4050);
  MergeTrainer trainer;
  GridScore score;
  score.bars.resize(1);
  score.tracks = {
      {0, false, {{GridTick(0), GridTick(24), 60, 9}, {GridTick(24), GridTick(24), 60, 9}}}};
  trainer.add(score);
  const Tokenizer small = trainer.finish().value();
  EXPECT_EQ(small.vocabulary().size(), 4050);
  EXPECT_LT(small.vocabulary().used(), kWordCount + 10);
  EXPECT_TRUE(small.vocabulary().words_of(4049).empty());
  const std::vector<Token> reserved = {4049};
  EXPECT_FALSE(small.decode(reserved));
}

TEST(Tokenizer, FileRoundTrip) {
  Settings settings;
  settings.styles = {"classical", "", "folk"};
  const Tokenizer made = Tokenizer::make({merged_tokenizer().vocabulary().merges().begin(),
                                          merged_tokenizer().vocabulary().merges().end()},
                                         settings)
                             .value();
  EXPECT_EQ(made.style("folk"), 3);
  EXPECT_EQ(made.style("jazz"), 0);
  const Path path = std::filesystem::temp_directory_path() / "hemiola_tokenizer_test.json";
  ASSERT_TRUE(made.save(path));
  const auto read = Tokenizer::load(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->sha256(), made.sha256());
  EXPECT_EQ(read->settings().styles, settings.styles);
  EXPECT_TRUE(std::ranges::equal(read->vocabulary().merges(), made.vocabulary().merges()));
}

TEST(Tokenizer, RefusesDamagedFiles) {
  const std::string good = merged_tokenizer().json();
  ASSERT_TRUE(Tokenizer::parse(good, "t"));
  const auto refusal = [&](std::string_view from, std::string_view to) {
    std::string json = good;
    const std::size_t at = json.find(from);
    EXPECT_NE(at, std::string::npos);
    json.replace(at, from.size(), to);
    const auto read = Tokenizer::parse(json, "t.json");
    return read ? std::string("accepted") : read.error().message;
  };
  EXPECT_THAT(refusal("hemiola-tokenizer", "other"), HasSubstr("format"));
  EXPECT_THAT(refusal("\"version\":1", "\"version\":2"), HasSubstr("version 2"));
  EXPECT_THAT(refusal("Beat_7", "Beat_77"), HasSubstr("expected \"Beat_7\""));
  EXPECT_THAT(refusal("\"vocabulary\":4050", "\"vocabulary\":1050"), HasSubstr("do not fit"));
  EXPECT_THAT(refusal("\"merges\":[[", "\"merges\":[[9"), HasSubstr("not made before"));
  EXPECT_THAT(refusal("\"merges\":[[", "\"merges\":[[1,1],["), HasSubstr("do not fit"));
  EXPECT_THAT(refusal("\"vocabulary\":4050", "\"vocabulary\":-1"), HasSubstr("settings.vocab"));
  EXPECT_THAT(refusal("\"styles\":[", "\"styles\":[1"), HasSubstr("styles"));
  EXPECT_FALSE(Tokenizer::parse(good.substr(0, good.size() / 2), "t"));
  EXPECT_FALSE(Tokenizer::parse("[]", "t"));
  EXPECT_FALSE(Tokenizer::make({{kEndWord, kEndWord}}));
  const Word tone = tone_word(60, 0);
  EXPECT_FALSE(Tokenizer::make({{tone, tone}}));  // two first notes of one position
}

TEST(Decode, RefusesWhatEncodeWouldNotWrite) {
  const Tokenizer tokenizer = Tokenizer::plain().value();
  Rng rng(8);
  // Change, drop or double one word: what is still read must be written just so.
  int read = 0;
  for (int i = 0; i < 3000; ++i) {
    RandomScoreOptions options;
    options.max_bars = 3;
    const GridScore score = random_grid_score(rng, options);
    auto tokens = tokenizer.encode(score, random_frame(rng, score, {})).value();
    const std::size_t at = rng.below(tokens.size());
    switch (rng.below(3)) {
      case 0:
        tokens[at] =
            static_cast<Token>(std::min<int>(kWordCount - 1, tokens[at] + rng.between(-3, 3)));
        break;
      case 1:
        tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(at));
        break;
      default:
        tokens.insert(tokens.begin() + static_cast<std::ptrdiff_t>(at), tokens[at]);
    }
    while (!tokens.empty() && tokens.back() == kPadWord) tokens.pop_back();
    const auto decoded = tokenizer.decode(tokens);
    if (!decoded) continue;
    ++read;
    ASSERT_TRUE(validate(decoded->score)) << validate(decoded->score).error().message;
    const auto again = tokenizer.encode(decoded->score, decoded->frame);
    ASSERT_TRUE(again) << again.error().message;
    ASSERT_EQ(*again, tokens);
  }
  EXPECT_GT(read, 100);
}

TEST(Documentation, IsUpToDate) {
  const Path path = Path(HEMIOLA_SOURCE_DIR) / "docs" / "tokens.md";
  if (std::getenv("HEMIOLA_UPDATE_DOCS") != nullptr) {
    ASSERT_TRUE(write_text(path, document()));
  }
  const auto text = read_text(path);
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(*text, document()) << "run tokens_test with HEMIOLA_UPDATE_DOCS=1 and commit the page";
}

}  // namespace
}  // namespace hemiola::tokens
