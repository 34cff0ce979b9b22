// LabelSets: the possible values of every label, in the order of the indices that counters use.
// Fixed sets are defined before the workers start and then read by any thread. Backend and Server
// grow with the configuration: intern_backend() and intern_server() add to them on the main thread,
// the only one that reads their names; workers get indices.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/label_value.h"

namespace postern::metrics {

class LabelSets {
 public:
  // How many values Backend and Server have at least room for. What comes beyond the room is
  // "other".
  static constexpr size_t kLeastCapacity = 256;
  static constexpr size_t kOther = 0;

  LabelSets() : LabelSets(kLeastCapacity) {}
  explicit LabelSets(size_t capacity);

  // The room of Backend and of Server, "other" included. It stays as counters are laid out by it.
  size_t capacity() const { return capacity_; }

  // Sets the values of a fixed label, once. If values can come from outside, the last one is
  // "other".
  void define(Label label, std::span<const char* const> values);
  // The same for an enumeration: its words, in the order of its enumerators.
  template <typename E>
  void define() {
    std::array<const char*, kCountOf<E>> values{};
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = name_of(static_cast<E>(i));
    }
    define(kLabelOf<E>, values);
  }
  // The index of `value` in a fixed label; the last index if `value` is unknown.
  template <Label L>
  LabelIndex<L> index_of(std::string_view value) const {
    return {index_of(L, value)};
  }
  size_t index_of(Label label, std::string_view value) const;

  // The index of a backend's name in Label::Backend, added if it is new.
  size_t intern_backend(std::string_view name);
  // The index in Label::Server of a backend's server, added if it is new. `backend` is the
  // backend's index; the same name in two backends is two servers.
  size_t intern_server(size_t backend, std::string_view name);
  // The backend of a server.
  size_t backend_of(size_t server) const { return backend_of_server_[server]; }

  static constexpr bool grows(Label label) {
    return label == Label::Backend || label == Label::Server;
  }
  // How many cells a label needs: its values, or the capacity if it can grow.
  size_t width(Label label) const;
  const std::vector<std::string>& values(Label label) const;

 private:
  std::vector<std::string>& set(Label label) { return values_[static_cast<size_t>(label)]; }

  size_t capacity_;
  std::array<std::vector<std::string>, kCountOf<Label>> values_;
  std::vector<size_t> backend_of_server_;
};

}  // namespace postern::metrics
