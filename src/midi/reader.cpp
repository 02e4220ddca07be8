#include "midi/reader.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

namespace hemiola::midi {
namespace {

using Byte = std::uint8_t;

constexpr std::size_t kChunkHeader = 8;
constexpr std::size_t kHeaderSize = 14;
constexpr int kAssumedDivision = 480;

std::uint32_t big16(const Byte* p) { return static_cast<std::uint32_t>(p[0] << 8 | p[1]); }
std::uint32_t big32(const Byte* p) { return big16(p) << 16 | big16(p + 2); }
std::uint32_t little32(const Byte* p) {
  return static_cast<std::uint32_t>(p[3]) << 24 | static_cast<std::uint32_t>(p[2]) << 16 |
         static_cast<std::uint32_t>(p[1]) << 8 | p[0];
}

bool is_name(const Byte* p, std::string_view name) {
  return std::memcmp(p, name.data(), name.size()) == 0;
}

// A chunk's name is four printable characters.
bool is_printable(const Byte* p) {
  return std::all_of(p, p + 4, [](Byte c) { return c >= 0x20 && c < 0x7f; });
}

const Byte* find_name(const Byte* from, const Byte* end, std::string_view name) {
  if (from >= end) return nullptr;
  return static_cast<const Byte*>(
      memmem(from, static_cast<std::size_t>(end - from), name.data(), name.size()));
}

// Data bytes after the status of a channel message.
constexpr std::ptrdiff_t data_bytes(unsigned status) { return (status & 0xe0) == 0xc0 ? 1 : 2; }

constexpr EventKind channel_kind(unsigned status) {
  return static_cast<EventKind>((status >> 4) - 8);
}

// Reads one file. Pointers run over the input; each only moves forward, so that time is linear:
// where a search looks ahead, its result is kept until the reading has passed it.
class Reader {
 public:
  Reader(std::span<const Byte> bytes, const ReadOptions& options)
      : base_(bytes.data()), pos_(base_), end_(base_ + bytes.size()), options_(options) {}

  Result<File> read() {
    if (!unwrap() || !header() || !chunks()) return fail(std::move(error_));
    if (options_.strict && file_.repair_count() > 0) return fail(std::move(error_));
    return std::move(file_);
  }

 private:
  // Notes a repair. False when it must not be made: reading is strict, and `error_` is set.
  template <class... Args>
  bool mend(RepairKind kind, const Byte* where, fmt::format_string<Args...> format,
            Args&&... args) {
    const auto offset = static_cast<std::size_t>(where - base_);
    ++file_.repair_counts[static_cast<std::size_t>(kind)];
    if (options_.strict) {
      auto what = fmt::format(format, std::forward<Args>(args)...);
      error_ = {track_ < 0 ? fmt::format("byte {}: {}", offset, what)
                           : fmt::format("byte {} (track {}): {}", offset, track_ + 1, what)};
      return false;
    }
    if (file_.repairs.size() < options_.limits.repairs_kept) {
      file_.repairs.push_back(
          {kind, offset, track_, fmt::format(format, std::forward<Args>(args)...)});
    }
    return true;
  }

  template <class... Args>
  bool refuse(const Byte* where, fmt::format_string<Args...> format, Args&&... args) {
    error_ = {fmt::format("byte {}: {}", where - base_,
                          fmt::format(format, std::forward<Args>(args)...))};
    return false;
  }

  std::size_t left(const Byte* p) const { return static_cast<std::size_t>(end_ - p); }

  bool unwrap();
  bool find_header();
  bool header();
  bool chunks();
  bool chunk();

  bool chunk_follows(const Byte* p) const;
  const Byte* next_track(const Byte* from);

  bool track(std::size_t declared);
  bool fast_events();
  bool careful_event();
  bool channel_event(const Byte* p, unsigned status);
  bool system_event(const Byte* p, unsigned status);
  bool payload_event(const Byte* p, unsigned status);
  bool check_meta(const Event& event, const Byte* where);
  bool at_end(const Byte* event);
  void finish_track();

  enum class Varlen { kGood, kCut, kTooLong };
  Varlen varlen(const Byte*& p, std::uint32_t& value) const;

  Event& push(EventKind kind) {
    Event& event = events_->emplace_back();
    event.at = Tick(now_);
    event.kind = kind;
    return event;
  }
  void push_payload(EventKind kind, unsigned data1, const Byte* from, std::size_t size) {
    Event& event = push(kind);
    event.data1 = static_cast<Byte>(data1);
    event.payload_begin = static_cast<std::uint32_t>(file_.payload.size());
    event.payload_size = static_cast<std::uint32_t>(size);
    file_.payload.insert(file_.payload.end(), from, from + size);
  }

