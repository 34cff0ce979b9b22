// LoginName: who a client says it is, as a keyed hash and nothing else. Of a SASL response no more
// is decoded than the name, octet by octet, and nothing of it is kept; what stands behind it, the
// password or the token, is not looked at. Letters of ASCII count without case, as servers do it,
// so that one user has one hash by whichever mechanism. Pure functions.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/base/siphash.h"
#include "proxy/imap/login.h"

namespace postern::imap {

// Never 0.
uint64_t user_hash(const SipHash::Key& key, std::string_view name);

// The same of the name that the client's first response tells, `base64` (RFC 4648 section 4) as it
// stands in AUTHENTICATE's line or in the first one after it, without the line's end; "=" is an
// empty one. 0 if the mechanism or the response tells none. The name is:
//   PLAIN        authcid, once the password's place is reached (RFC 4616)
//   LOGIN        all of it
//   XOAUTH2      user=
//   OAUTHBEARER  a= of the GS2 header (RFC 7628, RFC 5801)
//   SCRAM-*      n= (RFC 5802)
//   CRAM-MD5     what is in front of the last space (RFC 2195)
//   DIGEST-MD5   username= (RFC 2831)
//   EXTERNAL     authzid, all of it (RFC 4422 appendix A)
uint64_t sasl_user(const SipHash::Key& key, Mechanism mechanism, std::string_view base64);

// Whether a server's error challenge (XOAUTH2; OAUTHBEARER, RFC 7628 section 3.2.2), base64 of a
// JSON text, says of the token that it has expired. "invalid_token" and 401 alone do not, since any
// wrong token gets them, nor does a text that leaves open whether it is something else.
bool says_expired(std::string_view base64);

}  // namespace postern::imap
