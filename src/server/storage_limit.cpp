#include "server/storage_limit.h"

#include <algorithm>

#include "server/elsewhere.h"

namespace hemiola::server {
namespace {

Status remove_oldest_sounds(Store& store, BlobStore& blobs, std::uint64_t most) {
  if (blobs.bytes() <= most) return {};
  HEMIOLA_TRY(const auto hashes, store.renewable_blobs());
  for (const std::string& hash : hashes) {
    if (blobs.bytes() <= most) break;
    HEMIOLA_CHECK(blobs.remove(hash));
  }
  return {};
}

}  // namespace

Awaitable<void> StorageLimit::make_room(Kind kind, std::uint64_t more) {
  if (bytes_ == 0) co_return;
  const std::uint64_t most = bytes_ - std::min(more, bytes_);
  if (blobs_.bytes() > most) {
    const auto work = [&store = store_, &blobs = blobs_, most] {
      return remove_oldest_sounds(store, blobs, most);
    };
    const Status status = co_await elsewhere(storage_, work);
    if (!status) throw std::runtime_error(status.error().message);
  }
  check(kind == Kind::kLarge ? most : most + bytes_ / 8);
}

void StorageLimit::check(std::uint64_t most) const {
  if (bytes_ == 0 || blobs_.bytes() <= most) return;
  ApiError full;
  full.status = 507;
  full.code = "storage_full";
  full.message = fmt::format(
      "This server has no room left for that ({:.1f} of {:.1f} GB are in use). Nothing you made is "
      "lost. Download and delete what you no longer need, or ask whoever runs the server for more "
      "room (--storage).",
      static_cast<double>(blobs_.bytes()) / 1e9, static_cast<double>(bytes_) / 1e9);
  throw full;
}

}  // namespace hemiola::server
