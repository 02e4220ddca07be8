// As base/pch.h, with the parser of the command line.
#pragma once

#include <CLI/CLI.hpp>

#include "base/pch.h"
