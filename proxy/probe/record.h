// Record: everything that a probe has seen of a server, without a judgement. Values; their strings
// are the peer's words and are not escaped. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/names.h"
#include "proxy/cause/cause.h"
#include "proxy/net/address.h"
#include "proxy/net/srv_lookup.h"
#include "proxy/probe/internal/user_walk.h"
#include "tls/engine.h"

namespace postern::probe {

// How a visit begins.
enum class Way : uint8_t { Clear, Tls };  // Clear: the greeting first, then STARTTLS
inline constexpr Names<Way> kWayNames{"clear", "tls"};
constexpr const char* name_of(Way way) {
  return kWayNames[way];
}

// What its ClientHello offers.
enum class Offer : uint8_t {
  All,        // TLS 1.0 to 1.3, every suite and group, X25519MLKEM768 first
  Classical,  // the same without post-quantum groups, and so in one packet
  Tls12,      // one version each
  Tls11,
  Tls10,
  Again,  // All, with the session of a visit before
};
inline constexpr Names<Offer> kOfferNames{"all",     "classical", "tls_1.2",
                                          "tls_1.1", "tls_1.0",   "resumption"};
constexpr const char* name_of(Offer offer) {
  return kOfferNames[offer];
}

struct VisitPlan {
  Way way = Way::Clear;
  Offer offer = Offer::All;
  bool talks = true;     // IMAP, once TLS is up; else the visit ends there
  bool logs_in = false;  // a user, at the end
  bool injects = false;  // a command in one packet with STARTTLS
  bool operator==(const VisitPlan&) const = default;
};

// How long the steps took; nullopt for those that were not reached.
struct StepTimes {
  std::optional<uint64_t> connect_us = {};
  std::optional<uint64_t> greeting_us = {};  // since the connection, or since TLS was up
  std::optional<uint64_t> tls_us = {};       // the handshake
};

// One connection.
struct VisitRecord {
  VisitPlan plan = {};
  bool connected = false;
  std::optional<Cause> failure = {};  // as the gateway's own attempts name it
  std::string evidence = {};          // what the server has shown or said of it
  std::string protocol = {};          // of a server that speaks another: "SMTP"
  std::string greeting = {};          // the first line
  std::string clear_capabilities = {};
  std::string capabilities = {};  // the latest: inside TLS, if it is up
  bool preauth = false;
  bool answered_injection = false;
  std::optional<tls::Handshake> handshake = {};
  tls::PeerReport peer = {};
  std::optional<imap::LoginResult> login = {};  // of the user, once it is answered
  std::vector<UserStep> user_steps = {};
  StepTimes times = {};
};

// One port of one address.
struct PortRecord {
  net::Address address = {};
  std::vector<VisitRecord> visits = {};
  std::optional<Way> begins = {};  // how it is known to begin
};

// What the DNS says of a service of the name (RFC 6186).
struct ServiceRecord {
  std::string service = {};  // "_imaps._tcp"
  net::SrvRecord srv = {};
};

struct Record {
  std::string target = {};  // as it was asked for
  std::string host = {};
  std::string name = {};  // that the certificate must be for
  bool default_ports = true;
  bool wants_login = false;
  std::optional<Cause> resolve_failure = {};
  std::string resolve_evidence = {};
  uint64_t resolve_us = 0;
  std::vector<ServiceRecord> services = {};
  std::vector<PortRecord> ports = {};  // by address, 993 before 143
  size_t addresses_left_out = 0;
  bool complete = true;  // false: the time was over before everything was looked at
  uint64_t took_ms = 0;
};

// The visit that was to log a user in; null if there was none.
const VisitRecord* login_visit(const Record& record);
// The visit that met IMAP, or the one that came closest; null if there was none.
const VisitRecord* best_visit(const PortRecord& port);
// Whether a visit got a handshake through.
bool has_tls(const PortRecord& port);
// The visit with this offer; null if there was none.
const VisitRecord* find_visit(const PortRecord& port, Offer offer);
bool is_post_quantum(const tls::Handshake& handshake);
// Whether it met IMAP: it was greeted.
bool met_imap(const VisitRecord& visit);

}  // namespace postern::probe
