// safetensors: a length, a JSON table of tensors, their bytes. The reader trusts nothing: every
// offset, shape and type is checked against the bytes that are there before any is used, and a
// file with overlaps, holes or a wrong length is refused. The writer replaces files atomically.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "model/tensor.h"

namespace hemiola {

using Metadata = std::map<std::string, std::string>;  // "__metadata__"

// The table of contents over bytes that belong to someone else.
class SafetensorsView {
 public:
  // `where` (usually a path) starts each message.
  static Result<SafetensorsView> parse(std::span<const std::uint8_t> bytes, std::string_view where);

  const std::vector<TensorView>& tensors() const { return tensors_; }  // in the order of the bytes
  const Metadata& metadata() const { return metadata_; }
  const TensorView* find(std::string_view name) const;  // null when there is none

 private:
  std::vector<TensorView> tensors_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
  Metadata metadata_;
};

// The same over a mapped file. Moves, never copies; tensors are valid as long as the object.
class SafetensorsFile {
 public:
  static Result<SafetensorsFile> open(const Path& path);

  const SafetensorsView& view() const { return view_; }
  std::span<const std::uint8_t> bytes() const { return file_.bytes(); }

 private:
  SafetensorsFile(MappedFile file, SafetensorsView view)
      : file_(std::move(file)), view_(std::move(view)) {}

  MappedFile file_;
  SafetensorsView view_;
};

// The tensors stand in the file in the order given, the first byte at a multiple of 64.
Status write_safetensors(const Path& path, std::span<const TensorView> tensors,
                         const Metadata& metadata = {});

}  // namespace hemiola
