// A request to act, as AdminHttp has read it, and its answer. What it does is decided elsewhere.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "metrics/metric.h"

namespace postern::admin {

struct ActionRequest {
  metrics::AdminPath path;
  std::string_view token;  // of `Authorization: Bearer`; empty: there was none
  std::string_view form;   // the body, for http::parse_form()
  bool as_text;            // the client wants lines for people, not JSON
};

struct ActionAnswer {
  metrics::HttpStatus status;
  std::string body;
};

class ActionHandler {
 public:
  // Called on the thread that calls AdminHttp::feed(). Nullopt: the answer comes later, and the
  // caller gives it to AdminHttp::complete().
  virtual std::optional<ActionAnswer> act(const ActionRequest& request) = 0;

 protected:
  ~ActionHandler() = default;
};

// Whether a path is an action's, and whether that one only looks.
constexpr bool is_action(metrics::AdminPath path) {
  return path >= metrics::AdminPath::Drain && path <= metrics::AdminPath::Reload;
}
constexpr bool only_looks(metrics::AdminPath action) {
  return action == metrics::AdminPath::Bans;
}
// What all paths of actions begin with; the rest is the action's name.
inline constexpr std::string_view kActionFolder = "/v1/";
// "drain".
constexpr const char* name_of_action(metrics::AdminPath action) {
  return name_of(action) + kActionFolder.size();
}
// Nullopt if there is no such action.
std::optional<metrics::AdminPath> action_named(std::string_view name);
// All names, for people: "drain, undrain, ...".
std::string names_of_actions();

}  // namespace postern::admin
