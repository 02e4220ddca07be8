// Expected failures: bad files, bad requests, full disks. Result<T> holds a value or an Error whose
// message says what, where (file, offset, field), what was expected and got, and what to do.
// Broken preconditions are not for here: assert for programmer errors, exceptions for failed
// set-up.
#pragma once

#include <fmt/format.h>

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace hemiola {

struct Error {
  std::string message;

  // The same error seen from further out: "what: message".
  Error within(std::string_view what) && { return {fmt::format("{}: {}", what, message)}; }
};

template <class T>
using Result = tl::expected<T, Error>;

using Status = Result<void>;

// return fail("{}: expected {} tracks, got {}", path, want, got);
template <class... Args>
[[nodiscard]] tl::unexpected<Error> fail(fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected<Error>(Error{fmt::format(format, std::forward<Args>(args)...)});
}

[[nodiscard]] inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace hemiola

#define HEMIOLA_CONCAT_(a, b) a##b
#define HEMIOLA_CONCAT(a, b) HEMIOLA_CONCAT_(a, b)

// HEMIOLA_TRY(auto bytes, read_file(path)); returns the error of a failed Result, or goes on.
#define HEMIOLA_TRY(declaration, expression) \
  HEMIOLA_TRY_IMPL(HEMIOLA_CONCAT(hemiola_try_, __LINE__), declaration, expression)
#define HEMIOLA_TRY_IMPL(name, declaration, expression)         \
  auto name = (expression);                                     \
  if (!name) return ::hemiola::fail(::std::move(name.error())); \
  declaration = *::std::move(name)

// HEMIOLA_CHECK(status); the same for Status.
#define HEMIOLA_CHECK(expression)                                                     \
  do {                                                                                \
    auto hemiola_status = (expression);                                               \
    if (!hemiola_status) return ::hemiola::fail(::std::move(hemiola_status.error())); \
  } while (false)
