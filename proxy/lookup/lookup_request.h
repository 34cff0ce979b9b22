// The question about a user, in HTTP/1.0, with the fields of nginx's auth_http but for the
// password, which postern does not send. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "proxy/config/config.h"
#include "proxy/net/address.h"

namespace postern {

// `user` is a user_name(); `client` is whose login it is.
std::string lookup_request(const LookupConfig& service, std::string_view user,
                           const net::Address& client);

}  // namespace postern
