// The file in which bans outlast the process: a line that says what it is, then one for each ban,
// with the time of day at which it ends. Pure functions, and bounded.
//
//     postern bans 1
//     192.0.2.7 1793500000 login_failures
//     2001:db8::7 1793500000 admin
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/net/address.h"

namespace postern {

struct KeptBan {
  net::Address client;
  int64_t until_s;  // seconds since 1970
  bool by_hand;     // else because of failed logins
  bool operator==(const KeptBan&) const = default;
};

std::string write_bans(const std::vector<KeptBan>& bans);
// `where` is the file's path. A fault names the line; then nothing of the file is to be believed.
Result<std::vector<KeptBan>> read_bans(std::string_view text, const std::string& where);

}  // namespace postern
