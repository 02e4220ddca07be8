// The ranks through Gloo, as torch.distributed has it: sockets between the processes, found by a
// store that rank 0 keeps.
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <utility>

#include "nn/torch_ranks.h"

namespace hemiola::nn {

namespace {

// The first line: libtorch adds a backtrace, Gloo its own source file in front.
std::string reason(const std::exception& error) {
  const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
  std::string text = torch_error != nullptr ? torch_error->what_without_backtrace() : error.what();
  text = text.substr(0, text.find('\n'));
  if (text.starts_with('[')) {
    if (const auto end = text.find("] "); end != std::string::npos) text.erase(0, end + 2);
  }
  return text;
}

// This machine's address on the way to rank 0's, so that the others can reach it too. Empty where
// there is no way.
std::string address_towards(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;  // connecting it sends nothing
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return {};
  std::string result;
  for (const addrinfo* each = found; each != nullptr && result.empty(); each = each->ai_next) {
    const int s = socket(each->ai_family, SOCK_DGRAM, 0);
    if (s < 0) continue;
    sockaddr_storage own{};
    socklen_t size = sizeof own;
    char text[NI_MAXHOST];
    if (connect(s, each->ai_addr, each->ai_addrlen) == 0 &&
        getsockname(s, reinterpret_cast<sockaddr*>(&own), &size) == 0 &&
        getnameinfo(reinterpret_cast<sockaddr*>(&own), size, text, sizeof text, nullptr, 0,
                    NI_NUMERICHOST) == 0) {
      result = text;
    }
    close(s);
  }
  freeaddrinfo(found);
  return result;
}

class GlooRanks final : public Ranks {
 public:
  explicit GlooRanks(const RankPlace& place) : rank_(place.rank), count_(place.ranks) {
    const auto timeout =
        std::chrono::milliseconds(static_cast<std::int64_t>(1000 * place.timeout_seconds));
    c10d::TCPStoreOptions store;
    store.port = static_cast<std::uint16_t>(place.port);
    store.isServer = place.rank == 0;
    store.numWorkers = static_cast<std::size_t>(place.ranks);
    store.timeout = timeout;
    auto options = c10d::ProcessGroupGloo::Options::create(timeout);
    options->devices.push_back(device(place));
    options->threads = 2;
    group_ = std::make_unique<c10d::ProcessGroupGloo>(
        c10::make_intrusive<c10d::TCPStore>(place.address, store), rank_, count_, options);
  }

  int rank() const override { return rank_; }
  int count() const override { return count_; }
  std::string name() const override { return "gloo"; }

  void begin_sum(std::span<float> values) override {
    const at::Tensor tensor = at::from_blob(
        values.data(), {static_cast<std::int64_t>(values.size())}, at::dtype(at::kFloat));
    try {
      std::vector<at::Tensor> tensors = {tensor};
      pending_.push_back(group_->allreduce(tensors));
    } catch (const std::exception& error) {
      if (begin_error_.empty()) begin_error_ = reason(error);
    }
  }

  Status finish_sums() override {
    std::string first = std::exchange(begin_error_, {});
    for (const auto& work : std::exchange(pending_, {})) {
      // All of them, so that nothing writes into the values any more.
      try {
        work->wait();
      } catch (const std::exception& error) {
        if (first.empty()) first = reason(error);
      }
    }
    if (!first.empty()) return lost(first);
    return {};
  }

  Status sum(std::span<double> values) override {
    std::vector<at::Tensor> tensors = {at::from_blob(
        values.data(), {static_cast<std::int64_t>(values.size())}, at::dtype(at::kDouble))};
    return wait([&] { return group_->allreduce(tensors); });
  }

  Status broadcast(std::span<std::byte> bytes) override {
    if (bytes.empty()) return {};
    std::vector<at::Tensor> tensors = {at::from_blob(
        bytes.data(), {static_cast<std::int64_t>(bytes.size())}, at::dtype(at::kByte))};
    return wait([&] { return group_->broadcast(tensors); });
  }

 private:
  static std::shared_ptr<gloo::transport::Device> device(const RankPlace& place) {
    if (const char* name = std::getenv("GLOO_SOCKET_IFNAME"); name != nullptr && *name != '\0') {
      return c10d::ProcessGroupGloo::createDeviceForInterface(name);
    }
    const std::string address = address_towards(place.address, place.port);
    if (address.empty()) return c10d::ProcessGroupGloo::createDefaultDevice();
    return c10d::ProcessGroupGloo::createDeviceForHostname(address);
  }

  template <class Begin>
  static Status wait(Begin begin) {
    try {
      begin()->wait();
      return {};
    } catch (const std::exception& error) {
      return lost(reason(error));
    }
  }

  static tl::unexpected<Error> lost(const std::string& why) {
    return fail("another process of this training was lost ({})", why);
  }

  int rank_, count_;
  std::unique_ptr<c10d::ProcessGroupGloo> group_;
  std::vector<c10::intrusive_ptr<c10d::Work>> pending_;
  std::string begin_error_;
};

}  // namespace

std::unique_ptr<Ranks> make_torch_ranks(const RankPlace& place, std::string& error) {
  try {
    return std::make_unique<GlooRanks>(place);
  } catch (const std::exception& e) {
    error = fmt::format("rank {} of {} did not meet the others at {}:{}: {}", place.rank,
                        place.ranks, place.address, place.port, reason(e));
    return nullptr;
  }
}

}  // namespace hemiola::nn