  const Byte* base_;
  const Byte* pos_;
  const Byte* end_;
  const ReadOptions& options_;
  File file_;
  Error error_;
  std::size_t declared_tracks_ = 0;
  bool track_count_known_ = false;
  const Byte* track_name_ = nullptr;  // the last "MTrk" that next_track() found; end_ if none
  int track_ = -1;

  // The track being read.
  std::vector<Event>* events_ = nullptr;
  const Byte* limit_ = nullptr;  // where its bytes end, as far as is known
  bool extendable_ = false;      // no chunk follows at limit_: its declared length may be wrong
  bool done_ = false;
  bool ended_ = false;  // by an end of track
  std::int64_t now_ = 0;
  unsigned running_ = 0;      // the status that a data byte continues; 0 if none
  unsigned last_status_ = 0;  // the last channel status of the track
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
        return mend(RepairKind::kRiff, p + 4, "RIFF data of {} bytes, but only {} are left", size,
                    rest);
      }
      end_ = pos_ + size;
      return true;
    }
    if (size > rest) break;
    p += kChunkHeader + std::min(size + (size & 1), rest);
  }
  return mend(RepairKind::kRiff, p, "no \"data\" chunk in the RIFF file");
}

// Moves pos_ to the header, or to the first track where there is no header.
bool Reader::find_header() {
  if (left(pos_) >= 4 && is_name(pos_, "MThd")) return true;
  constexpr std::string_view kWhole("MThd\0\0\0\6", 8);
  if (const Byte* found = find_name(pos_, end_, kWhole)) {
    if (!mend(RepairKind::kJunkBefore, pos_, "{} bytes before the header \"MThd\"", found - pos_)) {
      return false;
    }
    pos_ = found;
    return true;
  }
  if (left(pos_) >= kChunkHeader && is_name(pos_, "MTrk")) {
    return mend(RepairKind::kNoHeader, pos_,
                "no header \"MThd\" before the first track; {} ticks a quarter note assumed",
                kAssumedDivision);
  }
  return refuse(pos_, "no header \"MThd\": not a MIDI file");
}

bool Reader::header() {
  if (!find_header()) return false;
  file_.division.ticks_per_quarter = kAssumedDivision;
  if (is_name(pos_, "MTrk")) return true;
  const Byte* head = pos_;
  if (left(head) < kHeaderSize) {
    return refuse(head, "the header needs {} bytes, but only {} are left", kHeaderSize, left(head));
  }
  std::size_t size = big32(head + 4);
  if (size < 6 || size > left(head) - kChunkHeader) {
    const bool track_follows = left(head) >= kHeaderSize + 4 && is_name(head + kHeaderSize, "MTrk");
    if (!track_follows) {
      return refuse(head + 4, "a header of {} bytes, expected 6, and no track after it", size);
    }
    if (!mend(RepairKind::kHeader, head + 4, "a header of {} bytes, taken as 6", size)) {
      return false;
    }
    size = 6;
  }
  pos_ = head + kChunkHeader + size;
  const unsigned format = big16(head + 8);
  declared_tracks_ = big16(head + 10);
  track_count_known_ = true;
  file_.format = static_cast<int>(format);
  if (format > 2) {
    file_.format = declared_tracks_ == 1 ? 0 : 1;
    if (!mend(RepairKind::kHeader, head + 8, "format {}, taken as {}", format, file_.format)) {
      return false;
    }
  }
  const unsigned division = big16(head + 12);
  if (division & 0x8000) {
    file_.division.ticks_per_quarter = 0;
    file_.division.smpte_frames = static_cast<Byte>(256 - (division >> 8));
    file_.division.ticks_per_frame = static_cast<Byte>(division & 0xff);
    const unsigned frames = file_.division.smpte_frames;
    if (frames != 24 && frames != 25 && frames != 29 && frames != 30 &&
        !mend(RepairKind::kHeader, head + 12, "{} SMPTE frames a second, kept", frames)) {
      return false;
    }
    if (file_.division.ticks_per_frame == 0) {
      file_.division.ticks_per_frame = 40;
      return mend(RepairKind::kHeader, head + 13, "0 ticks a SMPTE frame, taken as 40");
    }
  } else {
    file_.division.ticks_per_quarter = static_cast<std::uint16_t>(division);
    if (division == 0) {
      file_.division.ticks_per_quarter = kAssumedDivision;
      return mend(RepairKind::kHeader, head + 12, "0 ticks a quarter note, taken as {}",
                  kAssumedDivision);
    }
  }
  return true;
}

