#include "midi/reader.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>

#include "midi/bytes.h"
#include "midi/mender.h"
#include "midi/track_reader.h"

namespace hemiola::midi {
namespace {

constexpr std::size_t kHeaderSize = 14;
constexpr int kAssumedDivision = 480;
constexpr int kAssumedTicksPerFrame = 40;

// Reads one file: what wraps it, its header, and chunk after chunk.
class Reader {
 public:
  Reader(std::span<const Byte> bytes, const ReadOptions& options)
      : base_(bytes.data()),
        pos_(base_),
        end_(base_ + bytes.size()),
        options_(options),
        mender_(base_, options, file_),
        track_reader_(file_, mender_) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Result<File> read() {
    if (!unwrap() || !header() || !chunks()) return fail(mender_.take_error());
    return std::move(file_);
  }

 private:
  std::size_t left(const Byte* p) const { return static_cast<std::size_t>(end_ - p); }

  bool unwrap();
  bool find_header();
  bool header();
  bool division(const Byte* p);
  bool chunks();
  bool chunk();
  bool second_header();
  void keep(const Byte* p, std::size_t size);
  bool track(std::size_t declared);
  const Byte* next_track(const Byte* from);

  const Byte* base_;
  const Byte* pos_;
  const Byte* end_;
  const ReadOptions& options_;
  File file_;
  Mender mender_;
  TrackReader track_reader_;
  bool has_header_ = false;
  std::size_t declared_tracks_ = 0;
  bool done_ = false;
  const Byte* track_name_ = nullptr;  // what next_track() found last
};

// Steps into the "data" chunk of a RIFF file of type "RMID".
bool Reader::unwrap() {
  if (left(pos_) < 12 || !is_name(pos_, "RIFF") || !is_name(pos_ + 8, "RMID")) return true;
  const Byte* p = pos_ + 12;
  while (left(p) >= kChunkHeader) {
    const std::size_t size = little32(p + 4);
    const std::size_t rest = left(p) - kChunkHeader;
    if (is_name(p, "data")) {
      pos_ = p + kChunkHeader;
      if (size > rest) {
        return mender_.mend(RepairKind::kRiff, p + 4, "RIFF data of {} bytes, but only {} are left",
                            size, rest);
      }
      end_ = pos_ + size;
      return true;
    }
    if (size > rest) break;
    p += kChunkHeader + std::min(size + (size & 1), rest);
  }
  return mender_.mend(RepairKind::kRiff, p, "no \"data\" chunk in the RIFF file");
}

// Moves pos_ to the header, or to the first track where there is no header.
bool Reader::find_header() {
  if (left(pos_) >= 4 && is_name(pos_, "MThd")) return true;
  constexpr std::string_view kWhole("MThd\0\0\0\6", 8);
  if (const Byte* found = find_name(pos_, end_, kWhole)) {
    const auto before = found - pos_;
    return mender_.mend(RepairKind::kJunkBefore, std::exchange(pos_, found),
                        "{} bytes before the header \"MThd\"", before);
  }
  if (left(pos_) >= kHeaderSize + 4 && big32(pos_ + 4) == 6 &&
      is_name(pos_ + kHeaderSize, "MTrk")) {
    return mender_.mend(RepairKind::kHeader, pos_, "a misspelt \"MThd\", taken as the header");
  }
  for (const Byte* p = pos_; (p = find_name(p, end_, "MTrk")) != nullptr; ++p) {
    if (left(p) < kChunkHeader || big32(p + 4) > left(p) - kChunkHeader) continue;
    return mender_.mend(RepairKind::kNoHeader, std::exchange(pos_, p),
                        "no header \"MThd\" before the first track at byte {}; {} ticks a quarter "
                        "note assumed",
                        p - base_, kAssumedDivision);
  }
  return mender_.refuse(pos_, "no header \"MThd\" and no track: not a MIDI file");
}

bool Reader::header() {
  if (!find_header()) return false;
  file_.division.ticks_per_quarter = kAssumedDivision;
  if (is_name(pos_, "MTrk")) return true;
  const Byte* const head = pos_;
  if (left(head) < kHeaderSize) {
    return mender_.refuse(head, "a header of {} bytes, expected {}: the file is cut off",
                          left(head), kHeaderSize);
  }
  std::size_t size = big32(head + 4);
  const std::size_t rest = left(head) - kChunkHeader;
  if (size < 6 || size > rest || !chunk_follows(head + kChunkHeader + size, end_)) {
    const Byte* usual = head + kHeaderSize;
    if (size != 6 && left(usual) >= 4 && is_name(usual, "MTrk")) {
      if (!mender_.mend(RepairKind::kHeader, head + 4, "a header length of {}, taken as 6", size)) {
        return false;
      }
      size = 6;
    } else if (size < 6 || size > rest) {
      return mender_.refuse(head + 4, "a header length of {}, expected 6, and no track after it",
                            size);
    }
  }
  pos_ = head + kChunkHeader + size;
  has_header_ = true;
  file_.format = static_cast<int>(big16(head + 8));
  declared_tracks_ = big16(head + 10);
  if (file_.format > 2) {
    const int format = std::exchange(file_.format, declared_tracks_ == 1 ? 0 : 1);
    if (!mender_.mend(RepairKind::kHeader, head + 8, "format {}, taken as {}", format,
                      file_.format)) {
      return false;
    }
  }
  return division(head + 12);
}

bool Reader::division(const Byte* p) {
  const unsigned value = big16(p);
  Division& division = file_.division;
  if (!(value & 0x8000)) {
    division = {static_cast<std::uint16_t>(value), 0, 0};
    if (value != 0) return true;
    division.ticks_per_quarter = kAssumedDivision;
    return mender_.mend(RepairKind::kHeader, p, "0 ticks a quarter note, taken as {}",
                        kAssumedDivision);
  }
  const unsigned frames = 256 - (value >> 8);
  division = {0, static_cast<Byte>(frames), static_cast<Byte>(value & 0xff)};
  if (frames != 24 && frames != 25 && frames != 29 && frames != 30 &&
      !mender_.mend(RepairKind::kHeader, p, "{} SMPTE frames a second; kept", frames)) {
    return false;
  }
  if (division.ticks_per_frame != 0) return true;
  division.ticks_per_frame = kAssumedTicksPerFrame;
  return mender_.mend(RepairKind::kHeader, p + 1, "0 ticks a SMPTE frame, taken as {}",
                      kAssumedTicksPerFrame);
}

bool Reader::chunks() {
  while (pos_ < end_ && !done_) {
    mender_.set_track(-1);
    if (!chunk()) return false;
  }
  mender_.set_track(-1);
  const std::size_t found = file_.tracks.size();
  if (has_header_ && declared_tracks_ != found &&
      !mender_.mend(RepairKind::kTrackCount, base_, "{} tracks declared, {} found",
                    declared_tracks_, found)) {
    return false;
  }
  if (file_.format != 0 || found <= 1) return true;
  file_.format = 1;
  return mender_.mend(RepairKind::kTrackCount, base_, "format 0 with {} tracks, taken as format 1",
                      found);
}

// Reads or passes over one chunk at pos_.
bool Reader::chunk() {
  const Byte* const p = pos_;
  const std::size_t rest = left(p);
  const bool all_found = has_header_ && file_.tracks.size() >= declared_tracks_;
  if (rest >= kChunkHeader) {
    const std::size_t size = big32(p + 4);
    if (is_name(p, "MTrk")) return track(size);
    if (is_name(p, "MThd")) return second_header();
    const int alike = (p[0] == 'M') + (p[1] == 'T') + (p[2] == 'r') + (p[3] == 'k');
    if (alike == 3) {
      return mender_.mend(RepairKind::kChunk, p, "a misspelt \"MTrk\", taken as a track") &&
             track(size);
    }
    if (is_printable(p) && size <= rest - kChunkHeader) {
      const Byte* const behind = p + kChunkHeader + size;
      // Not where it would swallow a track.
      if (chunk_follows(behind, end_) || next_track(p) >= behind) {
        keep(p, size);
        pos_ = behind;
        return true;
      }
    }
  }
  // Once all tracks are there, what looks like more of them in other bytes is a remnant.
  done_ = all_found;
  pos_ = all_found ? end_ : next_track(p);
  return mender_.mend(RepairKind::kChunk, p, "{} bytes that are no chunk left out", pos_ - p);
}

bool Reader::second_header() {
  const Byte* const p = pos_;
  if (file_.tracks.empty()) {
    return mender_.mend(RepairKind::kChunk, p, "a second header, taken instead of the first") &&
           header();
  }
  done_ = true;
  return mender_.mend(RepairKind::kChunk, p, "a second header; the {} bytes from there on left out",
                      left(p));
}

void Reader::keep(const Byte* p, std::size_t size) {
  Chunk& alien = file_.chunks.emplace_back();
  std::memcpy(alien.id.data(), p, alien.id.size());
  alien.before_track = static_cast<std::uint32_t>(file_.tracks.size());
  alien.payload_begin = static_cast<std::uint32_t>(file_.payload.size());
  alien.payload_size = static_cast<std::uint32_t>(size);
  p += kChunkHeader;
  file_.payload.insert(file_.payload.end(), p, p + size);
}

// The next "MTrk" at or after `from`, or the end. Calls come with rising `from`, so that the file
// is searched once.
const Byte* Reader::next_track(const Byte* from) {
  if (track_name_ == nullptr || track_name_ < from) {
    track_name_ = find_name(from, end_, "MTrk");
    if (track_name_ == nullptr || left(track_name_) < kChunkHeader) track_name_ = end_;
  }
  return track_name_;
}

// Reads the track whose name is at pos_.
bool Reader::track(std::size_t declared) {
  const std::size_t index = file_.tracks.size();
  if (index >= options_.limits.tracks) {
    return mender_.refuse(pos_, "more than the limit of {} tracks", options_.limits.tracks);
  }
  const Byte* const head = pos_;
  const Byte* const begin = head + kChunkHeader;
  const bool fits = declared <= left(begin);
  const Byte* const declared_end = fits ? begin + declared : end_;
  const bool trusted = fits && chunk_follows(declared_end, end_);
  const Byte* const furthest = trusted ? declared_end : next_track(begin);

  mender_.set_track(static_cast<int>(index));
  if (!track_reader_.read({begin, std::min(declared_end, furthest), furthest, end_},
                          file_.tracks.emplace_back())) {
    return false;
  }
  pos_ = track_reader_.end();
  if (fits && pos_ == declared_end) return true;
  if (fits && pos_ < declared_end && next_track(pos_) >= declared_end) {
    const Byte* const rest = std::exchange(pos_, declared_end);
    return mender_.mend(RepairKind::kAfterEndOfTrack, rest,
                        "{} bytes after the end of track left out", declared_end - rest);
  }
  return mender_.mend(RepairKind::kTrackLength, head + 4, "a track of {} bytes declared, {} found",
                      declared, pos_ - begin);
}

// Programs that rewrite line endings put a 13 before each 10, or a 10 after each 13. Takes out what
// was put in; nothing where the bytes cannot have been written so.
Bytes without_line_endings(std::span<const Byte> bytes, bool added_before) {
  Bytes result;
  result.reserve(bytes.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const bool pair = bytes[i] == '\r' && i + 1 < bytes.size() && bytes[i + 1] == '\n';
    if (pair) {
      result.push_back(added_before ? '\n' : '\r');
      ++i;
    } else if (bytes[i] == (added_before ? '\n' : '\r')) {
      return {};
    } else {
      result.push_back(bytes[i]);
    }
  }
  if (result.size() == bytes.size()) result.clear();
  return result;
}

bool is_damaged(const File& file) {
  return std::ranges::any_of(
      std::array{RepairKind::kChunk, RepairKind::kTrackLength, RepairKind::kDamage},
      [&](RepairKind kind) { return file.repair_counts[static_cast<std::size_t>(kind)] > 0; });
}

// Replaces a file read with damage by what is read without rewritten line endings, if that is
// better.
void mend_line_endings(std::span<const Byte> bytes, const ReadOptions& options, File& file) {
  for (const bool added_before : {true, false}) {
    const Bytes mended = without_line_endings(bytes, added_before);
    if (mended.empty()) continue;
    auto again = Reader(mended, options).read();
    if (!again || again->repair_count() + 1 >= file.repair_count()) continue;
    file = std::move(*again);
    ++file.repair_counts[static_cast<std::size_t>(RepairKind::kLineEndings)];
    file.repairs.insert(
        file.repairs.begin(),
        {RepairKind::kLineEndings, 0, -1,
         fmt::format("line endings rewritten: {} bytes taken out again; offsets are without them",
                     bytes.size() - mended.size())});
    if (file.repairs.size() > options.limits.repairs_kept) file.repairs.pop_back();
  }
}

}  // namespace

Result<File> read(std::span<const std::uint8_t> bytes, const ReadOptions& options) {
  const std::size_t limit = std::min<std::size_t>(options.limits.bytes, 0xffffffffu);
  if (bytes.size() > limit) {
    return fail("{} bytes, more than the limit of {}", bytes.size(), limit);
  }
  auto file = Reader(bytes, options).read();
  if (file && is_damaged(*file)) mend_line_endings(bytes, options, *file);
  return file;
}

Result<File> read(const Path& path, const ReadOptions& options) {
  HEMIOLA_TRY(const auto bytes, read_file(path, options.limits.bytes));
  auto file = read(bytes, options);
  if (!file) return fail(std::move(file.error()).within(path.string()));
  return file;
}

}  // namespace hemiola::midi
