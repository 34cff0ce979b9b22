#include "proxy/cause/cause.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "proxy/base/check.h"
#include "proxy/cause/internal/backend_causes.h"
#include "proxy/cause/internal/client_causes.h"
#include "proxy/cause/internal/probe_causes.h"
#include "proxy/cause/internal/session_causes.h"

namespace postern {
namespace {

consteval auto join_causes() {
  std::array<CauseRow, kCountOf<Cause>> all{};
  static_assert(kClientCauses.size() + kSessionCauses.size() + kBackendCauses.size() +
                    kProbeCauses.size() ==
                all.size());
  auto next = std::copy(kClientCauses.begin(), kClientCauses.end(), all.begin());
  next = std::copy(kSessionCauses.begin(), kSessionCauses.end(), next);
  next = std::copy(kBackendCauses.begin(), kBackendCauses.end(), next);
  std::copy(kProbeCauses.begin(), kProbeCauses.end(), next);
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].cause != static_cast<Cause>(i)) {
      a_row_is_out_of_place();
    }
  }
  return all;
}
constexpr auto kCauses = join_causes();

// As a user or an operator says it.
constexpr Names<Symptom> kHeadings({
    {Symptom::CertificateNotTrusted, "My client says that the certificate is not trusted"},
    {Symptom::TlsFails, "My client says that TLS fails, or that it cannot connect securely"},
    {Symptom::BehindALoadBalancer, "Clients behind the load balancer do not get in"},
    {Symptom::Refused, "Clients are refused, or get `* BYE [LIMIT]`"},
    {Symptom::Unavailable, "Clients get `* BYE [UNAVAILABLE]`: no server is reached"},
    {Symptom::WrongService, "The server answers, but not as the configuration expects"},
    {Symptom::BackendTls, "TLS between postern and the server fails"},
    {Symptom::LoginsFail, "Logins fail, though the password is right"},
    {Symptom::LoginsAreSlow, "Logins take ten seconds"},
    {Symptom::OnlyTheFirstFew, "Only the first few clients get in"},
    {Symptom::SessionsEnd, "Sessions end by themselves"},
    {Symptom::Shortage, "No new connections, old ones continue"},
    {Symptom::DoesNotStart, "postern does not start"},
    {Symptom::ChangeNotInForce, "A change of the configuration or of a certificate has no effect"},
    {Symptom::ServerProbed, "`postern probe` finds something at a server"},
    {Symptom::NothingWrong, "Ends of sessions with which nothing is wrong"},
});

// What is special to one server, which its greeting gives away.
struct ServerFix {
  Cause cause;
  std::string_view greets;
  const char* fix;
};
constexpr ServerFix kServerFixes[] = {
    {Cause::BackendPrivacyRequired, "Dovecot",
     "Dovecot: put postern's address into `login_trusted_networks`; or announce clients by "
     "`client_identity: proxy_v2` to a listener with `haproxy = yes`, and put postern's address "
     "into `haproxy_trusted_networks`; or set `tls: starttls` at the backend."},
    {Cause::BackendPrivacyRequired, "Cyrus",
     "Cyrus: set `allowplaintext: yes` in imapd.conf (for this service alone: "
     "`SERVICE_allowplaintext`); or set `tls: starttls` at the backend."},
    {Cause::BackendPrivacyRequired, "Courier",
     "Courier: set `IMAP_TLS_REQUIRED=0` in /etc/courier/imapd; or set `tls: starttls` at the "
     "backend."},
    {Cause::BackendPrivacyRequired, "Microsoft Exchange",
     "Exchange: set `tls: starttls` at the backend; or allow passwords in clear by "
     "`Set-ImapSettings -LoginType PlainTextLogin`, and restart its IMAP service."},
    {Cause::ServerTakesPasswordsInClear, "Dovecot",
     "Dovecot: `disable_plaintext_auth = yes` (from 2.4 on `auth_allow_cleartext = no`)."},
    {Cause::ServerTakesPasswordsInClear, "Cyrus", "Cyrus: `allowplaintext: no` in imapd.conf."},
    {Cause::ServerTakesPasswordsInClear, "Courier",
     "Courier: `IMAP_TLS_REQUIRED=1` in /etc/courier/imapd-ssl."},
    {Cause::ServerTakesOldTls, "Dovecot", "Dovecot: `ssl_min_protocol = TLSv1.2`."},
    {Cause::ServerTakesOldTls, "Cyrus", "Cyrus: `tls_versions: tls1_2 tls1_3` in imapd.conf."},
    {Cause::ServerTakesOldTls, "Courier",
     "Courier: `TLS_PROTOCOL=\"TLSv1.2+\"` in /etc/courier/imapd-ssl."},
    {Cause::BackendAddressLimit, "Courier",
     "Courier: raise `MAXPERIP` (20 in Debian) and `MAXDAEMONS` (40) in /etc/courier/imapd; it "
     "knows neither PROXY nor ID."},
    {Cause::BackendAddressLimit, "Dovecot",
     "Dovecot: announce the clients by `client_identity`, with `haproxy_trusted_networks` or "
     "`login_trusted_networks`; or raise `mail_max_userip_connections`."},
    {Cause::BackendAddressLimit, "Cyrus", "Cyrus: raise `maxlogins_per_host` in imapd.conf."},
    {Cause::BackendProxyHeaderUnexpected, "Dovecot",
     "Dovecot: `haproxy = yes` at this `inet_listener`, and postern's address in "
     "`haproxy_trusted_networks`; or take `client_identity` out."},
    {Cause::BackendProxyHeaderUnexpected, "Courier",
     "Courier cannot read a PROXY header: take `client_identity` out."},
    {Cause::BackendProxyHeaderUnexpected, "Cyrus",
     "Cyrus: run the service with `imapd -H` (from 3.12 on), or take `client_identity` out."},
    {Cause::BackendProxyHeaderUnexpected, "Microsoft Exchange",
     "Exchange cannot read a PROXY header: take `client_identity` out."},
};

}  // namespace

const CauseRow& describe(Cause cause) {
  return kCauses[static_cast<size_t>(cause)];
}

const char* fix_for(Cause cause, std::string_view greeting) {
  const auto* found = std::ranges::find_if(kServerFixes, [&](const ServerFix& one) {
    return one.cause == cause && greeting.find(one.greets) != std::string_view::npos;
  });
  return found != std::end(kServerFixes) ? found->fix : describe(cause).fix;
}

std::string causes_markdown() {
  std::string page;
  for (size_t i = 0; i < kCountOf<Symptom>; ++i) {
    const auto symptom = static_cast<Symptom>(i);
    page.append("\n## ").append(kHeadings[symptom]).append("\n");
    for (const CauseRow& row : kCauses) {
      if (row.symptom != symptom) {
        continue;
      }
      page.append("\n### ").append(row.name).append("\n");
      page.append(row.explanation).append("\n\n");
      page.append("- **At fault**: the ").append(name_of(row.at_fault)).append("\n");
      page.append("- **Do**: ").append(row.fix).append("\n");
    }
  }
  return page;
}

}  // namespace postern
