#include "proxy/imap/login.h"

#include "proxy/imap/syntax.h"

namespace postern::imap {
namespace {

struct MechanismName {
  std::string_view name;
  Mechanism mechanism;
};
constexpr MechanismName kMechanisms[] = {
    {"PLAIN", Mechanism::Plain},
    {"LOGIN", Mechanism::Login},
    {"XOAUTH2", Mechanism::XOAuth2},
    {"OAUTHBEARER", Mechanism::OAuthBearer},
    {"SCRAM-SHA-1", Mechanism::ScramSha1},
    {"SCRAM-SHA-1-PLUS", Mechanism::ScramSha1},
    {"SCRAM-SHA-256", Mechanism::ScramSha256},
    {"SCRAM-SHA-256-PLUS", Mechanism::ScramSha256},
    {"CRAM-MD5", Mechanism::CramMd5},
    {"DIGEST-MD5", Mechanism::DigestMd5},
    {"NTLM", Mechanism::Ntlm},
    {"GSSAPI", Mechanism::Gssapi},
    {"EXTERNAL", Mechanism::External},
};

struct RefusalCode {
  std::string_view code;
  LoginResult result;
};
constexpr RefusalCode kRefusalCodes[] = {
    {"PRIVACYREQUIRED", LoginResult::PrivacyRequired},
    {"AUTHORIZATIONFAILED", LoginResult::Denied},
    {"CANNOT", LoginResult::Denied},
    {"NOPERM", LoginResult::Denied},
    {"REFERRAL", LoginResult::Denied},
    {"EXPIRED", LoginResult::Expired},
    {"UNAVAILABLE", LoginResult::Unavailable},
    {"INUSE", LoginResult::Unavailable},
    {"SERVERBUG", LoginResult::Unavailable},
    {"CONTACTADMIN", LoginResult::Unavailable},
    {"CORRUPTION", LoginResult::Unavailable},
    {"LIMIT", LoginResult::Unavailable},
    {"OVERQUOTA", LoginResult::Unavailable},
};

}  // namespace

Mechanism mechanism_named(std::string_view name) {
  for (const MechanismName& known : kMechanisms) {
    if (same_word(known.name, name)) {
      return known.mechanism;
    }
  }
  return Mechanism::Other;
}

LoginResult result_of_refusal(std::string_view code) {
  for (const RefusalCode& known : kRefusalCodes) {
    if (same_word(known.code, code)) {
      return known.result;
    }
  }
  return LoginResult::Failure;
}

}  // namespace postern::imap
