// Layout, all integers LEB128 unless said: version (byte), flags (byte: 1 upbeat), number of bars,
// runs of bars, number of tracks, tracks.
//   Run of bars: what changed against the bar before (byte: 1 metre, 2 key, 4 tempo, 8 chord,
//   16 chord at the middle), the new values in that order, how many more bars are the same.
//   Track: program (byte), drums (byte), number of notes, notes.
//   Note: onset after the note before, 2 * pitch + (1 if the velocity changed) (byte), the velocity
//   class if so (byte), duration.
#include "data/grid_codec.h"

#include "data/byte_io.h"

namespace hemiola::data {
namespace {

enum Changed : std::uint8_t { kMetre = 1, kKey = 2, kTempo = 4, kChord = 8, kChordAtMiddle = 16 };

constexpr std::size_t kMostBars = 1 << 20;

void write_key(ByteWriter& to, const std::optional<Key>& key) {
  if (!key) return to.u8(0);
  to.u8(static_cast<std::uint8_t>(1 + 2 * (key->fifths + 7) + (key->minor ? 1 : 0)));
}

std::optional<Key> read_key(ByteReader& from, bool& good) {
  const int code = from.u8();
  good = good && code <= 30;
  if (code == 0 || !good) return std::nullopt;
  return Key{.fifths = (code - 1) / 2 - 7, .minor = (code - 1) % 2 == 1};
}

void write_chord(ByteWriter& to, const std::optional<Chord>& chord) {
  if (!chord) return to.u8(255);
  to.u8(
      static_cast<std::uint8_t>(chord->root * kChordQualities + static_cast<int>(chord->quality)));
}

std::optional<Chord> read_chord(ByteReader& from, bool& good) {
  const int code = from.u8();
  if (code == 255) return std::nullopt;
  good = good && code < 12 * kChordQualities;
  return Chord{.root = static_cast<std::uint8_t>(code / kChordQualities),
               .quality = static_cast<ChordQuality>(code % kChordQualities)};
}

void write_bars(ByteWriter& to, const std::vector<GridBar>& bars) {
  to.varint(bars.size());
  GridBar before;
  for (std::size_t i = 0; i < bars.size();) {
    const GridBar& bar = bars[i];
    std::size_t same = 0;
    while (i + same + 1 < bars.size() && bars[i + same + 1] == bar) ++same;
    const int changed = (bar.metre != before.metre ? kMetre : 0) |
                        (bar.key != before.key ? kKey : 0) |
                        (bar.tempo_class != before.tempo_class ? kTempo : 0) |
                        (bar.chord != before.chord ? kChord : 0) |
                        (bar.chord_at_middle != before.chord_at_middle ? kChordAtMiddle : 0);
    to.u8(static_cast<std::uint8_t>(changed));
    if ((changed & kMetre) != 0) {
      to.u8(static_cast<std::uint8_t>(bar.metre.numerator));
      to.u8(static_cast<std::uint8_t>(bar.metre.denominator));
    }
    if ((changed & kKey) != 0) write_key(to, bar.key);
    if ((changed & kTempo) != 0) to.u8(bar.tempo_class);
    if ((changed & kChord) != 0) write_chord(to, bar.chord);
    if ((changed & kChordAtMiddle) != 0) write_chord(to, bar.chord_at_middle);
    to.varint(same);
    before = bar;
    i += same + 1;
  }
}

Result<std::vector<GridBar>> read_bars(ByteReader& from) {
  const std::uint64_t count = from.varint();
  if (count > kMostBars) return fail("grid score: {} bars, at most {} are read", count, kMostBars);
  std::vector<GridBar> bars;
  GridBar bar;
  bool good = true;
  while (bars.size() < count) {
    const int changed = from.u8();
    if ((changed & kMetre) != 0) {
      bar.metre.numerator = from.u8();
      bar.metre.denominator = from.u8();
    }
    if ((changed & kKey) != 0) bar.key = read_key(from, good);
    if ((changed & kTempo) != 0) bar.tempo_class = from.u8();
    if ((changed & kChord) != 0) bar.chord = read_chord(from, good);
    if ((changed & kChordAtMiddle) != 0) bar.chord_at_middle = read_chord(from, good);
    const std::uint64_t same = from.varint();
    if (!from.ok() || !good || changed >= 32 || same >= count - bars.size()) {
      return fail("grid score: damaged at byte {}, in bar {}", from.position(), bars.size());
    }
    bars.insert(bars.end(), static_cast<std::size_t>(same) + 1, bar);
  }
  return bars;
}

Result<GridTrack> read_track(ByteReader& from) {
  GridTrack track;
  track.program = from.u8();
  track.is_drum = from.u8() != 0;
  const std::size_t notes = from.count(3);
  track.notes.reserve(notes);
  GridNote note;
  std::int64_t onset = 0;
  for (std::size_t i = 0; i < notes; ++i) {
    const std::uint64_t step = from.varint();
    const int pitch = from.u8();
    if ((pitch & 1) != 0) note.velocity_class = from.u8();
    const std::uint64_t duration = from.varint();
    if (!from.ok() || step > INT32_MAX || duration > INT32_MAX ||
        (onset += static_cast<std::int64_t>(step)) > INT32_MAX) {
      return fail("grid score: damaged at byte {}, in note {} of a track", from.position(), i);
    }
    note.onset = GridTick(static_cast<std::int32_t>(onset));
    note.pitch = static_cast<std::uint8_t>(pitch >> 1);
    note.duration = GridTick(static_cast<std::int32_t>(duration));
    track.notes.push_back(note);
  }
  return track;
}

}  // namespace

void encode_grid(const GridScore& score, Bytes& out) {
  ByteWriter to(out);
  to.u8(kGridCodecVersion);
  to.u8(score.has_upbeat ? 1 : 0);
  write_bars(to, score.bars);
  to.varint(score.tracks.size());
  for (const GridTrack& track : score.tracks) {
    to.u8(track.program);
    to.u8(track.is_drum ? 1 : 0);
    to.varint(track.notes.size());
    GridTick before{};
    int velocity = GridNote{}.velocity_class;
    for (const GridNote& note : track.notes) {
      to.varint(static_cast<std::uint64_t>((note.onset - before).count()));
      const bool louder_or_softer = note.velocity_class != velocity;
      to.u8(static_cast<std::uint8_t>(2 * note.pitch + (louder_or_softer ? 1 : 0)));
      if (louder_or_softer) to.u8(note.velocity_class);
      to.varint(static_cast<std::uint64_t>(note.duration.count()));
      before = note.onset;
      velocity = note.velocity_class;
    }
  }
}

Result<GridScore> decode_grid(std::span<const std::uint8_t> bytes) {
  ByteReader from(bytes);
  const int version = from.u8();
  if (version != kGridCodecVersion) {
    return fail("grid score: version {}, this program reads version {}", version,
                kGridCodecVersion);
  }
  GridScore score;
  score.has_upbeat = from.u8() != 0;
  HEMIOLA_TRY(score.bars, read_bars(from));
  const std::uint64_t tracks = from.varint();
  if (tracks > kMaxTracks) return fail("grid score: {} tracks, at most {}", tracks, kMaxTracks);
  for (std::uint64_t i = 0; i < tracks; ++i) {
    HEMIOLA_TRY(GridTrack track, read_track(from));
    score.tracks.push_back(std::move(track));
  }
  if (!from.ok()) return fail("grid score: ends early, at byte {}", bytes.size());
  if (from.remaining() != 0) {
    return fail("grid score: {} bytes too many after byte {}", from.remaining(), from.position());
  }
  HEMIOLA_CHECK(validate(score));
  return score;
}

}  // namespace hemiola::data
