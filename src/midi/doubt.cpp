#include "midi/doubt.h"

#include <algorithm>

namespace hemiola::midi {
namespace {

constexpr int kEvents = 12;
constexpr int kHopeless = 16;
// Some files hold values too large or system messages throughout; so only the first ones count.
constexpr int kFirst = 3;
constexpr std::ptrdiff_t kPayloadLooked = 32;

// Adds up the doubt of event after event. The weights are relative: a status that the track had
// before speaks for the reading, a byte that cannot stand where it stands speaks against it.
class Doubt {
 public:
  Doubt(const Byte* p, unsigned running, const Lookahead& ahead)
      : p_(p), running_(running), ahead_(ahead), seen_(*ahead.seen) {}

  int read(bool with_delta) {
    for (int i = 0; i < kEvents && !done_ && sum_ < kHopeless; ++i) {
      if (p_ == ahead_.end) break;
      if (i > 0 || with_delta) delta();
      if (!done_) event();
    }
    return sum_;
  }

 private:
  void stop(int weight) {
    sum_ += weight;
    done_ = true;
  }

  void delta() {
    const Varlen time = read_varlen(p_, ahead_.end);
    if (time.size > 1) sum_ += doubt_of_long_delta(*p_);
    p_ += time.size;
    if (time.size == 0 || p_ == ahead_.end) return stop(5);
    constexpr int kWeights[] = {0, 0, 0, 1, 3};
    sum_ += time.good() ? kWeights[time.size] : 8;
  }

  // Read out of step, a status and the byte after it look like a delta time. Honest times seldom
  // begin so: with 0x80 they would be padded, with 0x90 and more they are of 2048 ticks and more.
  int doubt_of_long_delta(Byte first) const {
    if (first >= 0xf0) return 2;
    return (first == 0x80 || first >= 0x90) && seen_[first] ? 1 : 0;
  }

  void event() {
    unsigned status = *p_;
    if (status & 0x80) {
      ++p_;
    } else {
      status = running_;
      if (status == 0) return stop(8);
    }
    if (status < 0xf0) return channel(status, status != running_);
    if (status == 0xff) return meta();
    if (status == 0xf0 || status == 0xf7) return system_exclusive(status);
    system_message(status);
  }

  void system_message(unsigned status) {
    if (status < 0xf8) running_ = 0;
    int want = system_bytes(status);
    for (; want > 0 && p_ < ahead_.end && !(*p_ & 0x80); --want) ++p_;
    if (want > 0) {
      sum_ += 4;
    } else if (++system_messages_ <= kFirst) {
      sum_ += 1;
    }
  }

  void channel(unsigned status, bool changed) {
    if (changed) sum_ += seen_[status] ? -1 : 1;
    seen_.set(status);
    running_ = status;
    const int need = data_bytes(status);
    if (ahead_.end - p_ < need) return stop(5);
    if (p_[0] & 0x80) sum_ += 4;
    if (need == 2 && p_[1] & 0x80 && ++large_values_ <= kFirst) sum_ += 2;
    p_ += need;
  }

  // Steps over a length and as many bytes; false when they are not there.
  bool payload(const Byte*& from) {
    const Varlen size = read_varlen(p_, ahead_.end);
    from = p_ + size.size;
    if (size.size == 0 || size.value > ahead_.end - from) {
      stop(kHopeless);
      return false;
    }
    if (!size.good()) sum_ += 8;
    running_ = 0;
    p_ = from + size.value;
    return true;
  }

  void system_exclusive(unsigned status) {
    const Byte* from = nullptr;
    if (!payload(from)) return;
    if (status == 0xf7) {
      sum_ += 1;
      return;
    }
    const bool closed = p_ > from && p_[-1] == 0xf7;
    sum_ += closed ? -1 : 1;
    const Byte* last = std::min(from + kPayloadLooked, closed ? p_ - 1 : p_);
    if (std::any_of(from, last, [](Byte b) { return b >= 0x80; })) sum_ += 4;
  }

  void meta() {
    if (p_ == ahead_.end) return stop(5);
    const unsigned type = *p_++;
    const Byte* from = nullptr;
    if (!payload(from)) return;
    const std::ptrdiff_t size = p_ - from;
    if (type == 0x2f) {
      const bool at_end = p_ == ahead_.end || chunk_follows(p_, ahead_.file_end);
      return stop(size == 0 && at_end ? -6 : 4);
    }
    if (type >= 1 && type <= 9) {
      const Byte* last = std::min(from + kPayloadLooked, p_);
      if (std::any_of(from, last, [](Byte b) { return b < 0x20 && b > 0x0d; })) sum_ += 3;
    } else if (type == 0x7f) {
      sum_ += 1;
    } else if (const int expected = meta_size(type); expected >= 0) {
      sum_ += size == expected ? -2 : 4;
    } else {
      sum_ += type < 0x80 ? 4 : 8;
    }
  }

  const Byte* p_;
  unsigned running_;
  const Lookahead& ahead_;
  StatusSet seen_;
  int sum_ = 0;
  int large_values_ = 0;
  int system_messages_ = 0;
  bool done_ = false;
};

}  // namespace

int doubt(const Byte* p, unsigned running, const Lookahead& ahead) {
  return Doubt(p, running, ahead).read(true);
}

int doubt_after_delta(const Byte* p, unsigned running, const Lookahead& ahead) {
  return Doubt(p, running, ahead).read(false);
}

}  // namespace hemiola::midi
