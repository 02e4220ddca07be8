#include "midi/writer.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace hemiola::midi {
namespace {

constexpr std::int64_t kMaxVarlen = 0x0fffffff;
constexpr std::int64_t kMaxGap = std::int64_t{1} << 32;

bool has_payload(EventKind kind) { return kind >= EventKind::kSysEx; }

bool is_end(const Event& event) {
  return event.kind == EventKind::kMeta && event.data1 == meta::kEndOfTrack;
}

// A buffer that grows ahead of what is written, so that bytes go in without a check each.
class Output {
 public:
  void reserve_more(std::size_t n) {
    if (bytes_.size() - used_ < n) bytes_.resize(std::max(bytes_.size() * 2, used_ + n));
  }
  void put(unsigned value) { bytes_[used_++] = static_cast<std::uint8_t>(value); }
  void put16(std::size_t value) {
    put(static_cast<unsigned>(value >> 8 & 0xff));
    put(static_cast<unsigned>(value & 0xff));
  }
  void put32(std::size_t value) {
    put16(value >> 16 & 0xffff);
    put16(value & 0xffff);
  }
  void put_varlen(std::uint32_t value) {
    if (value >= 1u << 21) put(0x80u | (value >> 21 & 0x7f));
    if (value >= 1u << 14) put(0x80u | (value >> 14 & 0x7f));
    if (value >= 1u << 7) put(0x80u | (value >> 7 & 0x7f));
    put(value & 0x7f);
  }
  void put_all(std::span<const std::uint8_t> from) {
    if (from.empty()) return;
    std::memcpy(bytes_.data() + used_, from.data(), from.size());
    used_ += from.size();
  }
  void put_name(std::string_view name) {
    for (const char c : name) put(static_cast<std::uint8_t>(c));
  }
  std::size_t size() const { return used_; }
  void set32(std::size_t where, std::size_t value) {
    const std::size_t end = std::exchange(used_, where);
    put32(value);
    used_ = end;
  }
  Bytes take() {
    bytes_.resize(used_);
    return std::move(bytes_);
  }

 private:
  Bytes bytes_;
  std::size_t used_ = 0;
};

class Writer {
 public:
  Writer(const File& file, const WriteOptions& options) : file_(file), options_(options) {}

  Bytes write() {
    std::size_t guess = 14 + file_.payload.size() + file_.chunks.size() * 8;
    for (const Track& track : file_.tracks) guess += 16 + track.events.size() * 5;
    out_.reserve_more(guess);
    header();
    std::size_t chunk = 0;
    for (std::size_t i = 0; i < file_.tracks.size(); ++i) {
      for (; chunk < file_.chunks.size() && file_.chunks[chunk].before_track <= i; ++chunk) {
        alien(file_.chunks[chunk]);
      }
      track(file_.tracks[i]);
    }
    for (; chunk < file_.chunks.size(); ++chunk) alien(file_.chunks[chunk]);
    return out_.take();
  }

 private:
  // Up to two delta times of 5 bytes, a status, a type, a length and two data bytes.
  static constexpr std::size_t kEventBytes = 24;

  void header() {
    const bool several = file_.tracks.size() > 1;
    out_.reserve_more(14);
    out_.put_name("MThd");
    out_.put32(6);
    out_.put16(file_.format == 0 && several ? 1u : static_cast<std::size_t>(file_.format & 0xffff));
    out_.put16(std::min<std::size_t>(file_.tracks.size(), 0xffff));
    if (file_.division.is_smpte()) {
      out_.put(0x100u - std::min<unsigned>(file_.division.smpte_frames, 128));
      out_.put(file_.division.ticks_per_frame);
    } else {
      out_.put16(file_.division.ticks_per_quarter & 0x7fffu);
    }
  }

  void alien(const Chunk& chunk) {
    out_.reserve_more(8 + chunk.payload_size);
    out_.put_name(std::string_view(chunk.id.data(), chunk.id.size()));
    out_.put32(chunk.payload_size);
    out_.put_all(file_.payload_of(chunk));
  }

  void track(const Track& track) {
    out_.reserve_more(8);
    out_.put_name("MTrk");
    const std::size_t length_at = out_.size();
    out_.put32(0);
    running_ = 0;
    now_ = 0;
    const auto& events = track.events;
    const bool ended = !events.empty() && is_end(events.back());
    for (std::size_t i = 0; i < events.size(); ++i) {
      if (is_end(events[i]) && i + 1 < events.size()) continue;
      event(events[i]);
    }
    if (!ended) {
      Event end;
      end.at = Tick(now_);
      end.kind = EventKind::kMeta;
      end.data1 = meta::kEndOfTrack;
      event(end);
    }
    out_.set32(length_at, out_.size() - length_at - 4);
  }

  void delta(Tick at) {
    std::int64_t gap = at.count() > now_ ? std::min(at.count() - now_, kMaxGap) : 0;
    now_ = std::max(now_, at.count());
    for (; gap > kMaxVarlen; gap -= kMaxVarlen) {
      out_.reserve_more(kEventBytes * 2);
      out_.put_varlen(kMaxVarlen);
      out_.put(0xff);
      out_.put(meta::kText);
      out_.put(0);
      running_ = 0;
    }
    out_.put_varlen(static_cast<std::uint32_t>(gap));
  }

  void event(const Event& e) {
    out_.reserve_more(kEventBytes + e.payload_size);
    delta(e.at);
    if (has_payload(e.kind)) {
      running_ = 0;
      auto payload = file_.payload_of(e);
      payload = payload.first(std::min<std::size_t>(payload.size(), kMaxVarlen));
      out_.reserve_more(kEventBytes + payload.size());
      if (e.kind == EventKind::kMeta) {
        out_.put(0xff);
        out_.put(e.data1);
      } else {
        out_.put(e.kind == EventKind::kSysEx ? 0xf0 : 0xf7);
      }
      out_.put_varlen(static_cast<std::uint32_t>(payload.size()));
      out_.put_all(payload);
      return;
    }
    const unsigned status = (8u + static_cast<unsigned>(e.kind)) << 4 | (e.channel & 0x0fu);
    if (status != running_ || !options_.running_status) out_.put(status);
    running_ = status;
    out_.put(e.data1 & 0x7fu);
    if (e.kind != EventKind::kProgram && e.kind != EventKind::kChannelPressure) {
      out_.put(e.data2 & 0x7fu);
    }
  }

  const File& file_;
  const WriteOptions& options_;
  Output out_;
  unsigned running_ = 0;
  std::int64_t now_ = 0;
};

}  // namespace

Bytes write(const File& file, const WriteOptions& options) { return Writer(file, options).write(); }

}  // namespace hemiola::midi
