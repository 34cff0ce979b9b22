// Login: the mechanism and the result of a client's attempt to log in. Both are bounded sets, so
// that they can be metric labels. Pure functions.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/base/names.h"

namespace postern::imap {

enum class Mechanism : uint8_t {
  Login,  // the command LOGIN, and the SASL mechanism of that name
  Plain,
  XOAuth2,
  OAuthBearer,
  ScramSha1,
  ScramSha256,
  CramMd5,
  DigestMd5,
  Ntlm,
  Gssapi,
  External,
  Other,
  Preauth,  // the server's greeting: there was no attempt
};
inline constexpr Names<Mechanism> kMechanismNames({
    {Mechanism::Login, "login"},
    {Mechanism::Plain, "plain"},
    {Mechanism::XOAuth2, "xoauth2"},
    {Mechanism::OAuthBearer, "oauthbearer"},
    {Mechanism::ScramSha1, "scram_sha_1"},
    {Mechanism::ScramSha256, "scram_sha_256"},
    {Mechanism::CramMd5, "cram_md5"},
    {Mechanism::DigestMd5, "digest_md5"},
    {Mechanism::Ntlm, "ntlm"},
    {Mechanism::Gssapi, "gssapi"},
    {Mechanism::External, "external"},
    {Mechanism::Other, "other"},
    {Mechanism::Preauth, "preauth"},
});
constexpr const char* name_of(Mechanism mechanism) {
  return kMechanismNames[mechanism];
}
Mechanism mechanism_named(std::string_view name);  // by the SASL name in AUTHENTICATE

// How an attempt ended.
enum class LoginResult : uint8_t {
  Success,
  Failure,      // the server refused a secret: a wrong guess
  Abandoned,    // the client hung up on its attempt once the secret was sent
  Cancelled,    // given up by the client ("*", or gone) before a secret was sent
  Unsupported,  // the server refused the mechanism before any response of the client, or said BAD
  PrivacyRequired,  // the server wants TLS on the hop, or to trust the gateway
  Denied,           // whatever the secret was, the server does not let this user in this way
  Expired,          // the secret was right once
  Unavailable,      // the server's fault, never the user's
  Interrupted,      // the server broke off, or the gateway ended the session, without an answer
};
inline constexpr Names<LoginResult> kLoginResultNames({
    {LoginResult::Success, "success"},
    {LoginResult::Failure, "failure"},
    {LoginResult::Abandoned, "abandoned"},
    {LoginResult::Cancelled, "cancelled"},
    {LoginResult::Unsupported, "unsupported"},
    {LoginResult::PrivacyRequired, "privacy_required"},
    {LoginResult::Denied, "denied"},
    {LoginResult::Expired, "expired"},
    {LoginResult::Unavailable, "unavailable"},
    {LoginResult::Interrupted, "interrupted"},
});
constexpr const char* name_of(LoginResult result) {
  return kLoginResultNames[result];
}

// Whether a secret was tried and was wrong, or may have been wrong.
constexpr bool is_guess(LoginResult result) {
  return result == LoginResult::Failure || result == LoginResult::Abandoned;
}

// Whether the server has answered; else the attempt ended without an answer or was given up.
constexpr bool is_answer(LoginResult result) {
  return result != LoginResult::Abandoned && result != LoginResult::Cancelled &&
         result != LoginResult::Interrupted;
}

// The meaning of a tagged NO to a login by its response code (RFC 5530 §3, RFC 2221
// §4). `code` is the atom, in any case. Failure if there is none, or one that may accompany a wrong
// password, such as ALERT.
LoginResult result_of_refusal(std::string_view code);

// What to do with a login that is complete and not sent.
enum class LoginLeave : uint8_t {
  Go,
  Wait,   // keep it, and take nothing after it, until Filter::let_login_go()
  Never,  // drop it: the observer that says so ends the session
};

}  // namespace postern::imap
