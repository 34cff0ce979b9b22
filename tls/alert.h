// Alerts of TLS (RFC 8446 §6.2) by IANA's names, and what each means to an operator.
// Constants; any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "proxy/base/bytes.h"

namespace postern::tls {

struct Alert {
  uint8_t code;
  bool ours;  // sent by this end, not received
};

const char* alert_name(uint8_t code);  // "unknown_ca"; "unassigned" if it is none
// What has happened if a client sends it to us: what to look at; empty if nothing is known to help.
const char* alert_meaning(uint8_t code);

// The alert in a record in clear, if `records` begin with one, or with it after records that say
// nothing (ChangeCipherSpec).
std::optional<uint8_t> alert_in_clear(Bytes records);

}  // namespace postern::tls
