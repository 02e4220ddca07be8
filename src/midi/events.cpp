#include "midi/events.h"

#include <algorithm>

namespace hemiola::midi {
namespace {

template <class T>
bool same_payload(const File& a, const T& in_a, const File& b, const T& in_b) {
  const auto x = a.payload_of(in_a);
  const auto y = b.payload_of(in_b);
  return std::equal(x.begin(), x.end(), y.begin(), y.end());
}

bool same_event(const File& a, const Event& x, const File& b, const Event& y) {
  return x.at == y.at && x.kind == y.kind && x.channel == y.channel && x.data1 == y.data1 &&
         x.data2 == y.data2 && same_payload(a, x, b, y);
}

bool same_chunk(const File& a, const Chunk& x, const File& b, const Chunk& y) {
  return x.id == y.id && x.before_track == y.before_track && same_payload(a, x, b, y);
}

}  // namespace

bool same_content(const File& a, const File& b) {
  if (a.format != b.format || a.division != b.division) return false;
  if (!std::equal(a.chunks.begin(), a.chunks.end(), b.chunks.begin(), b.chunks.end(),
                  [&](const Chunk& x, const Chunk& y) { return same_chunk(a, x, b, y); })) {
    return false;
  }
  return std::equal(a.tracks.begin(), a.tracks.end(), b.tracks.begin(), b.tracks.end(),
                    [&](const Track& s, const Track& t) {
                      return std::equal(
                          s.events.begin(), s.events.end(), t.events.begin(), t.events.end(),
                          [&](const Event& x, const Event& y) { return same_event(a, x, b, y); });
                    });
}

}  // namespace hemiola::midi
