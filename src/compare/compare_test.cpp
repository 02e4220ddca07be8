// The anchors are what they are said to be; the order of figures is judged rightly; logs and labels
// are read; a small comparison is whole, goes on, and gives the same digits again.
#include "compare/compare.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "audio/audio.h"
#include "audio/loop_audio.h"
#include "audiolm/little_codec_for_tests.h"
#include "compare/anchors.h"
#include "compare/loop_folder.h"
#include "compare/order.h"
#include "compare/training_log.h"
#include "data/loops.h"
#include "data/source.h"
#include "midi/writer.h"
#include "score/to_midi.h"
#include "tests/test_data.h"

namespace hemiola::compare {
namespace {

std::vector<GridScore> some_loops(std::size_t count) {
  std::vector<GridScore> loops;
  for (std::uint64_t seed = 0; loops.size() < count; ++seed) {
    loops.push_back(data::make_loop(seed).score);
  }
  return loops;
}

// Notes without their lengths, which bar ends may cut: (instrument, place in the bar, pitch).
using BarNotes = std::vector<std::tuple<int, int, int>>;

std::multiset<BarNotes> bars_of(std::span<const GridScore> pieces) {
  std::multiset<BarNotes> bars;
  for (const GridScore& piece : pieces) {
    const auto starts = piece.bar_starts();
    for (std::size_t i = 0; i < piece.bars.size(); ++i) {
      BarNotes notes;
      for (const GridTrack& track : piece.tracks) {
        for (const GridNote& note : track.notes) {
          if (note.onset < starts[i] || note.onset >= starts[i + 1]) continue;
          notes.emplace_back(track.is_drum ? 128 : track.program, (note.onset - starts[i]).count(),
                             note.pitch);
        }
      }
      std::sort(notes.begin(), notes.end());
      bars.insert(notes);
    }
  }
  return bars;
}

TEST(Anchors, ShuffledBarsAreTheSameBarsElsewhere) {
  const auto loops = some_loops(60);
  const auto shuffled = shuffle_bars(loops, 1);
  ASSERT_EQ(shuffled.size(), loops.size());
  EXPECT_EQ(bars_of(shuffled), bars_of(loops));
  std::size_t same = 0;
  for (std::size_t i = 0; i < loops.size(); ++i) {
    EXPECT_TRUE(validate(shuffled[i])) << validate(shuffled[i]).error().message;
    EXPECT_EQ(nominal_length(shuffled[i]), nominal_length(loops[i]));
    same += bars_of(std::span(&shuffled[i], 1)) == bars_of(std::span(&loops[i], 1));
  }
  EXPECT_LT(same, 3u);
  EXPECT_EQ(shuffle_bars(loops, 1), shuffled);
  EXPECT_NE(shuffle_bars(loops, 2), shuffled);
}

TEST(Anchors, RandomNotesAreAsManyAndKnowNoGrid) {
  Rng rng(5);
  std::size_t on_grid = 0, all = 0;
  for (const GridScore& loop : some_loops(20)) {
    const auto score = random_notes(loop, rng);
    ASSERT_TRUE(score);
    ASSERT_EQ(score->tracks.size(), loop.tracks.size());
    const std::int64_t sixteenth = score->ticks_per_quarter / 4;
    for (std::size_t t = 0; t < loop.tracks.size(); ++t) {
      EXPECT_EQ(score->tracks[t].notes.size(), loop.tracks[t].notes.size());
      for (const Note& note : score->tracks[t].notes) {
        EXPECT_GE(note.pitch, 35);
        EXPECT_LE(note.pitch, 96);
        EXPECT_GT(note.duration.count(), 0);
        on_grid += note.onset.count() % sixteenth == 0;
        ++all;
      }
    }
    EXPECT_TRUE(data::source_from_midi(midi::write(midi_from_score(*score))));
  }
  EXPECT_LT(on_grid * 20, all);
}

TEST(Anchors, NgramWritesWholePiecesOfWhatItLearnt) {
  const auto tokenizer = tokens::Tokenizer::plain();
  ASSERT_TRUE(tokenizer);
  NgramWriter writer(*tokenizer, 4);
  std::set<int> programs;
  for (const GridScore& loop : some_loops(80)) {
    ASSERT_TRUE(writer.learn(loop));
    for (const GridTrack& track : loop.tracks) programs.insert(track.program);
  }
  writer.finish();
  std::size_t known = 0, all = 0;
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    const auto piece = writer.write(4, seed);
    ASSERT_TRUE(piece) << piece.error().message;
    EXPECT_EQ(piece->bars.size(), 4u);
    EXPECT_GT(piece->note_count(), 0u);
    EXPECT_EQ(*writer.write(4, seed), *piece);
    for (const GridTrack& track : piece->tracks) known += programs.contains(track.program), ++all;
  }
  EXPECT_GT(known * 10, all * 8);
}

TEST(Order, HoldsOnlyIfEachPairDoes) {
  const std::vector<Pair> pairs = {{"real", "ngram"}, {"ngram", "random"}, {"real", "codec"}};
  std::map<std::string, Figure> figures = {{"real", {1, evaluate::Interval{0, 2}}},
                                           {"ngram", {3, evaluate::Interval{2.5, 3.5}}},
                                           {"random", {3.2, evaluate::Interval{3, 4}}}};
  Json verdict = judge_order(figures, pairs);
  EXPECT_TRUE(verdict["trusted"].get<bool>());
  ASSERT_EQ(verdict["pairs"].size(), 2u);  // there is no codec
  EXPECT_TRUE(verdict["pairs"][0]["apart"].get<bool>());
  EXPECT_FALSE(verdict["pairs"][1]["apart"].get<bool>());
  figures["random"].value = 2.9;
  verdict = judge_order(figures, pairs);
  EXPECT_FALSE(verdict["trusted"].get<bool>());
  EXPECT_FALSE(verdict["pairs"][1]["holds"].get<bool>());
  EXPECT_FALSE(judge_order({}, pairs)["trusted"].get<bool>());
}

TEST(TrainingLog, ReadsWhatItKnowsAndNamesWhatIsWrong) {
  const auto log = parse_training_log(
      "step,seconds,loss,held_out_loss,perplexity\n1,2.5,7.5,,900\n2,5,7,6.5,800\r\n", "x");
  ASSERT_TRUE(log) << log.error().message;
  ASSERT_EQ(log->points.size(), 2u);
  EXPECT_EQ(log->points[1].loss, 7.0);
  EXPECT_FALSE(log->points[0].held_out);
  EXPECT_EQ(log->seconds, 5.0);
  EXPECT_EQ(log->held_out_loss, 6.5);
  EXPECT_FALSE(log->tokens);
  EXPECT_EQ(parse_training_log("step,loss\n1\n", "x").error().message,
            "x, line 2: expected 2 fields, got 1");
  EXPECT_FALSE(parse_training_log("loss\n1\n", "x"));
  EXPECT_FALSE(parse_training_log("", "x"));
}

TEST(LoopFolder, ReadsLabelsAndRefusesPaths) {
  const auto loops = parse_loop_labels(
      "{\"file\":\"loop-1.mid\",\"style\":\"jig\",\"split\":\"train\"}\n\n", "labels");
  ASSERT_TRUE(loops);
  ASSERT_EQ(loops->size(), 1u);
  EXPECT_EQ((*loops)[0].name, "loop-1");
  EXPECT_EQ((*loops)[0].style, "jig");
  EXPECT_FALSE(parse_loop_labels("{\"file\":\"../x.mid\",\"split\":\"train\"}", "labels"));
  EXPECT_FALSE(parse_loop_labels("[1]", "labels"));
  EXPECT_FALSE(parse_loop_labels("{", "labels"));
}

class Whole : public testing::Test {
 protected:
  void SetUp() override {
    root_ = Path(testing::TempDir()) / "hemiola_compare";
    std::filesystem::remove_all(root_);
    const auto lyra = test_models("lyra");
    if (!lyra) GTEST_SKIP() << "the shared models are not here";
    std::filesystem::create_directories(root_ / "weights");
    std::filesystem::copy_file(*lyra / "soundstream_encoder.tflite",
                               root_ / "weights/lyra_encoder.tflite");
    data::LoopSetOptions making;
    making.count = 40;
    making.then = [](const data::Loop& loop, const midi::File& file, const Path& path) -> Status {
      HEMIOLA_TRY(const Audio sound, synthesise_loop(file, nominal_length(loop.score), 16000));
      return write_audio(path.parent_path() / (path.stem().string() + ".flac"), sound);
    };
    ASSERT_TRUE(write_codec(root_ / "codec.safetensors",
                            audiolm::little_codec(CodecActivation::kElu, 1), Dtype::kF32));
    const Status made = data::write_loops(root_ / "loops", making);
    ASSERT_TRUE(made) << made.error().message;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  CompareOptions options(const char* out) const {
    CompareOptions options;
    options.out = root_ / out;
    options.loops = root_ / "loops";
    options.count = 2;
    options.styles = true;
    options.weights = root_ / "weights";
    options.codec = root_ / "codec.safetensors";
    options.embeddings = {"lyra"};
    options.known = 2;
    options.heard = 1;
    options.threads = 2;
    return options;
  }

  Path root_;
};

TEST_F(Whole, GivesTheSameDigitsAgainAndGoesOn) {
  const auto first = compare(options("one"));
  ASSERT_TRUE(first) << first.error().message;
  for (const char* key : {"format", "version", "settings", "sets", "distances", "notes", "time",
                          "novelty", "training", "timing", "absent_embeddings"}) {
    EXPECT_TRUE(first->contains(key)) << key;
  }
  const Json& sets = (*first)["distances"]["lyra"]["sets"];
  for (const char* set : {"reference", "real", "shuffled", "random", "ngram", "symbolic"}) {
    ASSERT_TRUE(sets.contains(set)) << set;
    EXPECT_TRUE((*first)["notes"]["sets"].contains(set)) << set;
    EXPECT_TRUE((*first)["time"]["sets"].contains(set)) << set;
  }
  EXPECT_TRUE(sets.contains("codec"));
  EXPECT_FALSE((*first)["notes"]["sets"].contains("codec"));
  EXPECT_NEAR(sets["reference"]["fad"].get<double>(), 0, 1e-6);
  EXPECT_GT(sets["random"]["fad"].get<double>(), 0);

  // Stopped half way, then whole: the same figures as at one go.
  CompareOptions stopping = options("two");
  stopping.progress = [](std::string_view what, std::size_t, std::size_t) {
    return what == "making ngram";
  };
  EXPECT_FALSE(compare(stopping));
  auto second = compare(options("two"));
  ASSERT_TRUE(second) << second.error().message;
  Json a = *first, b = *second;
  a.erase("timing");
  b.erase("timing");
  // Where pieces are is no figure.
  const auto plain = [&](Json& json) {
    std::string text = json_text(json);
    for (std::size_t at; (at = text.find("/two/")) != std::string::npos;)
      text.replace(at, 5, "/one/");
    return text;
  };
  EXPECT_EQ(plain(a), plain(b));

  // The page fetches nothing. (What the model's card says stands in the figures, as text.)
  auto page = read_text(root_ / "one" / "report.html");
  ASSERT_TRUE(page);
  EXPECT_NE(page->find("audio/mpeg"), std::string::npos);
  const std::size_t data = page->find("<script type=\"application/json\"");
  page->erase(data, page->rfind("<script>") - data);
  for (const char* word : {"http:", "https:", "src=\"", "@import", "url(", "<link"}) {
    EXPECT_EQ(page->find(word), std::string::npos) << word;
  }

  CompareOptions other = options("one");
  other.seed = 1;
  const auto refused = compare(other);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("seed"), std::string::npos);
}

}  // namespace
}  // namespace hemiola::compare