bool Reader::chunks() {
  while (pos_ < end_ && !done_) {
    if (!chunk()) return false;
  }
  track_ = -1;
  if (track_count_known_ && declared_tracks_ != file_.tracks.size() &&
      !mend(RepairKind::kTrackCount, base_, "{} tracks declared, {} found", declared_tracks_,
            file_.tracks.size())) {
    return false;
  }
  if (file_.format == 0 && file_.tracks.size() > 1) {
    file_.format = 1;
    return mend(RepairKind::kTrackCount, base_, "format 0 with {} tracks, taken as format 1",
                file_.tracks.size());
  }
  return true;
}

// Reads or passes over one chunk at pos_.
bool Reader::chunk() {
  track_ = -1;
  const Byte* p = pos_;
  const std::size_t rest = left(p);
  if (rest >= kChunkHeader) {
    const std::size_t size = big32(p + 4);
    if (is_name(p, "MTrk")) return track(size);
    if (is_name(p, "MThd")) {
      done_ = true;
      return mend(RepairKind::kChunk, p, "a second header; the {} bytes from it on are left out",
                  rest);
    }
    const int alike = (p[0] == 'M') + (p[1] == 'T') + (p[2] == 'r') + (p[3] == 'k');
    if (alike == 3 && file_.tracks.size() < declared_tracks_) {
      return mend(RepairKind::kChunk, p, "a misspelt \"MTrk\", taken as a track") && track(size);
    }
    if (is_printable(p) && size <= rest - kChunkHeader) {
      Chunk alien;
      std::memcpy(alien.id.data(), p, 4);
      alien.before_track = static_cast<std::uint32_t>(file_.tracks.size());
      alien.payload_begin = static_cast<std::uint32_t>(file_.payload.size());
      alien.payload_size = static_cast<std::uint32_t>(size);
      file_.payload.insert(file_.payload.end(), p + kChunkHeader, p + kChunkHeader + size);
      file_.chunks.push_back(alien);
      pos_ = p + kChunkHeader + size;
      return true;
    }
  }
  pos_ = next_track(p);
  return mend(RepairKind::kChunk, p, "{} bytes that are no chunk left out", pos_ - p);
}

// Whether the bytes at p can be the start of a chunk, or the end of the file.
bool Reader::chunk_follows(const Byte* p) const {
  if (p == end_) return true;
  const std::size_t rest = left(p);
  if (rest < kChunkHeader) return false;
  if (is_name(p, "MTrk")) return true;
  return is_printable(p) && big32(p + 4) <= rest - kChunkHeader;
}

// The next "MTrk" at or after `from`, or the end.
const Byte* Reader::next_track(const Byte* from) {
  if (track_name_ == nullptr || track_name_ < from) {
    track_name_ = find_name(from, end_, "MTrk");
    if (track_name_ == nullptr || left(track_name_) < kChunkHeader) track_name_ = end_;
  }
  return track_name_;
}

bool Reader::track(std::size_t declared) {
  if (file_.tracks.size() >= options_.limits.tracks) {
    return refuse(pos_, "more than {} tracks", options_.limits.tracks);
  }
  const Byte* head = pos_;
  const Byte* begin = head + kChunkHeader;
  track_ = static_cast<int>(file_.tracks.size());
  events_ = &file_.tracks.emplace_back().events;
  now_ = 0;
  running_ = last_status_ = 0;
  ended_ = false;

  limit_ = begin + std::min(declared, left(begin));
  extendable_ = declared > left(begin) || !chunk_follows(limit_);
  if (extendable_) limit_ = std::min(limit_, next_track(begin));
  // Most events are of four bytes; where they are shorter, the vector grows.
  events_->reserve(static_cast<std::size_t>(limit_ - begin) / 4 + 4);

  pos_ = begin;
  while (!ended_) {
    if (!fast_events() || !careful_event()) return false;
  }
  const auto found = static_cast<std::size_t>(pos_ - begin);
  if (found == declared) return true;

  const Byte* declared_end = begin + std::min(declared, left(begin));
  if (found > declared || declared > left(begin) || pos_ == end_ ||
      next_track(pos_) < declared_end) {
    // Too short, cut, or reaching into the next track.
    if (next_track(pos_) != pos_ && pos_ < declared_end) {
      if (!mend(RepairKind::kAfterEndOfTrack, pos_, "{} bytes after the end of track left out",
                next_track(pos_) - pos_)) {
        return false;
      }
      pos_ = next_track(pos_);
    }
    return mend(RepairKind::kTrackLength, head + 4, "a track of {} bytes declared, {} found",
                declared, found);
  }
  const Byte* rest = std::exchange(pos_, declared_end);
  return mend(RepairKind::kAfterEndOfTrack, rest, "{} bytes after the end of track left out",
              declared_end - rest);
}

