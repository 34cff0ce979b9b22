#include "metrics/label_sets.h"

#include <algorithm>

#include "proxy/base/check.h"

namespace postern::metrics {

LabelSets::LabelSets(size_t capacity)
    : capacity_(std::max(capacity, kLeastCapacity)), backend_of_server_{kOther} {
  set(Label::Backend).emplace_back("other");
  set(Label::Server).emplace_back("other");
  define<Hop>();
  define<Direction>();
  define<Outcome>();
  define<AdminPath>();
  define<HttpStatus>();
}

void LabelSets::define(Label label, std::span<const char* const> values) {
  check(!grows(label) && set(label).empty(), "a fixed label is defined once");
  check(!values.empty(), "a label has values");
  set(label).assign(values.begin(), values.end());
}

size_t LabelSets::index_of(Label label, std::string_view value) const {
  const std::vector<std::string>& known = values(label);
  check(!grows(label) && !known.empty(), "the label is fixed and defined");
  const auto found = std::find(known.begin(), known.end() - 1, value);
  return static_cast<size_t>(found - known.begin());
}

size_t LabelSets::intern_backend(std::string_view name) {
  std::vector<std::string>& names = set(Label::Backend);
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) {
    return static_cast<size_t>(found - names.begin());
  }
  if (names.size() == capacity_) {
    return kOther;
  }
  names.emplace_back(name);
  return names.size() - 1;
}

size_t LabelSets::intern_server(size_t backend, std::string_view name) {
  check(backend < values(Label::Backend).size(), "a server's backend is interned first");
  std::vector<std::string>& names = set(Label::Server);
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name && backend_of_server_[i] == backend) {
      return i;
    }
  }
  if (names.size() == capacity_) {
    return kOther;
  }
  names.emplace_back(name);
  backend_of_server_.push_back(backend);
  return names.size() - 1;
}

size_t LabelSets::width(Label label) const {
  return grows(label) ? capacity_ : values(label).size();
}

const std::vector<std::string>& LabelSets::values(Label label) const {
  return values_[static_cast<size_t>(label)];
}

}  // namespace postern::metrics
