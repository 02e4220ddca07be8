#include "compose/controls.h"

#include <gtest/gtest.h>

namespace hemiola {
namespace {

TEST(ParseKey, SpellingsOfPeople) {
  EXPECT_EQ(parse_key("C").value(), (Key{0, false}));
  EXPECT_EQ(parse_key("F# minor").value(), (Key{3, true}));
  EXPECT_EQ(parse_key("Bb major").value(), (Key{-2, false}));
  EXPECT_EQ(parse_key("ebm").value(), (Key{-6, true}));
  EXPECT_EQ(parse_key("a").value(), (Key{0, true}));
  EXPECT_EQ(parse_key("G# major").value(), (Key{-4, false})) << "eight sharps are four flats";
  for (const char* wrong : {"", "H", "C lydian", "#", "C#####"})
    EXPECT_FALSE(parse_key(wrong)) << wrong;
}

TEST(ParseKey, EveryKeyReadsBack) {
  for (int fifths = -7; fifths <= 7; ++fifths) {
    for (bool minor : {false, true}) {
      const Key key{fifths, minor};
      EXPECT_EQ(parse_key(key_text(key)).value(), key) << key_text(key);
    }
  }
}

TEST(ParseMetre, Limits) {
  EXPECT_EQ(parse_metre("3/4").value(), (Metre{3, 4}));
  EXPECT_EQ(parse_metre("12/8").value(), (Metre{12, 8}));
  EXPECT_EQ(parse_metre("2/1").value(), (Metre{2, 1}));
  for (const char* wrong : {"", "3", "3/5", "0/4", "33/32", "32/1", "4/", "/4", "a/b"}) {
    EXPECT_FALSE(parse_metre(wrong)) << wrong;
  }
}

TEST(ParseRange, NumbersAndNames) {
  EXPECT_EQ(parse_range("48-84").value(), (tokens::PitchRange{48, 84}));
  EXPECT_EQ(parse_range("C3-C6").value(), (tokens::PitchRange{48, 84}));
  EXPECT_EQ(parse_range("C-1-G9").value(), (tokens::PitchRange{0, 127}));
  for (const char* wrong : {"", "48", "84-48", "48-128", "x-y"})
    EXPECT_FALSE(parse_range(wrong)) << wrong;
}

TEST(ParseChords, NotationsOfPeople) {
  const auto chords = parse_chords("C:maj Am | G7, F#:hdim7 Bbmaj7 - Dm7b5");
  ASSERT_TRUE(chords) << chords.error().message;
  ASSERT_EQ(chords->size(), 7u);
  EXPECT_EQ((*chords)[0], (Chord{0, ChordQuality::kMajor}));
  EXPECT_EQ((*chords)[1], (Chord{9, ChordQuality::kMinor}));
  EXPECT_EQ((*chords)[2], (Chord{7, ChordQuality::kDominant7}));
  EXPECT_EQ((*chords)[3], (Chord{6, ChordQuality::kHalfDiminished}));
  EXPECT_EQ((*chords)[4], (Chord{10, ChordQuality::kMajor7}));
  EXPECT_EQ((*chords)[5], std::nullopt);
  EXPECT_EQ((*chords)[6], (Chord{2, ChordQuality::kHalfDiminished}));
  for (const char* wrong : {"", "H", "C:foo", "c"}) EXPECT_FALSE(parse_chords(wrong)) << wrong;
}

TEST(Controls, JsonReadsBack) {
  Controls controls;
  controls.key = Key{-3, true};
  controls.in_scale = true;
  controls.metre = Metre{6, 8};
  controls.tempo = 97.5;
  controls.instruments = {{0, false}, {32, false}, {0, true}};
  controls.range = tokens::PitchRange{40, 80};
  controls.max_polyphony = 3;
  controls.density = 7;
  controls.style = "waltz";
  controls.chords = parse_chords("C G7 - A:min").value();
  EXPECT_EQ(controls_from_json(controls_to_json(controls)).value(), controls);
  EXPECT_EQ(controls_from_json(Json::object()).value(), Controls());
  EXPECT_FALSE(controls_from_json(Json{{"keys", "C"}}));
  EXPECT_FALSE(controls_from_json(Json{{"density", 11}}));
}

}  // namespace
}  // namespace hemiola