// Reads on while events are channel messages with nothing wrong in them; leaves pos_ at the first
// that is not, which is for careful_event().
bool Reader::fast_events() {
  const Byte* p = pos_;
  const Byte* const end = limit_;
  std::int64_t now = now_;
  unsigned running = running_;
  // Longest event: four bytes of time, a status, two data bytes.
  while (end - p >= 8) {
    const Byte* q = p;
    std::uint32_t delta = *q++;
    if (delta & 0x80) {
      delta &= 0x7f;
      int more = 3;
      Byte next;
      do {
        next = *q++;
        delta = delta << 7 | (next & 0x7fu);
      } while (next & 0x80 && --more);
      if (next & 0x80) break;
    }
    unsigned status = *q;
    if (status & 0x80) {
      ++q;
    } else {
      status = running;
    }
    // Neither 0 (no running status) nor a system message.
    if (status - 0x80u >= 0x70u) break;
    Event event;
    event.data1 = *q++;
    if ((status & 0xe0) != 0xc0) event.data2 = *q++;
    if ((event.data1 | event.data2) & 0x80) break;
    now += delta;
    event.at = Tick(now);
    event.kind = channel_kind(status);
    event.channel = static_cast<Byte>(status & 0x0f);
    events_->push_back(event);
    running = status;
    p = q;
  }
  pos_ = p;
  now_ = now;
  if (running != 0) last_status_ = running;
  running_ = running;
  return true;
}

// A number of up to four bytes; more are read so that what follows is found.
Reader::Varlen Reader::varlen(const Byte*& p, std::uint32_t& value) const {
  std::uint64_t number = 0;
  for (int i = 0; i < 10; ++i) {
    if (p >= limit_) return Varlen::kCut;
    const Byte byte = *p++;
    number = number << 7 | (byte & 0x7fu);
    if (!(byte & 0x80)) {
      const bool good = i < 4;
      value = number <= 0x0fffffff ? static_cast<std::uint32_t>(number) : 0;
      return good ? Varlen::kGood : Varlen::kTooLong;
    }
  }
  value = 0;
  return Varlen::kTooLong;
}

// The track's bytes end before the event that begins at `event` does (or where it would begin).
bool Reader::at_end(const Byte* event) {
  if (extendable_ && limit_ < end_ && limit_ != next_track(event)) {
    // The declared length was too short: go on to the next track.
    limit_ = next_track(event);
    return true;
  }
  if (event < limit_ &&
      !mend(RepairKind::kCutEvent, event, "an event runs past the end of its track; left out")) {
    return false;
  }
  if (!mend(RepairKind::kNoEndOfTrack, limit_, "no end of track; added")) return false;
  pos_ = limit_;
  finish_track();
  return true;
}

void Reader::finish_track() {
  push(EventKind::kMeta).data1 = meta::kEndOfTrack;
  ended_ = true;
}

// Reads the event at pos_ with every check, or ends the track.
bool Reader::careful_event() {
  const Byte* p = pos_;
  std::uint32_t delta = 0;
  const Varlen time = varlen(p, delta);
  if (time == Varlen::kCut || p >= limit_) return at_end(pos_);
  unsigned status = *p;
  if (status & 0x80) {
    ++p;
  } else if (running_ != 0) {
    status = running_;
  } else if (last_status_ != 0) {
    if (!mend(RepairKind::kRunningStatus, p,
              "running status after a meta or system event; {:#04x} taken on", last_status_)) {
      return false;
    }
    status = last_status_;
  } else {
    if (!mend(RepairKind::kRunningStatus, p, "a data byte without a status; left out")) {
      return false;
    }
    pos_ = p + 1;
    return true;
  }
  if (time == Varlen::kTooLong &&
      !mend(RepairKind::kDelta, pos_, "a delta time of more than four bytes, taken as {}", delta)) {
    return false;
  }
  const std::int64_t before = std::exchange(now_, now_ + delta);
  const Byte* event = pos_;
  const bool good = status < 0xf0                                        ? channel_event(p, status)
                    : status == 0xf0 || status == 0xf7 || status == 0xff ? payload_event(p, status)
                                                                         : system_event(p, status);
  if (good && pos_ == event) now_ = before;  // more room was found; the event is read again
  return good;
}

