// Runs a fuzz target over the files of the folders named: what libFuzzer does, without Clang.
// Each crash that fuzzing ever found lies in fuzz/corpus, so this is the regression test for it.
#include <cstdint>
#include <cstdio>
#include <filesystem>

#include "base/files.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  int count = 0;
  for (int i = 1; i < argc; ++i) {
    if (!std::filesystem::exists(argv[i])) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
      if (!entry.is_regular_file()) continue;
      const auto bytes = hemiola::read_file(entry.path());
      if (!bytes) return std::fprintf(stderr, "%s\n", bytes.error().message.c_str()), 1;
      LLVMFuzzerTestOneInput(bytes->data(), bytes->size());
      ++count;
    }
  }
  std::printf("%d inputs replayed\n", count);
  return count > 0 ? 0 : 1;
}
