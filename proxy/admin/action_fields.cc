#include "proxy/admin/action_fields.h"

#include <algorithm>

#include "proxy/log/escape.h"

namespace postern {

ActionFields::ActionFields(const std::optional<http::Form>& form,
                           std::initializer_list<const char*> known) {
  if (!form) {
    diagnostics_.fault(0, "the body is no form, such as client=192.0.2.7&for=1h");
    return;
  }
  const std::vector<std::string> names(known.begin(), known.end());
  for (const http::FormField& field : *form) {
    if (std::find(names.begin(), names.end(), field.name) == names.end()) {
      diagnostics_.fault(0,
                         in_quotes(field.name) + " is no field of this action" +
                             (names.empty() ? "; it has none" : "; it has " + config::join(names)));
    } else if (find(field.name) != nullptr) {
      diagnostics_.fault(0, field.name + " is given twice");
    } else {
      values_.push_back({.text = field.value, .key = field.name});
    }
  }
}

const config::SourceValue* ActionFields::find(std::string_view name) const {
  const auto found =
      std::find_if(values_.begin(), values_.end(),
                   [name](const config::SourceValue& value) { return value.key == name; });
  return found == values_.end() ? nullptr : &*found;
}

const config::SourceValue* ActionFields::require(std::string_view name) {
  const config::SourceValue* value = find(name);
  if (value == nullptr) {
    diagnostics_.fault(0, std::string(name) + " is missing");
  }
  return value;
}

std::string ActionFields::faults() const {
  std::string text;
  for (const Fault& fault : diagnostics_.faults()) {
    text.append(text.empty() ? "" : "; ").append(fault.message);
  }
  return text;
}

}  // namespace postern
