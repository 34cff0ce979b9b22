// What `postern probe` finds at a server, whether or not a gateway stands in front of it, in the
// order of Cause. What a probe and a gateway see alike is a row of backend_causes.h.
#pragma once

#include <array>

#include "proxy/cause/cause.h"

namespace postern {

inline constexpr auto kProbeCauses = std::to_array<CauseRow>({
    {Cause::ServerNameNotFound, "server_name_not_found", Party::Operator, Symptom::ServerProbed,
     "The name has no address in the DNS that this machine uses.",
     "Look for a misspelling; else add its A or AAAA record: `dig NAME A` and `dig NAME AAAA` show "
     "what there is."},
    {Cause::ServerRefused, "server_refused", Party::Backend, Symptom::ServerProbed,
     "Nothing listens at this address and port: the connection is refused at once.",
     "Start the IMAP server, or let it listen there (`ss -ltn` on its machine). A firewall that "
     "rejects looks the same."},
    {Cause::ServerFiltered, "server_filtered", Party::Network, Symptom::ServerProbed,
     "Nobody answers at this address and port, neither with yes nor with no.",
     "A firewall drops the packets, the host is off, or the name has a wrong address: compare the "
     "address with that of the server, then open the port in each firewall on the way."},
    {Cause::ServerSilent, "server_silent", Party::Backend, Symptom::ServerProbed,
     "The connection stands, but the server says nothing: it neither greets in clear nor answers "
     "TLS.",
     "It is overloaded, it waits for the PROXY header of a load balancer (then ask its other "
     "port), or something on the way has taken the connection in its place."},
    {Cause::ServerHangsUp, "server_hangs_up", Party::Backend, Symptom::ServerProbed,
     "The server accepts the connection and ends it without a word.",
     "Most often it has banned this address (fail2ban), or has its limit of connections from it "
     "(Courier: `MAXPERIP`); else tcp-wrappers, the PROXY header of a load balancer that it wants, "
     "or a crash: its own log."},
    {Cause::ServerSpeaksTls, "server_speaks_tls", Party::Operator, Symptom::ServerProbed,
     "TLS begins at once at port 143, where clients expect IMAP in clear and STARTTLS.",
     "Move TLS to port 993, and let 143 speak IMAP with STARTTLS; clients that are set to SSL/TLS "
     "on 143 get in meanwhile."},
    {Cause::ServerSpeaksClear, "server_speaks_clear", Party::Operator, Symptom::ServerProbed,
     "IMAP in clear answers at port 993, where clients expect TLS at once.",
     "Turn TLS on for this port (Dovecot: `ssl = yes` at the `inet_listener`), or put postern in "
     "front of it."},
    {Cause::ServerSpeaksOther, "server_speaks_other", Party::Operator, Symptom::ServerProbed,
     "What answers at this port is no IMAP server.",
     "IMAP is 993 (TLS at once) and 143 (STARTTLS); POP3 is 995 and 110, SMTP 465, 587 and 25, "
     "HTTP 443 and 80. Ask the right port, or correct the forwarding to this one."},
    {Cause::ServerLacksTlsPort, "server_lacks_tls_port", Party::Operator, Symptom::ServerProbed,
     "IMAP with TLS from the first byte, on port 993, is not offered; RFC 8314 prefers it to "
     "STARTTLS, and many clients try it first.",
     "Let the server listen on 993 and open the port, or put postern in front of it."},
    {Cause::ServerLacksStarttls, "server_lacks_starttls", Party::Backend, Symptom::ServerProbed,
     "The port in clear offers no STARTTLS, so that passwords and mail can be read on the way; or "
     "somebody between takes the offer out.",
     "Turn TLS on in the server: it lacks a certificate, as a rule. If its own log shows that it "
     "offers STARTTLS, look between for a firewall or virus scanner that inspects IMAP, and set "
     "clients to SSL/TLS on 993."},
    {Cause::ServerTakesPasswordsInClear, "server_takes_passwords_in_clear", Party::Operator,
     Symptom::ServerProbed,
     "Before TLS the server does not say LOGINDISABLED, so a client may send its password in "
     "clear.",
     "Dovecot: `disable_plaintext_auth = yes` (from 2.4 on `auth_allow_cleartext = no`). Cyrus: "
     "`allowplaintext: no`. Courier: `IMAP_TLS_REQUIRED=1`. Or let postern serve 143, and keep "
     "the server's own port to postern."},
    {Cause::ServerLogsInUnasked, "server_logs_in_unasked", Party::Operator, Symptom::ServerProbed,
     "The server greets with PREAUTH: everybody who connects is logged in without a password.",
     "Close this port to the network, or let it ask for a login: PREAUTH belongs to a local pipe."},
    {Cause::ServerRunsInjectedCommands, "server_runs_injected_commands", Party::Backend,
     Symptom::ServerProbed,
     "A command that went in clear, in one packet with STARTTLS, is answered inside TLS: somebody "
     "on the way can put commands in front of those of the client (CVE-2011-0411).",
     "Update the server: it must forget what it has read before the handshake. Until then offer "
     "993 alone, or put postern in front of it."},
    {Cause::ServerLoginDisabled, "server_login_disabled", Party::Operator, Symptom::ServerProbed,
     "Inside TLS the server still says LOGINDISABLED: no client can log in by a password.",
     "The server does not know that the connection is encrypted, or its password logins are off: "
     "Cyrus `allowplaintext`, Dovecot `auth_mechanisms`; behind a TLS front see "
     "`backend_privacy_required`."},
    {Cause::ServerMailboxFails, "server_mailbox_fails", Party::Backend, Symptom::ServerProbed,
     "The login succeeds, and then the server refuses a command about the mailboxes.",
     "The server's own log: the rights or the place of this user's mail, or a damaged index."},
    {Cause::ServerTlsTooOld, "server_tls_too_old", Party::Backend, Symptom::ServerProbed,
     "The server knows TLS 1.0 or 1.1 and nothing newer; today's clients refuse both (RFC 8996).",
     "Turn TLS 1.2 and 1.3 on, or update the TLS library of the server; if neither is possible, "
     "put postern in front of it, with `min_version: \"1.0\"` at this backend."},
    {Cause::ServerTakesOldTls, "server_takes_old_tls", Party::Operator, Symptom::ServerProbed,
     "The server still accepts TLS 1.0 or 1.1, which RFC 8996 forbids.",
     "Dovecot: `ssl_min_protocol = TLSv1.2`. Cyrus: `tls_versions: tls1_2 tls1_3`. Courier: "
     "`TLS_PROTOCOL=\"TLSv1.2+\"`. Other servers: their minimum of the TLS version."},
    {Cause::ServerLacksTls13, "server_lacks_tls13", Party::Backend, Symptom::ServerProbed,
     "The server does not know TLS 1.3.",
     "Update its TLS library (OpenSSL 1.1.1 or later), or put postern in front of it."},
    {Cause::ServerLacksPostQuantum, "server_lacks_post_quantum", Party::Backend,
     Symptom::ServerProbed,
     "The key exchange is not post-quantum: what is recorded today can be read once there are "
     "quantum computers.",
     "Update its TLS library (OpenSSL 3.5 or later has X25519MLKEM768), or put postern in front of "
     "it."},
    {Cause::ServerLacksForwardSecrecy, "server_lacks_forward_secrecy", Party::Operator,
     Symptom::ServerProbed,
     "The suite that was chosen has no forward secrecy: the server's key, once stolen, opens all "
     "that was recorded before.",
     "Allow suites with ECDHE, and rank them first: `HIGH:!kRSA` in a list of OpenSSL (Dovecot: "
     "`ssl_cipher_list`; Cyrus: `tls_ciphers`; Courier: `TLS_CIPHER_LIST`)."},
    {Cause::ServerRefusesLargeHello, "server_refuses_large_hello", Party::Backend,
     Symptom::ServerProbed,
     "The server, or a firewall before it, breaks off at a ClientHello with a post-quantum key "
     "share, which is too large for one packet, and accepts a smaller one: new browsers and mail "
     "programs fail there.",
     "Update the server's TLS library and the firewalls that inspect TLS before it."},
    {Cause::ServerCertificateUntrusted, "server_certificate_untrusted", Party::Operator,
     Symptom::ServerProbed,
     "The certificate is self-signed, or from an authority that this system does not trust: "
     "clients warn or refuse.",
     "Have it issued by a public authority (docs/certificates.md has the ways by ACME). If the "
     "authority is your own, install it in the clients, and name it by `--ca` here."},
    {Cause::ServerChainIncomplete, "server_chain_incomplete", Party::Operator,
     Symptom::ServerProbed,
     "The server sends its own certificate alone, and its issuer is not one that this system "
     "trusts: an intermediate is missing, or the authority is your own. Some clients find "
     "intermediates by themselves, others refuse.",
     "Let the server send the intermediate too: of certbot `fullchain.pem`, not `cert.pem`. An "
     "authority of your own goes into the clients, and into `--ca` here."},
    {Cause::ServerCertificateExpired, "server_certificate_expired", Party::Operator,
     Symptom::ServerProbed, "A certificate of the chain has ended.",
     "Renew it, and restart or reload the server: many read it at their start alone. If it was "
     "renewed, the server still serves the old file."},
    {Cause::ServerCertificateNotYetValid, "server_certificate_not_yet_valid", Party::Operator,
     Symptom::ServerProbed, "A certificate of the chain is not valid yet.",
     "Look at the clocks, here and where it was issued; if they are right, let the server show its "
     "former certificate until then."},
    {Cause::ServerCertificateNameMismatch, "server_certificate_name_mismatch", Party::Operator,
     Symptom::ServerProbed, "The certificate is for other names than the one that was asked for.",
     "Have it issued for this name too, or set clients up with a name that it has."},
    {Cause::ServerCertificateEndsSoon, "server_certificate_ends_soon", Party::Operator,
     Symptom::ServerProbed, "The certificate ends soon, in less than a fifth of its lifetime.",
     "The renewal should have happened: look at its job (`systemctl list-timers`, the log of the "
     "ACME client), and at whether the server reads the new file."},
    {Cause::ServerKeyWeak, "server_key_weak", Party::Operator, Symptom::ServerProbed,
     "The certificate has an RSA key of fewer than 2048 bits, which many clients refuse.",
     "Have a new one issued for an ECDSA key on P-256, or RSA of 2048 bits."},
    {Cause::ServerStapleMissing, "server_staple_missing", Party::Operator, Symptom::ServerProbed,
     "The certificate is Must-Staple, and the server staples no OCSP response: clients that know "
     "this refuse it.",
     "Have a certificate issued without Must-Staple: few IMAP servers can staple."},
    {Cause::ServerStapleOutdated, "server_staple_outdated", Party::Operator, Symptom::ServerProbed,
     "The OCSP response that the server staples is out of date or not about its certificate.",
     "Mend the job that fetches it, or turn stapling off."},
    {Cause::ServerSlow, "server_slow", Party::Backend, Symptom::ServerProbed,
     "A step took more than a second: clients wait as long at each connection.",
     "A greeting that takes long is a look-up of the client's name (DNS, ident) or a lack of "
     "processes at the server; a handshake that does is its processor; a connection, the network."},
});

}  // namespace postern
