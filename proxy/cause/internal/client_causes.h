// What can be wrong between a client and the gateway, in the order of Cause.
#pragma once

#include <array>

#include "proxy/cause/cause.h"

namespace postern {

inline constexpr auto kClientCauses = std::to_array<CauseRow>({
    {Cause::ClientRejectsCertificate, "client_rejects_certificate", Party::Operator,
     Symptom::CertificateNotTrusted,
     "The client does not accept the certificate, most often because it is for another name than "
     "the one that the client was set up with; or its user has rejected it.",
     "Compare the log's `sni` with the names that `postern check` prints. The first certificate is "
     "for all other names: have one issued for this name, or set the client up with a name that it "
     "has."},
    {Cause::ClientDoesNotKnowAuthority, "client_does_not_know_authority", Party::Operator,
     Symptom::CertificateNotTrusted,
     "The client finds no way from the certificate to an authority that it trusts: an intermediate "
     "is missing, the authority is your own, or a TLS inspector stands between.",
     "With many clients: let `chain` have the leaf and its intermediate (`fullchain.pem`); "
     "`postern "
     "check` names what is missing. With one client: install your authority there, or look for an "
     "inspecting firewall or virus scanner on its way."},
    {Cause::ClientFindsCertificateExpired, "client_finds_certificate_expired", Party::Operator,
     Symptom::CertificateNotTrusted,
     "By the client's clock a certificate of the chain has ended or is not valid yet.",
     "Put a renewed chain and its key in place if the log has said `certificate has expired` or "
     "`/status` shows that it has ended; `postern check` prints the dates of leaf and "
     "intermediates. Only if they are right, the client's clock is wrong."},
    {Cause::ClientWantsStaple, "client_wants_staple", Party::Operator,
     Symptom::CertificateNotTrusted,
     "The client wants another OCSP response than the one that is stapled.",
     "The certificate is Must-Staple, or `ocsp` is out of date: mend the job that fetches it, or "
     "have a certificate issued without Must-Staple."},
    {Cause::ClientUnsupportedVersion, "client_unsupported_version", Party::Client,
     Symptom::TlsFails,
     "The client offers no TLS version that `tls.policy` allows; the log has its highest as "
     "`offered`.",
     "If it knows TLS 1.2 and the policy is `modern`, use `intermediate`. A client without TLS 1.2 "
     "must be updated or replaced: no setting admits it."},
    {Cause::ClientNoSharedCipher, "client_no_shared_cipher", Party::Client, Symptom::TlsFails,
     "No cipher suite is common to the client and `tls.policy`.",
     "Update the client. Outlook on Windows 7 to 8.1 needs an ECDSA certificate beside the RSA "
     "one; "
     "a custom policy may be too narrow."},
    {Cause::ClientNoSharedGroup, "client_no_shared_group", Party::Client, Symptom::TlsFails,
     "No group for the key exchange is common to the client and `tls.policy`.",
     "Add `X25519` or `P-256` to `groups` of the policy. With `X25519MLKEM768` alone every client "
     "without post-quantum key exchange is refused, as asked for."},
    {Cause::ClientNoSharedSignature, "client_no_shared_signature", Party::Client, Symptom::TlsFails,
     "The client can verify none of the certificates' signatures.",
     "Name a second certificate for the same names, RSA beside ECDSA."},
    {Cause::ClientRefusesParameters, "client_refuses_parameters", Party::Client, Symptom::TlsFails,
     "The client broke off because it accepts none of what the gateway offers: version, suite or "
     "strength.",
     "The log's `alert` says which. Update the client, or compare `tls.policy` with what it can "
     "do."},
    {Cause::ClientNoApplicationProtocol, "client_no_application_protocol", Party::Client,
     Symptom::TlsFails,
     "The client offers protocols by ALPN, and `imap` is not among them, as some HTTP libraries "
     "do; the log has them as `alpn_offered`.",
     "If such a client has to be served, set `alpn: lax` at the listener."},
    {Cause::ClientPlaintextImap, "client_plaintext_imap", Party::Client, Symptom::TlsFails,
     "The client speaks IMAP in clear on a port where TLS begins at once.",
     "Set the client to SSL/TLS on port 993, not to STARTTLS or to no encryption."},
    {Cause::ClientPlaintextHttp, "client_plaintext_http", Party::Client, Symptom::TlsFails,
     "An HTTP request came in clear where TLS should begin.",
     "A scanner or a health check that takes the port for a web server: point it at `/ready` of "
     "the admin endpoint, or name its network in `log.probes`."},
    {Cause::ClientNotTls, "client_not_tls", Party::Client, Symptom::TlsFails,
     "What came first is no TLS.",
     "A scanner, or a client for another service. If it is yours: SSL/TLS on port 993."},
    {Cause::ClientTlsOnCleartext, "client_tls_on_cleartext", Party::Client, Symptom::TlsFails,
     "The client begins TLS at once on a port with STARTTLS.",
     "Set the client to STARTTLS on port 143, or to SSL/TLS on port 993."},
    {Cause::ClientHttpOnCleartext, "client_http_on_cleartext", Party::Client, Symptom::TlsFails,
     "An HTTP request came where IMAP is expected.",
     "A scanner or a health check that takes the port for a web server."},
    {Cause::ClientNoCertificate, "client_no_certificate", Party::Client, Symptom::TlsFails,
     "The client has no certificate, and `tls.client_ca` requires one.",
     "Install a certificate in the client, or set `mode: optional`."},
    {Cause::ClientCertificateUntrusted, "client_certificate_untrusted", Party::Client,
     Symptom::TlsFails, "The client's certificate does not lead to an authority of `client_ca`.",
     "Have it issued by one of them, or add its authority to the file."},
    {Cause::ClientCertificateExpired, "client_certificate_expired", Party::Client,
     Symptom::TlsFails, "The client's certificate has expired or is not valid yet.",
     "Renew the certificate of the client."},
    {Cause::ClientCertificateRevoked, "client_certificate_revoked", Party::Client,
     Symptom::TlsFails, "The client's certificate is in the CRL.",
     "Nothing, if it was revoked on purpose; else have a new one issued."},
    {Cause::ClientRevocationUnknown, "client_revocation_unknown", Party::Operator,
     Symptom::TlsFails,
     "No list of `client_ca.crl` that is in force covers the client's certificate, so no such "
     "client gets in.",
     "Fetch the current CRL of that authority; postern reads it within two seconds."},
    {Cause::ClientBrokeOff, "client_broke_off", Party::Client, Symptom::TlsFails,
     "The client broke the handshake off with an alert.",
     "The log's `alert` has its name; the client's own log says why."},
    {Cause::ClientLeftHandshake, "client_left_handshake", Party::Network, Symptom::TlsFails,
     "The connection ended within the handshake, without a word.",
     "Scanners, port checks and bad lines do that. If it is everybody: a firewall or load balancer "
     "between, or a client that rejects the certificate silently."},
    {Cause::ClientTlsViolation, "client_tls_violation", Party::Client, Symptom::TlsFails,
     "What the client sent is not TLS as it should be.",
     "The log's `detail` says what, `alert` what the gateway answered. Update the client; if it "
     "is all of them on one network, something there changes the bytes."},
    {Cause::ClientCommandTooLong, "client_command_too_long", Party::Client, Symptom::Refused,
     "A line or literal of the client before its login is longer than allowed.",
     "A very large Kerberos ticket needs a larger `limits.command_before_login`; all else is no "
     "honest client."},
    {Cause::ClientTalksTooMuch, "client_talks_too_much", Party::Client, Symptom::Refused,
     "The client has said more before its login than any client needs: commands, bytes, or "
     "commands that the gateway refuses.",
     "`postern_protocol_violations_total` names which. For an honest client raise "
     "`limits.commands_before_login`."},
    {Cause::ClientViolation, "client_violation", Party::Client, Symptom::SessionsEnd,
     "The client broke the protocol or one of its limits.",
     "`postern_protocol_violations_total` and the log's `error` name the violation; update the "
     "client."},
    {Cause::HandshakeFailed, "handshake_failed", Party::Client, Symptom::TlsFails,
     "TLS with the client failed.",
     "`postern_handshake_failures_total` by `reason` and the log's `cause` say why."},
    {Cause::HandshakeTimeout, "handshake_timeout", Party::Client, Symptom::TlsFails,
     "The client did not complete TLS within `timeouts.handshake`.",
     "Clients that connect to 993 and say nothing: one that waits for a greeting in clear must be "
     "set to SSL/TLS. If it is everybody, the processor is the limit: "
     "`postern_handshake_duration_seconds`."},
    {Cause::ProxyHeaderMissing, "proxy_header_missing", Party::Operator,
     Symptom::BehindALoadBalancer,
     "The load balancer's network is in `proxy_protocol.from`, but the connection did not begin "
     "with a PROXY header.",
     "Turn the header on at the load balancer (HAProxy: `send-proxy-v2`), or take its network out "
     "of `from`."},
    {Cause::ProxyHeaderRefused, "proxy_header_refused", Party::Operator,
     Symptom::BehindALoadBalancer,
     "A PROXY header came from an address that may not send one, or a second one after the first.",
     "Add the load balancer's network to `proxy_protocol.from` of this listener; of two proxies in "
     "a row only one may send it."},
    {Cause::ProxyHeaderInvalid, "proxy_header_invalid", Party::Operator,
     Symptom::BehindALoadBalancer,
     "The PROXY header is broken, too long, cut off, or says one family and has an address of the "
     "other.",
     "`postern_proxy_headers_total` by `result` says which. `mixed`: the load balancer takes the "
     "client's address from elsewhere, as nginx does with realip."},
    {Cause::ProxyHeaderTimeout, "proxy_header_timeout", Party::Operator,
     Symptom::BehindALoadBalancer,
     "The load balancer connects and sends no PROXY header in time, as a health check may.",
     "Let the health check send the header, or name its network in `log.probes`."},
});

}  // namespace postern
