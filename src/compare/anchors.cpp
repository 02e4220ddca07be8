#include "compare/anchors.h"

#include <algorithm>
#include <map>

#include "score/to_midi.h"
#include "tokens/mask.h"

namespace hemiola::compare {
namespace {

struct Bar {
  GridBar head;
  std::vector<GridTrack> tracks;  // onsets from the start of the bar
};

std::vector<Bar> cut_into_bars(const GridScore& piece) {
  const auto starts = piece.bar_starts();
  std::vector<Bar> bars;
  for (std::size_t i = 0; i < piece.bars.size(); ++i) {
    Bar& bar = bars.emplace_back();
    bar.head = piece.bars[i];
    for (const GridTrack& track : piece.tracks) {
      GridTrack part{track.program, track.is_drum, {}};
      for (GridNote note : track.notes) {
        if (note.onset < starts[i] || note.onset >= starts[i + 1]) continue;
        note.duration = std::min(note.duration, starts[i + 1] - note.onset);
        note.onset -= starts[i];
        part.notes.push_back(note);
      }
      if (!part.notes.empty()) bar.tracks.push_back(std::move(part));
    }
  }
  return bars;
}

// Tracks of one instrument share a track of the piece, in their order.
void append(const Bar& bar, GridTick at, GridScore& piece) {
  std::vector<bool> taken(piece.tracks.size());
  for (const GridTrack& part : bar.tracks) {
    std::size_t to = 0;
    while (to < piece.tracks.size() && (taken[to] || piece.tracks[to].program != part.program ||
                                        piece.tracks[to].is_drum != part.is_drum)) {
      ++to;
    }
    if (to == piece.tracks.size()) {
      if (to == kMaxTracks) continue;
      piece.tracks.push_back({part.program, part.is_drum, {}});
      taken.push_back(false);
    }
    taken[to] = true;
    for (GridNote note : part.notes) {
      note.onset += at;
      piece.tracks[to].notes.push_back(note);
    }
  }
}

}  // namespace

std::vector<GridScore> shuffle_bars(std::span<const GridScore> pieces, std::uint64_t seed) {
  using MetreKey = std::pair<int, int>;
  std::map<MetreKey, std::vector<Bar>> decks;
  const auto key_of = [](const GridBar& bar) {
    return MetreKey(bar.metre.numerator, bar.metre.denominator);
  };
  for (const GridScore& piece : pieces) {
    for (Bar& bar : cut_into_bars(piece)) decks[key_of(bar.head)].push_back(std::move(bar));
  }
  Rng rng(seed);
  for (auto& [metre, deck] : decks) rng.shuffle(std::span(deck));
  std::vector<GridScore> result;
  for (const GridScore& piece : pieces) {
    GridScore& made = result.emplace_back();
    made.bars = piece.bars;
    const auto starts = piece.bar_starts();
    for (std::size_t i = 0; i < piece.bars.size(); ++i) {
      made.bars[i].chord = made.bars[i].chord_at_middle = std::nullopt;
      auto& deck = decks[key_of(piece.bars[i])];
      append(deck.back(), starts[i], made);
      deck.pop_back();
    }
  }
  return result;
}

Result<Score> random_notes(const GridScore& like, Rng& rng) {
  HEMIOLA_TRY(Score score, score_from_grid(like));
  const std::int64_t division = score.ticks_per_quarter;
  const std::int64_t end = like.bar_starts().back().count() * division / kGridQuarter.count();
  for (Track& track : score.tracks) {
    for (Note& note : track.notes) {
      note.onset = Tick(static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(end))));
      note.duration = std::min(note.duration, Tick(end) - note.onset);
      note.pitch =
          static_cast<std::uint8_t>(track.is_drum ? rng.between(35, 81) : rng.between(36, 96));
    }
    std::sort(track.notes.begin(), track.notes.end(), [](const Note& a, const Note& b) {
      return a.onset != b.onset ? a.onset < b.onset : a.pitch < b.pitch;
    });
  }
  score.bar_lines_known = false;
  return score;
}

NgramWriter::NgramWriter(const tokens::Tokenizer& tokenizer, int order)
    : tokenizer_(tokenizer),
      tables_(tokenizer.vocabulary()),
      model_(order, tokenizer.vocabulary().size()) {}

Status NgramWriter::learn(const GridScore& piece) {
  HEMIOLA_TRY(const auto tokens, tokenizer_.encode(piece));
  model_.add(tokens);
  return {};
}

Result<GridScore> NgramWriter::write(int bars, std::uint64_t seed) const {
  std::vector<tokens::Token> written = {
      tokens::word_at(tokens::WordClass::kForm, static_cast<int>(tokens::Form::kWhole))};
  tokens::Mask mask(tables_);
  HEMIOLA_CHECK(mask.feed(written));
  tokens::Constraints rules;
  rules.bars = bars;
  rules.upbeat = false;
  rules.sounding_end = true;
  HEMIOLA_CHECK(mask.constrain(rules));
  Rng rng(seed);
  while (!mask.done()) {
    tokens::Token token = 0;
    if (const auto only = mask.forced()) {
      token = *only;
    } else {
      const auto probabilities = model_.distribution(written);
      std::vector<tokens::Token> choices;
      std::vector<double> weights;
      mask.allowed().for_each([&](tokens::Token choice) {
        choices.push_back(choice);
        weights.push_back(probabilities[choice]);
      });
      token = choices[rng.weighted(weights)];
    }
    HEMIOLA_CHECK(mask.advance(token));
    written.push_back(token);
  }
  return mask.walk().result().score;
}

Seconds nominal_length(const GridScore& piece) {
  double seconds = 0;
  for (const GridBar& bar : piece.bars) {
    seconds += bar_length(bar.metre).count() / 24.0 * 60 / kTempos[bar.tempo_class];
  }
  return Seconds(seconds);
}

}  // namespace hemiola::compare
