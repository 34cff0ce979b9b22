// LoginName: the user name that a client gives, as a keyed hash and, only for LoginFront, as it is
// written. Of a SASL response it decodes no more than the name, octet by octet, keeps nothing of
// it, and does not look at the password or token after it. ASCII letters count without case in the
// hash, as in servers, so that one user has one hash with every mechanism. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/siphash.h"
#include "proxy/imap/login.h"

namespace postern::imap {

// Never 0.
uint64_t user_hash(const SipHash::Key& key, std::string_view name);

// The user_hash() of the name in the client's first response: `base64` (RFC 4648 §4) from
// AUTHENTICATE's line or the first one after it, without the line end; "=" is an empty response. 0
// if the mechanism or the response has no name. The name is:
//   PLAIN        authcid, if the NUL before the password follows (RFC 4616)
//   LOGIN        all of it
//   XOAUTH2      user=, the first field and no other
//   OAUTHBEARER  a= of the GS2 header (RFC 7628, RFC 5801)
//   SCRAM-*      n= (RFC 5802)
//   CRAM-MD5     all before the last space (RFC 2195)
//   DIGEST-MD5   username= (RFC 2831)
//   EXTERNAL     authzid, all of it (RFC 4422 appendix A)
uint64_t sasl_user(const SipHash::Key& key, Mechanism mechanism, std::string_view base64);

// Whether the client's first response shows whose mail it is for, before the server has said
// anything but "+": PLAIN, LOGIN, XOAUTH2, OAUTHBEARER, SCRAM-*, EXTERNAL.
bool shows_user_first(Mechanism mechanism);

// The user whose mail is wanted, as that response has the name: the authorization identity, or else
// the name that the secret is for. Empty if there is none, or one of more than kMaxUser octets.
// Nullopt: the response does not follow the mechanism's grammar, so that a server may see another
// name in it, or has none where it must.
inline constexpr size_t kMaxUser = 1024;
std::optional<std::string> user_of_response(Mechanism mechanism, std::string_view base64);

}  // namespace postern::imap
