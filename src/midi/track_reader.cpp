#include "midi/track_reader.h"

#include <algorithm>

namespace hemiola::midi {
namespace {

constexpr EventKind channel_kind(unsigned status) {
  return static_cast<EventKind>((status >> 4) - 8);
}

constexpr unsigned status_of(const Event& event) {
  return (static_cast<unsigned>(event.kind) + 8) << 4 | event.channel;
}

constexpr std::int64_t kLongestDelta = 0x0fffffff;
constexpr int kNever = 1000;

}  // namespace

bool TrackReader::read(const TrackBytes& bytes, Track& track) {
  events_ = &track.events;
  pos_ = bytes.begin;
  limit_ = bytes.limit;
  furthest_ = bytes.furthest;
  file_end_ = bytes.file_end;
  delta_lost_ = left_out_ = ended_ = false;
  now_ = 0;
  running_ = last_status_ = 0;
  seen_.reset();
  events_seen_ = 0;
  // Most events take four bytes; where they are shorter, the vector grows.
  events_->reserve(static_cast<std::size_t>(limit_ - pos_) / 4 + 1);
  while (!ended_) {
    if (!delta_lost_ && !left_out_) fast_events();
    if (!careful_event()) return false;
  }
  return true;
}

// Events left out keep their time; but no more of it than a delta time can say.
Event& TrackReader::push(EventKind kind) {
  const std::int64_t last = events_->empty() ? 0 : events_->back().at.count();
  now_ = std::min(now_, last + kLongestDelta);
  Event& event = events_->emplace_back();
  event.at = Tick(now_);
  event.kind = kind;
  return event;
}

void TrackReader::push_payload(EventKind kind, unsigned data1, const Byte* from, std::size_t size) {
  Event& event = push(kind);
  event.data1 = static_cast<Byte>(data1);
  event.payload_begin = static_cast<std::uint32_t>(file_.payload.size());
  event.payload_size = static_cast<std::uint32_t>(size);
  file_.payload.insert(file_.payload.end(), from, from + size);
}

// Reads on while events are channel messages with nothing wrong in them. The next one is for
// careful_event().
void TrackReader::fast_events() {
  const Byte* p = pos_;
  const Byte* const end = limit_;
  std::int64_t now = now_;
  unsigned running = running_;
  // The longest such event: four bytes of time, a status, two data bytes.
  while (end - p >= 7) {
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
    if (status - 0x80u >= 0x70u) break;  // a system message, or no running status (0)
    Event event;
    event.data1 = *q++;
    if (data_bytes(status) == 2) event.data2 = *q++;
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
  running_ = running;
  if (running != 0) last_status_ = running;
}

int TrackReader::doubt_at(const Byte* p, unsigned running, bool with_delta) {
  if (lookaheads_left_ == 0) return kNever;
  --lookaheads_left_;
  for (; events_seen_ < events_->size(); ++events_seen_) {
    const Event& event = (*events_)[events_seen_];
    if (event.kind < EventKind::kSysEx) seen_.set(status_of(event));
  }
  const Lookahead ahead{furthest_, file_end_, &seen_};
  return with_delta ? doubt(p, running, ahead) : doubt_after_delta(p, running, ahead);
}

// Reads the event at pos_ with every check. Where more of the track is found or bytes are passed
// over, it only moves on.
bool TrackReader::careful_event() {
  if (pos_ >= limit_) return at_end();
  const Byte* p = pos_;
  Varlen time{0, 1};
  if (!delta_lost_) {
    time = read_varlen(p, limit_);
    p += time.size;
    if (time.size == 0 || p >= limit_) return at_end();
  }
  unsigned status = *p;
  const Byte* after = p;
  if (status & 0x80) {
    ++after;
  } else {
    status = running_ != 0 ? running_ : last_status_;
    if (status == 0) return find_next_event();
    if (running_ == 0) {
      if (doubt_at(p, status, false) > kPlausible) return find_next_event();
      if (!mender_.mend(RepairKind::kRunningStatus, p,
                        "running status after a meta or system event; {:#04x} taken on", status)) {
        return false;
      }
      running_ = status;
    }
  }
  if (!time.good()) {
    if (doubt_at(p, running_, false) > kPlausible) return find_next_event();
    if (!mender_.mend(RepairKind::kDelta, pos_, "a delta time of {} bytes, taken as {}", time.size,
                      time.value)) {
      return false;
    }
  }

  const Byte* const event = pos_;
  const std::size_t count = events_->size();
  const std::int64_t before = now_;
  now_ += time.value;
  bool good = false;
  if (status < 0xf0) {
    good = channel_event(after, status);
  } else if (status == 0xf0 || status == 0xf7 || status == 0xff) {
    good = payload_event(after, status);
  } else {
    good = system_message(after, status);
  }
  left_out_ = events_->size() == count;
  // To be read again; or given up, and then a long time before it is not to be trusted.
  if (pos_ == event || (left_out_ && time.size > 2)) now_ = before;
  return good;
}

void TrackReader::move_to(const Byte* p, bool delta_lost) {
  pos_ = p;
  delta_lost_ = delta_lost;
}

bool TrackReader::channel_event(const Byte* p, unsigned status) {
  const int need = data_bytes(status);
  if (limit_ - p < need) return at_end();
  const Byte data[2] = {p[0], need == 2 ? p[1] : Byte{0}};
  if ((data[0] | data[1]) & 0x80 && !odd_data(p, status)) return false;
  if ((data[0] | data[1]) & 0x80 && pos_ != p + need) return true;
  Event& event = push(channel_kind(status));
  event.channel = static_cast<Byte>(status & 0x0f);
  event.data1 = std::min<Byte>(data[0], 0x7f);
  event.data2 = std::min<Byte>(data[1], 0x7f);
  running_ = last_status_ = status;
  move_to(p + need);
  return true;
}

// A data byte of 128 or more is a value too large; or the message is cut off and the byte is the
// status of the next, or its delta time. Takes what makes most sense of the bytes after it. With
// pos_ behind the data, the message is to be kept.
bool TrackReader::odd_data(const Byte* p, unsigned status) {
  const Byte* const odd = p[0] & 0x80 ? p : p + 1;
  const Byte* const behind = p + data_bytes(status);
  seen_.set(status);
  const int as_value = doubt_at(behind, status, true);
  const int as_status = doubt_at(odd, 0, false) + 1;
  const int as_delta = doubt_at(odd, 0, true) + 3;
  const int least = std::min({as_value, as_status, as_delta});
  if (least > kPlausible) return find_next_event();
  if (least == as_value) {
    move_to(behind);
    return mender_.mend(RepairKind::kDataByte, odd, "a data byte of {}, taken as 127", *odd);
  }
  move_to(odd, least == as_status);
  return mender_.mend(RepairKind::kDataByte, odd,
                      "a data byte of {}, taken as the next event; the message before left out",
                      *odd);
}

// F1-F6 and F8-FE may not stand in a file by themselves, but in an escape; so one is made of them.
bool TrackReader::system_message(const Byte* p, unsigned status) {
  const Byte* const where = p - 1;
  for (int want = system_bytes(status); want > 0 && p < limit_ && !(*p & 0x80); --want) ++p;
  const unsigned running = status < 0xf8 ? 0 : running_;
  if (doubt_at(p, running, true) > kPlausible) return find_next_event();
  if (!mender_.mend(RepairKind::kSystemMessage, where,
                    "a system message {:#04x}, put into an escape", status)) {
    return false;
  }
  push_payload(EventKind::kEscape, 0, where, static_cast<std::size_t>(p - where));
  running_ = running;
  move_to(p);
  return true;
}

// A system-exclusive message, an escape or a meta event.
bool TrackReader::payload_event(const Byte* p, unsigned status) {
  const Byte* const where = p - 1;
  unsigned type = 0;
  if (status == 0xff) {
    if (p >= limit_) return at_end();
    type = *p++;
  }
  const Varlen size = read_varlen(p, limit_);
  p += size.size;
  if (size.size == 0 || size.value > limit_ - p) {
    return limit_ < furthest_ ? at_end() : find_next_event();
  }
  if (!size.good() && !mender_.mend(RepairKind::kDelta, where, "a length of {} bytes, taken as {}",
                                    size.size, size.value)) {
    return false;
  }
  const EventKind kind = status == 0xff   ? EventKind::kMeta
                         : status == 0xf0 ? EventKind::kSysEx
                                          : EventKind::kEscape;
  push_payload(kind, type, p, size.value);
  running_ = 0;
  move_to(p + size.value);
  if (kind != EventKind::kMeta) return true;
  ended_ = type == meta::kEndOfTrack;
  return check_meta(events_->back(), where);
}

// Size and values of the meta events that RP-001 defines. What is odd stays as it is.
bool TrackReader::check_meta(const Event& event, const Byte* where) {
  const auto data = file_.payload_of(event);
  const unsigned type = event.data1;
  if (type >= 0x80) {
    return mender_.mend(RepairKind::kMetaValue, where, "a meta event of type {}, expected 0-127",
                        type);
  }
  const int size = meta_size(type);
  if (size < 0) return true;
  if (data.size() != static_cast<std::size_t>(size)) {
    return mender_.mend(RepairKind::kMetaValue, where,
                        "a meta event {:#04x} of {} bytes, expected {}", type, data.size(), size);
  }
  bool good = true;
  switch (type) {
    case 0x20:  // channel prefix
      good = data[0] < 16;
      break;
    case meta::kTempo:
      good = (data[0] | data[1] | data[2]) != 0;
      break;
    case 0x54:  // SMPTE offset: frame rate in bits 5-6 of the hours
      good = (data[0] & 0x1f) < 24 && data[0] < 0x80 && data[1] < 60 && data[2] < 60 &&
             data[3] < 30 && data[4] < 100;
      break;
    case meta::kKeySignature:
      good = (data[0] <= 7 || data[0] >= 0xf9) && data[1] <= 1;
      break;
    default:
      break;
  }
  return good || mender_.mend(RepairKind::kMetaValue, where,
                              "a meta event {:#04x} with a value out of range", type);
}

// How an event might begin at a place after damage: with a status, its delta time lost, or with a
// delta time.
TrackReader::Start TrackReader::start_at(const Byte* p) {
  const int as_status = *p & 0x80 ? doubt_at(p, 0, false) : kNever;
  const int as_delta = doubt_at(p, 0, true);
  return {p, std::min(as_status, as_delta), as_status <= as_delta};
}

// The event at pos_ makes no sense: moves on to the first place that does, or ends the track.
bool TrackReader::find_next_event() {
  const Byte* const event = pos_;
  // With its delta time it was tried already.
  if (*event & 0x80 && !delta_lost_ && doubt_at(event, 0, false) <= kCertain) {
    move_to(event, true);
    running_ = last_status_ = 0;
    return mender_.mend(RepairKind::kDelta, event, "an event without a delta time, taken as 0");
  }
  for (const Byte* p = event + 1; p < furthest_; ++p) {
    Start best = start_at(p);
    if (best.doubt > kCertain) continue;
    // An event has more than two bytes, so that what begins just behind is another reading of it.
    for (const Byte* q = p + 1; q < furthest_ && q <= p + 2; ++q) {
      const Start other = start_at(q);
      if (other.doubt < best.doubt) best = other;
    }
    move_to(best.p, best.delta_lost);
    running_ = last_status_ = 0;
    limit_ = std::max(limit_, std::min(best.p + 1, furthest_));
    return mender_.mend(RepairKind::kDamage, event, "{} bytes that make no sense left out",
                        best.p - event);
  }
  return at_end();
}

// The track's bytes end before the event at pos_ does.
bool TrackReader::at_end() {
  if (limit_ < furthest_) {
    limit_ = furthest_;  // the declared length was too short
    return true;
  }
  if (pos_ < limit_ && !mender_.mend(RepairKind::kCutEvent, pos_,
                                     "{} bytes at the end of the track that make no event left out",
                                     limit_ - pos_)) {
    return false;
  }
  if (!mender_.mend(RepairKind::kNoEndOfTrack, limit_, "no end of track; added")) return false;
  move_to(limit_);
  push(EventKind::kMeta).data1 = meta::kEndOfTrack;
  ended_ = true;
  return true;
}

}  // namespace hemiola::midi
