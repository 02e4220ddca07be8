// Reads the events of one track after the other. Internal to src/midi.
#pragma once

#include "midi/bytes.h"
#include "midi/doubt.h"
#include "midi/events.h"
#include "midi/mender.h"

namespace hemiola::midi {

struct TrackBytes {
  const Byte* begin;
  const Byte* limit;     // where the events should end
  const Byte* furthest;  // how far to go on where the track has no end by then
  const Byte* file_end;
};

// The place of reading only moves forward, and what is looked at ahead of it is bounded but for the
// search for the next event after damage, which moves on to where it ends: so time is linear.
class TrackReader {
 public:
  TrackReader(File& file, Mender& mender) : file_(file), mender_(mender) {}

  // Reads events until an end of track. False: strict, and the mender has the error.
  bool read(const TrackBytes& bytes, Track& track);

  // Where the track just read ended.
  const Byte* end() const { return pos_; }

 private:
  void fast_events();
  bool careful_event();
  bool channel_event(const Byte* p, unsigned status);
  bool odd_data(const Byte* p, unsigned status);
  bool system_message(const Byte* p, unsigned status);
  bool payload_event(const Byte* p, unsigned status);
  bool check_meta(const Event& event, const Byte* where);

  void move_to(const Byte* p, bool delta_lost = false);
  struct Start {
    const Byte* p;
    int doubt;
    bool delta_lost;
  };
  Start start_at(const Byte* p);
  int doubt_at(const Byte* p, unsigned running, bool with_delta);
  bool find_next_event();
  bool at_end();

  Event& push(EventKind kind);
  void push_payload(EventKind kind, unsigned data1, const Byte* from, std::size_t size);

  File& file_;
  Mender& mender_;

  std::vector<Event>* events_ = nullptr;
  const Byte* pos_ = nullptr;  // the next event begins here
  const Byte* limit_ = nullptr;
  const Byte* furthest_ = nullptr;
  const Byte* file_end_ = nullptr;
  bool delta_lost_ = false;  // the next event has no delta time
  bool left_out_ = false;    // the event before was left out, its time was not
  bool ended_ = false;
  std::int64_t now_ = 0;
  unsigned running_ = 0;      // the status that a data byte continues; 0: none
  unsigned last_status_ = 0;  // the last channel status; 0: none
  StatusSet seen_;            // statuses of the first events_seen_ events
  std::size_t events_seen_ = 0;
  // For the whole file. When none are left, damage ends its track: megabytes of it are no music.
  int lookaheads_left_ = 1 << 21;
};

}  // namespace hemiola::midi