bool Reader::channel_event(const Byte* p, unsigned status) {
  const auto need = data_bytes(status);
  if (limit_ - p < need) return at_end(pos_);
  Byte data[2] = {p[0], need == 2 ? p[1] : Byte{0}};
  for (Byte& byte : data) {
    if (!(byte & 0x80)) continue;
    if (!mend(RepairKind::kDataByte, p, "a data byte of {}, taken as 127", byte)) return false;
    byte = 0x7f;
  }
  Event& event = push(channel_kind(status));
  event.channel = static_cast<Byte>(status & 0x0f);
  event.data1 = data[0];
  event.data2 = data[1];
  running_ = last_status_ = status;
  pos_ = p + need;
  return true;
}

// F1-F6 and F8-FE may not stand in a file by themselves, but in an escape; so one is made of them.
bool Reader::system_event(const Byte* p, unsigned status) {
  const std::ptrdiff_t want = status == 0xf2 ? 2 : status == 0xf1 || status == 0xf3 ? 1 : 0;
  const Byte* q = p;
  while (q - p < want && q < limit_ && !(*q & 0x80)) ++q;
  if (!mend(RepairKind::kSystemMessage, p - 1, "a system message {:#04x}, put into an escape",
            status)) {
    return false;
  }
  push_payload(EventKind::kEscape, 0, p - 1, static_cast<std::size_t>(q - p) + 1);
  if (status < 0xf8) running_ = 0;
  pos_ = q;
  return true;
}

// A system-exclusive message, an escape or a meta event.
bool Reader::payload_event(const Byte* p, unsigned status) {
  const Byte* where = p - 1;
  unsigned type = 0;
  if (status == 0xff) {
    if (p >= limit_) return at_end(pos_);
    type = *p++;
  }
  std::uint32_t size = 0;
  const Varlen length = varlen(p, size);
  if (length == Varlen::kCut || size > static_cast<std::size_t>(limit_ - p)) return at_end(pos_);
  if (length == Varlen::kTooLong &&
      !mend(RepairKind::kDelta, where, "a length of more than four bytes, taken as {}", size)) {
    return false;
  }
  const EventKind kind = status == 0xff   ? EventKind::kMeta
                         : status == 0xf0 ? EventKind::kSysEx
                                          : EventKind::kEscape;
  push_payload(kind, type, p, size);
  running_ = 0;
  pos_ = p + size;
  if (kind != EventKind::kMeta) return true;
  ended_ = type == meta::kEndOfTrack;
  return check_meta(events_->back(), where);
}

// Size and values of the meta events that RP-001 defines. What is odd stays as it is.
bool Reader::check_meta(const Event& event, const Byte* where) {
  const auto data = file_.payload_of(event);
  struct Rule {
    unsigned type;
    std::size_t size;
  };
  static constexpr Rule kRules[] = {{0x00, 2}, {0x20, 1}, {0x21, 1}, {0x2f, 0},
                                    {0x51, 3}, {0x54, 5}, {0x58, 4}, {0x59, 2}};
  const unsigned type = event.data1;
  if (type >= 0x80) {
    return mend(RepairKind::kMetaValue, where, "a meta event of type {}, expected 0-127", type);
  }
  for (const Rule& rule : kRules) {
    if (rule.type != type || rule.size == data.size()) continue;
    return mend(RepairKind::kMetaValue, where, "a meta event {:#04x} of {} bytes, expected {}",
                type, data.size(), rule.size);
  }
  bool good = true;
  switch (type) {
    case 0x20:
      good = data[0] < 16;
      break;
    case meta::kTempo:
      good = (data[0] | data[1] | data[2]) != 0;
      break;
    case 0x54:
      good = (data[0] & 0x1f) < 24 && data[0] < 0x80 && data[1] < 60 && data[2] < 60 &&
             data[3] < 30 && data[4] < 100;
      break;
    case meta::kKeySignature:
      good = static_cast<std::int8_t>(data[0]) >= -7 && static_cast<std::int8_t>(data[0]) <= 7 &&
             data[1] <= 1;
      break;
    default:
      break;
  }
  return good || mend(RepairKind::kMetaValue, where,
                      "a meta event {:#04x} with a value out of range", type);
}

}  // namespace

Result<File> read(std::span<const std::uint8_t> bytes, const ReadOptions& options) {
  const std::size_t limit = std::min<std::size_t>(options.limits.bytes, 0xffffffffu);
  if (bytes.size() > limit) {
    return fail("{} bytes, more than the limit of {}", bytes.size(), limit);
  }
  return Reader(bytes, options).read();
}

Result<File> read(const Path& path, const ReadOptions& options) {
  HEMIOLA_TRY(const auto bytes, read_file(path, options.limits.bytes));
  auto file = read(bytes, options);
  if (!file) return fail(std::move(file.error()).within(path.string()));
  return file;
}

}  // namespace hemiola::midi
