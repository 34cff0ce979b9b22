// ActionOutcome: what an action has come to, and how its caller reads it: as JSON, or as a line for
// people. The form of the JSON is a stable interface: docs/operation.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "metrics/metric.h"
#include "proxy/log/log.h"

namespace postern {

struct ActionOutcome {
  struct Ban {
    std::string client;
    int64_t until_s;  // seconds since 1970
    bool by_hand;     // else because of failed logins
  };

  metrics::HttpStatus status = metrics::HttpStatus::Ok;
  size_t done = 0;                       // servers, sessions, bans
  std::string fault = {};                // a sentence, if it is not Ok
  std::vector<std::string> notes = {};   // sentences without an end: what else it has come to
  std::vector<Ban> bans = {};            // of `bans` all, of `ban` the one
  std::optional<log::Level> level = {};  // to put into force
};

std::string json_of(metrics::AdminPath action, const ActionOutcome& outcome);
std::string text_of(metrics::AdminPath action, const ActionOutcome& outcome);

}  // namespace postern
