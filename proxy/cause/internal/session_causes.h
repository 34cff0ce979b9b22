// Why the gateway refuses a session or ends it, and what a login meets, in the order of Cause.
#pragma once

#include <array>

#include "proxy/cause/cause.h"

namespace postern {

inline constexpr auto kSessionCauses = std::to_array<CauseRow>({
    {Cause::LimitSessions, "limit_sessions", Party::Operator, Symptom::Refused,
     "Refused: all sessions are in use that `limits.sessions` or, if `setting` says so, the limit "
     "of open files allows, "
     "and none of them may give way.",
     "Raise both together with memory (`LimitNOFILE` to 300 above twice `limits.sessions`), or add "
     "a replica."},
    {Cause::LimitAddress, "limit_address", Party::Operator, Symptom::Refused,
     "Refused: the client's address has `limits.sessions_per_address` already.",
     "Many users behind one address (NAT, webmail, a load balancer): raise it, or let the load "
     "balancer announce its clients by the PROXY protocol. Else a client out of control: the log "
     "names its address."},
    {Cause::LimitHandshakes, "limit_handshakes", Party::Operator, Symptom::Refused,
     "Refused: too many handshakes at one time, of all clients or of one address.",
     "More processors, or an attack; if it is one address, `limits.handshakes_per_address`."},
    {Cause::LimitListener, "limit_listener", Party::Operator, Symptom::Refused,
     "Refused: all `sessions` of this listener are in use.", "Raise `listeners[].sessions`."},
    {Cause::LimitRate, "limit_rate", Party::Client, Symptom::Refused,
     "Refused: its address connects more often than `limits.connections_per_address` allows.",
     "A client out of control, which the log names, or many users behind one address: raise the "
     "limit."},
    {Cause::LimitMemory, "limit_memory", Party::Gateway, Symptom::Refused,
     "Refused or ended: the process has reached `limits.memory`.",
     "Clients that ask and do not read hold it: the log names those that were ended. Raise "
     "`limits.memory`, or lower `limits.sessions`."},
    {Cause::LimitBackend, "limit_backend", Party::Operator, Symptom::Refused,
     "Refused: each server of the backend that takes sessions has its `max_sessions`, or drains.",
     "Raise `max_sessions`, or add a server."},
    {Cause::Denied, "denied", Party::Operator, Symptom::Refused,
     "Refused: `limits.allow` or `limits.deny` keeps the client's network out.",
     "If it should come in, change the list; the log's `session refused` names the address."},
    {Cause::Banned, "banned", Party::Client, Symptom::Refused,
     "Refused or ended: too many failed logins from its address, see `limits.login_failures`; or "
     "an operator has banned it, and then the log's `setting` is `postern admin ban`.",
     "`postern admin unban client=ADDRESS` lets it in at once, and `postern admin bans` lists all "
     "with their ends. A device with an old password does this to a household; put webmail and "
     "many users behind one address under `exempt`."},
    {Cause::GaveWay, "gave_way", Party::Client, Symptom::Refused,
     "Ended before its login, because all places of a limit were in use and a newcomer needed one: "
     "it waited for its client, or its login was at the server with at least seven others of its "
     "address, or it kept much of an unfinished command while memory was short.",
     "Clients that keep silent hold the places: the log names the `setting`, its `limit` and the "
     "address. Set `limits.connections_per_address`, or deny their network; if it is no flood, "
     "raise the setting."},
    {Cause::LoginTimeout, "login_timeout", Party::Client, Symptom::SessionsEnd,
     "No login within `timeouts.login`.",
     "Scanners and clients that wait for a user do this. If logins are slow at the server, see "
     "there."},
    {Cause::LoginFailed, "login_failed", Party::Client, Symptom::LoginsFail,
     "The server refused the secret: wrong user name or password.",
     "One user: the password. All users and no success: the server's user database, whose own log "
     "says why; take `limits.login_failures` out until it is mended, or users are banned."},
    {Cause::LoginAbandoned, "login_abandoned", Party::Client, Symptom::LoginsFail,
     "The client hung up on its login, or gave it up, before the answer.",
     "If it is many, the server answers too slowly: `postern_login_duration_seconds`."},
    {Cause::LoginMechanismUnsupported, "login_mechanism_unsupported", Party::Client,
     Symptom::LoginsFail, "The server does not take this mechanism of login.",
     "Set the client to another one (normal password), or turn the mechanism on at the server."},
    {Cause::LoginDenied, "login_denied", Party::Backend, Symptom::LoginsFail,
     "Whatever the secret was, the server does not let this user in, or not in this way.",
     "The server's log: a blocked user, a service that is off for this user, another host."},
    {Cause::LoginExpired, "login_expired", Party::Client, Symptom::LoginsFail,
     "The password or token was right once and has expired.",
     "The user sets a new password, or the client fetches a new token."},
    {Cause::LoginUnavailable, "login_unavailable", Party::Backend, Symptom::LoginsFail,
     "The server cannot log users in now: its user database, its storage, or its limit of "
     "connections for one user or address.",
     "The server's own log. For a limit of one address see `backend_address_limit`."},
    {Cause::LoginDelayed, "login_delayed", Party::Gateway, Symptom::LoginsAreSlow,
     "After failed logins of one address postern holds the answers to further ones, longer each "
     "time up to `limits.login_failures.longest_delay`.",
     "This is on purpose. `exempt` is for webmail and for many users behind one address; "
     "`postern_login_failure_delay_seconds` counts them."},
    {Cause::LookupUnavailable, "lookup_unavailable", Party::Operator, Symptom::Unavailable,
     "Ended at its login, because the service that `users.lookup` asks has not said where the user "
     "is.",
     "The log's `cause` says why; `postern_user_lookups_total` counts it."},
    {Cause::LookupUnreachable, "lookup_unreachable", Party::Operator, Symptom::Unavailable,
     "The service of `users.lookup` cannot be reached, or hung up before it had answered.",
     "Start it; compare host and port of `users.lookup.url` with where it listens, and look for a "
     "firewall between."},
    {Cause::LookupNotSecured, "lookup_not_secured", Party::Operator, Symptom::Unavailable,
     "The service of `users.lookup` was reached, but TLS to it failed.",
     "Its certificate must be for the host of `users.lookup.url`, valid, and of `users.lookup.ca`, "
     "or else of an authority of the system; the log's `detail` says which of them is wrong."},
    {Cause::LookupTimedOut, "lookup_timed_out", Party::Operator, Symptom::Unavailable,
     "The service of `users.lookup` has not answered within `users.lookup.timeout`.",
     "Compare `postern_user_lookup_duration_seconds`: make the service faster, keep answers longer "
     "(`users.lookup.cache`), or raise the timeout."},
    {Cause::LookupServiceFailed, "lookup_service_failed", Party::Operator, Symptom::Unavailable,
     "The service of `users.lookup` answers that it cannot answer: a status other than 2xx, "
     "`Auth-Status: WAIT`, or an `Auth-Error-Code` that begins with 4.",
     "Its own log; the log of postern has the status as `detail`."},
    {Cause::LookupInvalidAnswer, "lookup_invalid_answer", Party::Operator, Symptom::Unavailable,
     "What the service of `users.lookup` has sent is no whole answer of HTTP/1, or has no "
     "`Auth-Status`, or says OK without a backend, or a field twice.",
     "Compare it with docs/users.md: `curl -i -H 'Auth-User: NAME' URL` shows it."},
    {Cause::LookupAnswerTooLarge, "lookup_answer_too_large", Party::Operator, Symptom::Unavailable,
     "The answer of the service of `users.lookup` has more than 8 KiB or 64 fields in its head, or "
     "more than 64 KiB in its body.",
     "`users.lookup.url` leads to a page for people; or take out of the answer what is not of "
     "docs/users.md."},
    {Cause::LookupUnknownBackend, "lookup_unknown_backend", Party::Operator, Symptom::Unavailable,
     "The service of `users.lookup` names a backend, or a server, that the configuration does not "
     "have; the log's `detail` says which.",
     "Let it answer with `Auth-Backend` and a name out of `backends`, or with `Auth-Server` and "
     "`Auth-Port` as a backend's `servers` have them; or add the backend."},
    {Cause::LookupTooManyQuestions, "lookup_too_many_questions", Party::Operator,
     Symptom::Unavailable,
     "In one worker 64 questions to the service of `users.lookup` are on their way, and 1024 names "
     "wait.",
     "The service is too slow for so many logins: make it faster, or keep its answers longer "
     "(`users.lookup.cache`)."},
    {Cause::ClientLogout, "client_logout", Party::Client, Symptom::NothingWrong,
     "The client sent LOGOUT and got its answer.", "Nothing."},
    {Cause::ClientClosed, "client_closed", Party::Client, Symptom::NothingWrong,
     "The client hung up without a LOGOUT, as many do.", "Nothing."},
    {Cause::ClientFailed, "client_failed", Party::Network, Symptom::SessionsEnd,
     "The client's connection broke: reset, or gone without a word.",
     "Phones that change networks do this. In masses: a firewall or NAT on the way forgets idle "
     "connections."},
    {Cause::IdleTimeout, "idle_timeout", Party::Client, Symptom::SessionsEnd,
     "Silence for `timeouts.idle` after the login.",
     "Nothing, unless it is set to less than 30 minutes."},
    {Cause::BackendClosed, "backend_closed", Party::Backend, Symptom::SessionsEnd,
     "The server hung up. After COMPRESS or a SASL security layer a LOGOUT cannot be seen, so this "
     "is the usual end of such a session.",
     "In swarms: the server restarts, or hangs up after it has refused logins: its own log. With "
     "`proxy_v2`: see `backend_proxy_header_unexpected`."},
    {Cause::BackendFailed, "backend_failed", Party::Backend, Symptom::SessionsEnd,
     "The connection to the server broke within a session.",
     "The server crashed, or the network between forgets idle connections: the server's log."},
    {Cause::BackendViolation, "backend_violation", Party::Backend, Symptom::SessionsEnd,
     "The server broke the protocol or one of its limits.",
     "`postern_protocol_violations_total` and the log's `error` name the violation."},
    {Cause::Drained, "drained", Party::Operator, Symptom::NothingWrong,
     "Ended with a `* BYE` because postern stops or is replaced, or because an operator has ended "
     "it; clients come back.",
     "Nothing."},
    {Cause::Aborted, "aborted", Party::Operator, Symptom::SessionsEnd,
     "Cut off at the end of a drain, with a command in flight.",
     "Raise `timeouts.drain`, and the service manager's time with it, if commands take longer."},
    {Cause::Probe, "probe", Party::Client, Symptom::NothingWrong,
     "A session from `log.probes` that ended by itself before a login: a health check.",
     "Nothing."},
    {Cause::TooManyOpenFiles, "too_many_open_files", Party::Operator, Symptom::Shortage,
     "The process has no descriptor left; a session takes two.",
     "Raise `LimitNOFILE` of the unit (or `ulimit -n`), or lower `limits.sessions`."},
    {Cause::OutOfMemory, "out_of_memory", Party::Operator, Symptom::Shortage,
     "The kernel has no memory left for a socket.",
     "Give the machine or container more, or lower `limits.sessions` and `limits.memory`."},
    {Cause::GatewayFailed, "gateway_failed", Party::Gateway, Symptom::Shortage,
     "Something failed within postern or its machine that has no name of its own.",
     "The log's `error` has the words of the system; a report with that line is welcome."},
    {Cause::ReloadFailed, "reload_failed", Party::Operator, Symptom::ChangeNotInForce,
     "The new configuration has a fault, which the log names; the old one stays in force.",
     "Do not restart postern: with these files it would not start. Mend what the log names, try it "
     "with `postern check`, and reload again."},
    {Cause::CertificatesNotReloaded, "certificates_not_reloaded", Party::Operator,
     Symptom::ChangeNotInForce,
     "A certificate, a key or another of the files that postern watches, such as the token of "
     "`admin`, has changed and has a fault; the old ones stay in force, all of them.",
     "Do not restart postern: with these files it would not start, or would serve a certificate "
     "that has ended. Mend the file that the log's `where` and `fault` name; postern reads them "
     "again once they change. Of a certificate it is "
     "most often a key of the former one."},
    {Cause::UserMapNotReloaded, "user_map_not_reloaded", Party::Operator, Symptom::ChangeNotInForce,
     "`users.map` has changed, and has a fault or has lost more than half of its users; the old "
     "map stays in force.",
     "Mend the line that the log names; postern reads the map again once it changes. If so few "
     "users are meant, reload: `postern admin reload` or `SIGHUP`."},
    {Cause::CertificateExpired, "certificate_expired", Party::Operator,
     Symptom::CertificateNotTrusted,
     "A certificate that postern serves has ended; clients refuse it.",
     "Put the renewed chain and its key in place: postern serves them within seconds, without a "
     "restart. If they are there, look for `certificates not reloaded` in the log."},
    {Cause::CertificateNotYetValid, "certificate_not_yet_valid", Party::Operator,
     Symptom::CertificateNotTrusted,
     "A certificate that postern serves is not valid yet; clients refuse it.",
     "Put the former certificate back until then; if its dates are right, the clock of this "
     "machine "
     "or of the client is wrong."},
    {Cause::CertificateSelfSigned, "certificate_self_signed", Party::Operator,
     Symptom::CertificateNotTrusted,
     "The certificate that postern serves for this name is self-signed, and the client does not "
     "trust it.",
     "Have one issued by an authority that clients trust (docs/certificates.md has the ways by "
     "ACME); to try postern out, install this one in the client."},
    {Cause::CannotListen, "cannot_listen", Party::Operator, Symptom::DoesNotStart,
     "An address of `listeners` or `admin` cannot be listened on: most often `address already in "
     "use`, because another process listens there; the log's `fault` says which address and why.",
     "`ss -ltnp 'sport = :993'` names the process: another postern (a second unit, a container "
     "with the host's network), the mail server's own port 993, or stunnel. Stop it, or choose "
     "another address or port; `[::]:993` takes 0.0.0.0:993, too. An upgrade hands its sockets "
     "over "
     "(SIGUSR2) and never says so. `permission denied`: a port below 1024 needs "
     "CAP_NET_BIND_SERVICE, which the unit gives."},
});

}  // namespace postern
