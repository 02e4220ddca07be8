#include "score/musicxml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "score/musicxml_values.h"
#include "score/random_grid_score.h"

namespace hemiola {
namespace {

using testing::HasSubstr;

// As much of an XML reader as the test needs: elements with text and children, checked to nest.
struct Node {
  std::string name, attributes, text;
  std::vector<Node> children;

  const Node* child(std::string_view wanted) const {
    for (const Node& node : children) {
      if (node.name == wanted) return &node;
    }
    return nullptr;
  }
  int number(std::string_view wanted, int otherwise = 0) const {
    const Node* node = child(wanted);
    return node != nullptr ? std::stoi(node->text) : otherwise;
  }
};

class Xml {
 public:
  explicit Xml(std::string_view text) : text_(text) {}

  Node document() {
    while (text_.substr(at_, 2) == "<?" || text_.substr(at_, 2) == "<!") {
      at_ = text_.find('\n', at_) + 1;
    }
    Node root = element();
    EXPECT_EQ(text_.find_first_not_of('\n', at_), std::string_view::npos);
    return root;
  }

 private:
  Node element() {
    Node node;
    EXPECT_EQ(text_[at_], '<');
    const std::size_t close = text_.find('>', at_);
    std::string_view tag = text_.substr(at_ + 1, close - at_ - 1);
    at_ = close + 1;
    const bool empty = tag.back() == '/';
    if (empty) tag.remove_suffix(1);
    node.name = tag.substr(0, tag.find(' '));
    node.attributes = tag.substr(node.name.size());
    if (empty) return node;
    for (;;) {
      const std::size_t next = text_.find('<', at_);
      if (next == std::string_view::npos) {
        ADD_FAILURE() << node.name << " is not closed";
        return node;
      }
      node.text += text_.substr(at_, next - at_);
      at_ = next;
      if (text_[at_ + 1] == '/') break;
      node.children.push_back(element());
    }
    EXPECT_EQ(text_.substr(at_ + 2, node.name.size()), node.name);
    at_ = text_.find('>', at_) + 1;
    return node;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

int pitch_of(const Node& note) {
  static const std::map<char, int> kSteps = {{'C', 0}, {'D', 2}, {'E', 4}, {'F', 5},
                                             {'G', 7}, {'A', 9}, {'B', 11}};
  const Node& pitch = *note.child("pitch");
  return kSteps.at(pitch.child("step")->text[0]) + pitch.number("alter") +
         12 * (pitch.number("octave") + 1);
}

using Heard = std::multiset<std::tuple<int, int, int>>;  // onset, duration, pitch

// What a part sounds like, ties joined. Checks that each measure adds up.
Heard heard(const Node& part) {
  Heard result;
  std::map<std::tuple<int, int, int>, int> held;  // voice, pitch, end -> onset
  int start = 0, length = 0;
  for (const Node& measure : part.children) {
    int at = 0, chord_at = 0, longest = 0;
    for (const Node& item : measure.children) {
      const int duration = item.number("duration");
      if (item.name == "backup") {
        at -= duration;
        EXPECT_GE(at, 0);
      }
      if (item.name != "note") continue;
      EXPECT_GT(duration, 0);
      if (item.child("chord") == nullptr) {
        chord_at = at;
        at += duration;
      }
      longest = std::max(longest, at);
      if (item.child("pitch") == nullptr) continue;
      const int pitch = pitch_of(item), voice = item.number("voice");
      bool stop = false, go_on = false;
      for (const Node& child : item.children) {
        stop = stop || (child.name == "tie" && child.attributes == " type=\"stop\"");
        go_on = go_on || (child.name == "tie" && child.attributes == " type=\"start\"");
      }
      int onset = start + chord_at;
      const int end = onset + duration;
      if (stop) {
        const auto before = held.find({voice, pitch, onset});
        if (before == held.end()) {
          ADD_FAILURE() << "a tie from nowhere";
          continue;
        }
        onset = before->second;
        held.erase(before);
      }
      if (go_on) {
        held[{voice, pitch, end}] = onset;
      } else {
        result.insert({onset, end - onset, pitch});
      }
    }
    length = longest;
    EXPECT_GT(length, 0);
    start += length;
  }
  EXPECT_TRUE(held.empty());
  return result;
}

GridScore tune() {
  GridScore score;
  score.bars.resize(2);
  score.bars[0].key = Key{-3, true};
  score.bars[1].key = Key{-3, true};
  score.tracks.push_back({.program = 40,
                          .notes = {{GridTick(0), GridTick(8), 60, 9},
                                    {GridTick(8), GridTick(8), 63, 9},
                                    {GridTick(16), GridTick(8), 67, 9},
                                    {GridTick(24), GridTick(96), 71, 9}}});
  return score;
}

TEST(MusicXml, ATuneInFull) {
  const std::string xml = *write_musicxml(tune(), {.title = "A <tune> & more"});
  EXPECT_THAT(xml, HasSubstr("<work-title>A &lt;tune&gt; &amp; more</work-title>"));
  EXPECT_THAT(xml, HasSubstr("<divisions>24</divisions>"));
  EXPECT_THAT(xml, HasSubstr("<fifths>-3</fifths>\n          <mode>minor</mode>"));
  EXPECT_THAT(xml, HasSubstr("<part-name>Violin</part-name>"));
  EXPECT_THAT(xml, HasSubstr("<tuplet type=\"start\" number=\"1\"/>"));
  EXPECT_THAT(xml, HasSubstr("<step>E</step>\n          <alter>-1</alter>"));
  const Node root = Xml(xml).document();
  EXPECT_EQ(heard(*root.child("part")), (Heard{{0, 8, 60}, {8, 8, 63}, {16, 8, 67}, {24, 96, 71}}));
}

TEST(MusicXml, KeyboardsGetAGrandStaff) {
  GridScore score = tune();
  score.tracks[0].program = 0;
  EXPECT_THAT(*write_musicxml(score), HasSubstr("<staves>2</staves>"));
  // Two hands are one part; a lower first track is not a right hand.
  score.tracks.push_back(score.tracks[0]);
  for (GridNote& note : score.tracks[1].notes)
    note.pitch = static_cast<std::uint8_t>(note.pitch - 24);
  EXPECT_EQ(write_musicxml(score)->find("<part id=\"P2\">"), std::string::npos);
  std::swap(score.tracks[0], score.tracks[1]);
  EXPECT_NE(write_musicxml(score)->find("<part id=\"P2\">"), std::string::npos);
}

TEST(MusicXml, AnUpbeatIsMeasureZero) {
  GridScore score = tune();
  score.has_upbeat = true;
  for (GridNote& note : score.tracks[0].notes) note.onset += GridTick(72);
  score.bars.resize(3);
  const std::string xml = *write_musicxml(score);
  EXPECT_THAT(xml, HasSubstr("<measure number=\"0\" implicit=\"yes\">"));
  EXPECT_THAT(xml, HasSubstr("<measure number=\"1\">"));
  const Node root = Xml(xml).document();
  EXPECT_EQ(*heard(*root.child("part")).begin(), std::tuple(0, 8, 60));
}

// A rest for the whole measure would be read as one of the whole metre.
TEST(MusicXml, AShortUpbeatIsSilentInPlainRests) {
  GridScore score = tune();
  score.has_upbeat = true;
  for (GridNote& note : score.tracks[0].notes) note.onset += GridTick(72);
  score.bars.resize(3);
  score.tracks.push_back({.program = 41, .notes = {{GridTick(96), GridTick(24), 48, 9}}});
  const Node root = Xml(*write_musicxml(score)).document();
  const Node& upbeat = root.children.back().children.front();
  int length = 0;
  for (const Node& item : upbeat.children) {
    if (item.name != "note") continue;
    length += item.number("duration");
    EXPECT_EQ(item.child("rest")->attributes, "");
    EXPECT_NE(item.child("type"), nullptr);
  }
  EXPECT_EQ(length, 24);
}

TEST(MusicXml, AnyScoreSoundsAsItIs) {
  Rng rng(31);
  for (int i = 0; i < 150; ++i) {
    GridScore score = random_grid_score(rng, {.max_bars = 8, .max_tracks = 4, .plain = i % 2 == 0});
    for (GridTrack& track : score.tracks) {
      track.is_drum = false;
      const bool low = std::any_of(track.notes.begin(), track.notes.end(),
                                   [](const GridNote& note) { return note.pitch < 13; });
      for (GridNote& note : track.notes) {
        if (low) note.pitch = static_cast<std::uint8_t>(note.pitch + 24);  // MusicXML ends at C0
      }
    }
    const auto xml = write_musicxml(score);
    ASSERT_TRUE(xml) << xml.error().message;
    const Node root = Xml(*xml).document();
    Heard all, wanted;
    for (const Node& node : root.children) {
      if (node.name == "part") all.merge(heard(node));
    }
    const int rest = score.unwritten_rest().count();
    for (const GridTrack& track : score.tracks) {
      for (const GridNote& note : track.notes) {
        wanted.insert({note.onset.count() - rest, note.duration.count(), note.pitch});
      }
    }
    EXPECT_EQ(all, wanted) << i;
  }
}

TEST(MusicXml, DrumsAreUnpitched) {
  GridScore score;
  score.bars.resize(1);
  score.tracks.push_back({.is_drum = true, .notes = {{GridTick(0), GridTick(24), 36, 9}}});
  const std::string xml = *write_musicxml(score);
  EXPECT_THAT(xml, HasSubstr("<sign>percussion</sign>"));
  EXPECT_THAT(xml, HasSubstr("<midi-unpitched>37</midi-unpitched>"));
  EXPECT_THAT(xml, HasSubstr("<instrument id=\"P1-K36\"/>"));
}

TEST(MusicXml, EveryLengthIsASumOfValues) {
  for (int ticks = 1; ticks <= kMaxDuration.count(); ++ticks) {
    int sum = 0;
    for (const musicxml::Value& value : musicxml::values_of(ticks)) sum += value.ticks;
    EXPECT_EQ(sum, ticks);
  }
}

TEST(MusicXml, SpellingFollowsTheKey) {
  const auto spelled = [](int pitch, int fifths) {
    const musicxml::Spelling s = musicxml::spell(pitch, Key{fifths, false});
    return fmt::format("{}{}{}", s.step, s.alter, s.octave);
  };
  EXPECT_EQ(spelled(60, 0), "C04");
  EXPECT_EQ(spelled(63, 0), "E-14");
  EXPECT_EQ(spelled(66, 0), "F14");
  EXPECT_EQ(spelled(61, 4), "C14");
  EXPECT_EQ(spelled(61, -4), "D-14");
  EXPECT_EQ(spelled(59, -7), "C-14");
  EXPECT_EQ(spelled(60, 7), "B13");
}

TEST(MusicXml, EmptyScoresAreDocumentsToo) {
  GridScore score;
  score.bars.resize(2);
  EXPECT_EQ(Xml(*write_musicxml(score)).document().child("part")->children.size(), 2u);
  score.bars.clear();
  EXPECT_FALSE(write_musicxml(score));
}

}  // namespace
}  // namespace hemiola
