// How much the server keeps. What is rendered can be rendered again, so the oldest of that makes
// room for what is new; what people made and handed in is never removed for want of room: instead
// more of it is refused.
#pragma once

#include <boost/asio/thread_pool.hpp>
#include <cstdint>

#include "server/blob_store.h"
#include "server/http.h"
#include "server/store.h"

namespace hemiola::server {

class StorageLimit {
 public:
  // `bytes` of blobs; 0: no limit. `storage` is the one thread that asks the store.
  StorageLimit(boost::asio::thread_pool& storage, Store& store, BlobStore& blobs,
               std::uint64_t bytes)
      : storage_(storage), store_(store), blobs_(blobs), bytes_(bytes) {}

  // An eighth above the limit is for pieces, which are small: work goes on for a while when nothing
  // large fits.
  enum class Kind { kLarge, kSmall };

  // Before something is kept: sees to it that `more` bytes fit, or throws an ApiError (507).
  Awaitable<void> make_room(Kind kind, std::uint64_t more = 0);
  // While something large is written.
  void check_large() const { check(bytes_); }

  std::uint64_t bytes() const { return bytes_; }

 private:
  void check(std::uint64_t most) const;

  boost::asio::thread_pool& storage_;
  Store& store_;
  BlobStore& blobs_;
  std::uint64_t bytes_;
};

}  // namespace hemiola::server
