// What can be wrong on the way to a server, and at the server, in the order of Cause.
#pragma once

#include <array>

#include "proxy/cause/cause.h"

namespace postern {

inline constexpr auto kBackendCauses = std::to_array<CauseRow>({
    {Cause::BackendUnavailable, "backend_unavailable", Party::Backend, Symptom::Unavailable,
     "No server of the backend could be reached or was willing to serve.",
     "`postern_backend_connects_total` by `result`, and the log's `backend failed` with its "
     "`cause`, say why each server failed."},
    {Cause::BackendConnectionRefused, "backend_connection_refused", Party::Backend,
     Symptom::Unavailable, "Nothing listens at the server's address and port.",
     "Start the server, or correct the port in `servers`: 143 for `tls: none` and `starttls`, 993 "
     "for `implicit`. A firewall that rejects looks the same."},
    {Cause::BackendTimedOut, "backend_timed_out", Party::Network, Symptom::Unavailable,
     "Nobody answers within `timeouts.connect`, or the server stops within the dialogue before a "
     "session.",
     "The host is off, the address in `servers` is wrong, or a firewall drops: try `nc -vz HOST "
     "PORT` from this machine."},
    {Cause::BackendUnreachable, "backend_unreachable", Party::Network, Symptom::Unavailable,
     "No route leads to the server's address, or its network says that the host is not there.",
     "`ip route get ADDRESS` on this machine; then the router on the way."},
    {Cause::BackendConnectionReset, "backend_connection_reset", Party::Backend,
     Symptom::Unavailable, "The server breaks the connection off.",
     "A PROXY header from an address that the server does not trust (Dovecot: "
     "`haproxy_trusted_networks`), or a crash: the server's own log."},
    {Cause::BackendConnectionClosed, "backend_connection_closed", Party::Backend,
     Symptom::Unavailable, "The server hangs up before its greeting or within TLS, without a word.",
     "Most often its limit of connections per address (Courier: `MAXPERIP`, 20 in Debian), see "
     "`backend_address_limit`; else a PROXY "
     "header that it wants or does not take from postern (Dovecot: `haproxy_trusted_networks`), "
     "tcp-wrappers, a port that wants TLS, or a crash: the server's own log."},
    {Cause::BackendGreetingTimeout, "backend_greeting_timeout", Party::Backend,
     Symptom::Unavailable,
     "The connection stands, but no whole greeting came in time, nor an answer to a ClientHello.",
     "If the server is slow (a DNS or ident look-up of its clients, too few processes), mend that "
     "there, or raise `timeouts.connect`. `postern check --preflight` finds out whether it waits "
     "for something else."},
    {Cause::BackendSlow, "backend_slow", Party::Backend, Symptom::LoginsAreSlow,
     "The connection stands, postern has spoken first, but no whole greeting came in time.",
     "The server is slow, or a look-up of its clients' names is: mend it there, or raise "
     "`timeouts.connect`."},
    {Cause::BackendBye, "backend_bye", Party::Backend, Symptom::Unavailable,
     "The server greets with BYE: it does not want to serve now. The log's `said` has its words.",
     "As it says; most often too many connections, see `backend_address_limit`, or maintenance."},
    {Cause::BackendAddressLimit, "backend_address_limit", Party::Operator, Symptom::OnlyTheFirstFew,
     "The server's limit of connections from one address: behind postern all clients have "
     "postern's, unless `client_identity` announces them.",
     "Courier: raise `MAXPERIP` (20 in Debian) and `MAXDAEMONS` (40). Dovecot: announce the "
     "clients "
     "by `client_identity`, or raise `mail_max_userip_connections`. Cyrus: `maxlogins_per_host`. "
     "A fail2ban at the server must not ban postern."},
    {Cause::BackendAuthPenalty, "backend_auth_penalty", Party::Operator, Symptom::LoginsAreSlow,
     "Dovecot delays each login of an address by up to 15 s once logins from it have failed, and "
     "behind postern all clients have one address.",
     "Announce the clients by `client_identity` (Dovecot: `haproxy_trusted_networks` or "
     "`login_trusted_networks`), or turn it off there: `service anvil { unix_listener "
     "anvil-auth-penalty { mode = 0 } }`."},
    {Cause::BackendNameNotFound, "backend_name_not_found", Party::Operator, Symptom::Unavailable,
     "The server's name has no address.",
     "It is misspelt in `servers`, or missing in the DNS that this machine uses: `getent hosts "
     "NAME`."},
    {Cause::NameServerUnavailable, "name_server_unavailable", Party::Network, Symptom::Unavailable,
     "No name server could answer. Addresses that are known stay in use.",
     "`/etc/resolv.conf` of this machine or container, and the name servers in it."},
    {Cause::NameServerSilent, "name_server_silent", Party::Network, Symptom::Unavailable,
     "The name servers have not answered in time: they are slow, or something drops the questions. "
     "Addresses that are known stay in use.",
     "Ask each `nameserver` of `/etc/resolv.conf` yourself: `dig @ADDRESS NAME`. One that is dead "
     "must go from the file; a firewall must let UDP and TCP port 53 pass. Until then name the "
     "server by its address."},
    {Cause::BackendOvertaken, "backend_overtaken", Party::Backend, Symptom::LoginsAreSlow,
     "Another server or address greeted first, after this one had been asked.",
     "Nothing, unless it rises at one server alone: that one is slow or dead."},
    {Cause::BackendFull, "backend_full", Party::Operator, Symptom::Refused,
     "The server has its `max_sessions`, and the next one was tried.",
     "Raise `max_sessions`, or add a server."},
    {Cause::BackendDrained, "backend_drained", Party::Operator, Symptom::Unavailable,
     "Every server of the backend drains: by `postern admin drain`, or by `drain` in the "
     "configuration.",
     "`postern admin undrain server=HOST:PORT` takes the former back; take the latter out of the "
     "configuration, and reload. `/status` says which it is."},
    {Cause::UserHeld, "user_held", Party::Operator, Symptom::NothingWrong,
     "The user's line in `users.map` says `unavailable`, as while the mail is copied to another "
     "server; then the new backend goes into the line.",
     "Nothing."},
    {Cause::NoLocalPort, "no_local_port", Party::Operator, Symptom::Shortage,
     "All local ports toward the server are in use.",
     "Name more addresses of this machine in `source`, widen net.ipv4.ip_local_port_range, or name "
     "more addresses of the server."},
    {Cause::SourceNotAvailable, "source_not_available", Party::Operator, Symptom::Unavailable,
     "What `source` names is no address of this machine.", "`ip address` shows those that it has."},
    {Cause::AddressNotAvailable, "address_not_available", Party::Operator, Symptom::Shortage,
     "This machine has no IPv6, or no local port is left.",
     "Name the server by its IPv4 address, name more addresses of this machine in `source`, or "
     "widen net.ipv4.ip_local_port_range."},
    {Cause::ConnectionNotPermitted, "connection_not_permitted", Party::Operator,
     Symptom::Unavailable, "This machine does not let postern connect there.",
     "A local firewall (`nft list ruleset`), a network policy, or the unit's `IPAddressDeny`."},
    {Cause::BackendNotImap, "backend_not_imap", Party::Operator, Symptom::WrongService,
     "What answers at this port is no IMAP server; the log's `said` has its words.",
     "Correct the port: IMAP is 143 (`tls: none`, `starttls`) or 993 (`implicit`)."},
    {Cause::BackendSpeaksPop3, "backend_speaks_pop3", Party::Operator, Symptom::WrongService,
     "A POP3 server answers at this port.",
     "POP3 is 110 and 995; IMAP is 143 (`tls: none`, `starttls`) or 993 (`implicit`)."},
    {Cause::BackendSpeaksSmtp, "backend_speaks_smtp", Party::Operator, Symptom::WrongService,
     "An SMTP or LMTP server answers at this port.",
     "SMTP is 25, 465 and 587; IMAP is 143 (`tls: none`, `starttls`) or 993 (`implicit`)."},
    {Cause::BackendSpeaksHttp, "backend_speaks_http", Party::Operator, Symptom::WrongService,
     "A web server answers at this port.",
     "Correct the port: IMAP is 143 (`tls: none`, `starttls`) or 993 (`implicit`)."},
    {Cause::BackendSpeaksTls, "backend_speaks_tls", Party::Operator, Symptom::WrongService,
     "The server speaks TLS from the first byte, and `tls` of the backend is `none` or `starttls`.",
     "Set `tls: implicit`, or take port 143."},
    {Cause::BackendSpeaksPlain, "backend_speaks_plain", Party::Operator, Symptom::WrongService,
     "The server greets in clear, and `tls` of the backend is `implicit`.",
     "Set `tls: starttls` (or `none`), or take port 993."},
    {Cause::BackendProxyHeaderExpected, "backend_proxy_header_expected", Party::Operator,
     Symptom::WrongService,
     "The server waits for a PROXY header before it greets, and `client_identity` sends none.",
     "Set `client_identity: proxy_v2`, or use a port without (Dovecot: `haproxy = yes` belongs to "
     "the `inet_listener`)."},
    {Cause::BackendProxyHeaderUnexpected, "backend_proxy_header_unexpected", Party::Operator,
     Symptom::WrongService,
     "`client_identity` sends a PROXY header, and to the server that is a bad command: clients get "
     "a stray `BAD`, or the server hangs up.",
     "Let the server expect it (Dovecot: `haproxy = yes` at the `inet_listener`, and postern's "
     "address in `haproxy_trusted_networks`), or take `client_identity` out. Courier and Exchange "
     "cannot read it."},
    {Cause::BackendPreauth, "backend_preauth", Party::Backend, Symptom::WrongService,
     "The server greets with PREAUTH: on this hop everybody is logged in without a password, and "
     "STARTTLS is ruled out.",
     "Connect to a port that asks for a login; if PREAUTH is meant, the hop must be `tls: none` or "
     "`implicit`."},
    {Cause::BackendPrivacyRequired, "backend_privacy_required", Party::Operator,
     Symptom::LoginsFail,
     "The server takes no password on a hop in clear: it shows LOGINDISABLED or answers "
     "`[PRIVACYREQUIRED]`. postern hides the former from clients, but each login fails. Dovecot's "
     "words for users, `Plaintext authentication not allowed without SSL/TLS`, are about that hop: "
     "between client and postern there was TLS.",
     "Dovecot: put postern's address into `login_trusted_networks`, or announce clients with "
     "`client_identity` and `haproxy_trusted_networks`. Cyrus: `allowplaintext: yes`. Courier: "
     "`IMAP_TLS_REQUIRED=0`. Any server: `tls: starttls` or `implicit` at the backend."},
    {Cause::BackendStarttlsMissing, "backend_starttls_missing", Party::Backend, Symptom::BackendTls,
     "`tls` of the backend is `starttls`, and the server does not offer STARTTLS; or somebody "
     "between removes it.",
     "Turn TLS on in the server (it lacks a certificate, as a rule), or use `implicit`."},
    {Cause::BackendStarttlsRefused, "backend_starttls_refused", Party::Backend, Symptom::BackendTls,
     "The server offers STARTTLS and then says no to it.",
     "The server's own log: most often it cannot read its key or certificate."},
    {Cause::BackendStarttlsInjection, "backend_starttls_injection", Party::Network,
     Symptom::BackendTls,
     "Bytes came in clear after the server's OK to STARTTLS: a broken server, or somebody who "
     "injects commands on the hop.",
     "If the server is not known for it, look for who can write to that network."},
    {Cause::BackendUnsupportedVersion, "backend_unsupported_version", Party::Backend,
     Symptom::BackendTls, "The server knows no TLS version that `min_version` allows.",
     "Update the server, or set `min_version: \"1.0\"` for this backend alone; clients still get "
     "TLS 1.2 and 1.3."},
    {Cause::BackendNoSharedParameters, "backend_no_shared_parameters", Party::Backend,
     Symptom::BackendTls,
     "The server and postern have no cipher suite, group or signature in common.",
     "An old server may need `min_version: \"1.0\"` for this backend, which allows older suites "
     "too; else its list of ciphers is too narrow (Dovecot: `ssl_cipher_list`)."},
    {Cause::BackendCertificateUntrusted, "backend_certificate_untrusted", Party::Operator,
     Symptom::BackendTls,
     "The server's certificate is from an authority that `verify.ca` does not have, or the server "
     "leaves out the intermediate between them. The log's `finding` names the issuer.",
     "If `verify.ca` has the root, let the server send the intermediate too (`fullchain.pem`); "
     "else "
     "name its authority in `verify.ca`, or its key in `pin_sha256`."},
    {Cause::BackendCertificateSelfSigned, "backend_certificate_self_signed", Party::Operator,
     Symptom::BackendTls,
     "The server's certificate is self-signed, and `verify.ca` does not have it.",
     "If it is the server's own, name the certificate itself in `verify.ca`, or its key in "
     "`pin_sha256`; if the server should have another one, it has not found that."},
    {Cause::BackendCertificateExpired, "backend_certificate_expired", Party::Backend,
     Symptom::BackendTls, "The server's certificate has ended; the log's `finding` has the dates.",
     "Renew it at the server, and restart the server; a pin alone (`pin_sha256` without `ca`) does "
     "not look at dates."},
    {Cause::BackendCertificateNotYetValid, "backend_certificate_not_yet_valid", Party::Backend,
     Symptom::BackendTls,
     "The server's certificate is not valid yet; the log's `finding` has the dates.",
     "Compare the clocks: `date -u` here, at the server, and where the certificate is issued. If "
     "they are right, the server must show its former certificate until then."},
    {Cause::BackendCertificateNameMismatch, "backend_certificate_name_mismatch", Party::Operator,
     Symptom::BackendTls,
     "The server's certificate is for other names; the log's `finding` has the wanted one and "
     "those that it has (a common name is none).",
     "Set `verify.name` to one of its names, or write that name into `servers`."},
    {Cause::BackendCertificatePinMismatch, "backend_certificate_pin_mismatch", Party::Operator,
     Symptom::BackendTls, "The public key of the server's certificate is not a pinned one.",
     "If the server has a new key, add its pin to `pin_sha256`; else somebody else answers."},
    {Cause::BackendWantsCertificate, "backend_wants_certificate", Party::Backend,
     Symptom::BackendTls,
     "The server wants a client certificate, and postern shows none, or one that it refuses.",
     "Set `client_certificate` of the backend to one that the server's own authorities have "
     "signed, or turn that off for postern's address at the server."},
    {Cause::BackendBrokeOff, "backend_broke_off", Party::Backend, Symptom::BackendTls,
     "The server broke the handshake off with an alert; the log has its name.",
     "The server's own log says why."},
    {Cause::BackendTlsViolation, "backend_tls_violation", Party::Backend, Symptom::BackendTls,
     "What the server sent is not TLS as it should be; the log's `detail` says what.",
     "Is it a TLS port? If so, update the server's TLS library."},
});

}  // namespace postern
