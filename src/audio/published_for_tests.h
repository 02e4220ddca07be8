// Reads what basic-pitch's authors published to test against: numpy archives whose one array holds
// Python objects, so pickled. Understands as much of that as these two files use, and throws
// otherwise. For tests only.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"

namespace hemiola::published {

// A tuple, list, dictionary (keys and values in turn) or, with nothing in it, a string of bytes. An
// array has the items of its state: version, shape, type, order, contents. A number: type, bytes.
struct Object {
  std::vector<std::shared_ptr<Object>> items;
  std::string bytes;

  const Object& operator[](std::size_t i) const { return *items.at(i); }
  template <class T>
  T as() const {
    const std::string& from = items.empty() ? bytes : items.back()->bytes;
    T value;
    if (from.size() != sizeof value) throw std::runtime_error("a number of another size");
    std::memcpy(&value, from.data(), sizeof value);
    return value;
  }
  std::vector<float> floats() const {
    const std::string& from = items.back()->bytes;
    std::vector<float> values(from.size() / sizeof(float));
    std::memcpy(values.data(), from.data(), values.size() * sizeof(float));
    return values;
  }
};

class Unpickler {
 public:
  explicit Unpickler(std::string_view in) : in_(in) {}

  std::shared_ptr<Object> run() {
    while (true) {
      switch (const char code = take(1)[0]; code) {
        case '\x80':
          take(1);
          break;  // protocol
        case 'c':
          line(), line(), push();
          break;
        case 'q':
          memo_[number(1)] = stack_.back();
          break;
        case 'r':
          memo_[number(4)] = stack_.back();
          break;
        case 'h':
          stack_.push_back(memo_.at(number(1)));
          break;
        case 'j':
          stack_.push_back(memo_.at(number(4)));
          break;
        case 'K':
          push(take(1));
          break;
        case 'M':
          push(take(2));
          break;
        case 'J':
          push(take(4));
          break;
        case 'N':
        case '\x88':
        case '\x89':
        case ')':
        case ']':
        case '}':
          push();
          break;
        case 'C':
          push(take(number(1)));
          break;
        case 'B':
        case 'X':
          push(take(number(4)));
          break;
        case '(':
          marks_.push_back(stack_.size());
          break;
        case 't':
          gather(since_mark());
          break;
        case '\x85':
          gather(1);
          break;
        case '\x86':
          gather(2);
          break;
        case '\x87':
          gather(3);
          break;
        case 'a':
          append(1);
          break;
        case 'e':
        case 'u':
          append(since_mark());
          break;
        case 'R': {  // a call: its arguments stand for what it gives
          const auto arguments = pop();
          stack_.back() = std::make_shared<Object>(*arguments);
          break;
        }
        case 'b': {
          const auto state = pop();
          *stack_.back() = *state;
          break;
        }
        case '.':
          return pop();
        default:
          throw std::runtime_error("a pickle that says more than was expected");
      }
    }
  }

 private:
  std::string_view take(std::size_t count) {
    if (count > in_.size()) throw std::runtime_error("a pickle that ends early");
    const std::string_view part = in_.substr(0, count);
    in_.remove_prefix(count);
    return part;
  }
  std::size_t number(std::size_t size) {
    std::size_t value = 0;
    const std::string_view part = take(size);
    std::memcpy(&value, part.data(), size);
    return value;
  }
  void line() { take(in_.find('\n') + 1); }
  void push(std::string_view bytes = {}) {
    stack_.push_back(std::make_shared<Object>(Object{{}, std::string(bytes)}));
  }
  std::shared_ptr<Object> pop() {
    auto top = stack_.back();
    stack_.pop_back();
    return top;
  }
  std::size_t since_mark() {
    const std::size_t count = stack_.size() - marks_.back();
    marks_.pop_back();
    return count;
  }
  void gather(std::size_t count) {
    auto tuple = std::make_shared<Object>();
    tuple->items.assign(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    stack_.push_back(tuple);
  }
  void append(std::size_t count) {
    const std::vector<std::shared_ptr<Object>> more(
        stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    auto& items = stack_.back()->items;
    items.insert(items.end(), more.begin(), more.end());
  }

  std::string_view in_;
  std::vector<std::shared_ptr<Object>> stack_;
  std::vector<std::size_t> marks_;
  std::map<std::size_t, std::shared_ptr<Object>> memo_;
};

// The items of the archive's one array, which stands uncompressed.
inline std::vector<std::shared_ptr<Object>> read_npz(const Path& path) {
  const Bytes bytes = read_file(path).value();
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::size_t header = all.find("\x93NUMPY");
  if (header == std::string_view::npos) throw std::runtime_error("no array in " + path.string());
  std::uint16_t length = 0;
  std::memcpy(&length, all.data() + header + 8, sizeof length);
  return Unpickler(all.substr(header + 10 + length)).run()->items.back()->items;
}

}  // namespace hemiola::published
