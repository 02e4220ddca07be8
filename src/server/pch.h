// As base/pch.h, with what the server's coroutines need.
#pragma once

// clang-format off: Asio of Boost 1.74 does not include all it uses.
#include "base/pch.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
// clang-format on
