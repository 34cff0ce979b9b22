// What a server says of a token that it does not take.
#pragma once

#include <string_view>

namespace postern::imap {

// Whether a server's error challenge (XOAUTH2; OAUTHBEARER, RFC 7628 §3.2.2), base64 of a
// JSON text, says that the token has expired. "invalid_token" and 401 alone do not, since any wrong
// token gets them; nor does a text that allows for another reason.
bool says_expired(std::string_view base64);

}  // namespace postern::imap
