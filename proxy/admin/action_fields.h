// ActionFields: the fields of an action's form, read as strictly as the configuration: one that the
// action does not have, that is missing or given twice is a fault.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/diagnostics.h"
#include "proxy/http/form.h"

namespace postern {

class ActionFields {
 public:
  // Nullopt: what came is no form.
  ActionFields(const std::optional<http::Form>& form, std::initializer_list<const char*> known);

  // Null if it was not given.
  const config::SourceValue* find(std::string_view name) const;
  // As find(), but then it is a fault.
  const config::SourceValue* require(std::string_view name);
  config::Diagnostics& diagnostics() { return diagnostics_; }
  bool ok() const { return diagnostics_.ok(); }
  std::string faults() const;  // all of them, in one sentence

 private:
  std::vector<config::SourceValue> values_;
  config::Diagnostics diagnostics_{""};
};

}  // namespace postern
