// Filter: what a TLS front must change in an IMAP session, both directions, without sockets:
//
//   server -> client   STARTTLS, LOGINDISABLED and AUTH=*-PLUS leave capability data: the code of
//                      the greeting, untagged CAPABILITY, and the CAPABILITY code of tagged and
//                      untagged OK, for the whole session (Cyrus shows LOGINDISABLED after login
//                      too). Nowhere else: not in literals, quoted strings or free text.
//   client -> server   Before login, whole commands only, and of those what every server reads
//                      alike (strict_reader.h). After login everything, as it is.
//
// All other bytes pass untouched and uncopied; literals are skipped by count. After COMPRESS is
// agreed, or a SASL security layer, both directions are opaque. docs/conversation.md has the rules
// and why. One thread. Idle, it owns no heap memory.
#pragma once

#include <cstddef>
#include <memory>

#include "proxy/base/bytes.h"
#include "proxy/base/error.h"
#include "proxy/imap/client_reader.h"
#include "proxy/imap/conversation.h"
#include "proxy/imap/filter_state.h"
#include "proxy/imap/server_reader.h"
#include "proxy/imap/strict_reader.h"

namespace postern::imap {

class Filter {
 public:
  struct Options {
    FilterLimits limits;
    bool swallow_greeting = false;  // the gateway has greeted by itself (front STARTTLS)
  };
  // `observer` and both outputs must outlive *this. They are called from within from_client() and
  // from_server() and must not call back into *this.
  Filter(const Options& options, ConversationObserver& observer, Output& to_server,
         Output& to_client);

  // Bytes from the client; returns how many were taken. Fewer than given: keep the rest and offer
  // it again, first, once from_server() has made stalled() false.
  size_t from_client(Bytes bytes);
  bool stalled() const { return shared_.conversation.stalled(); }
  // Bytes from the server; all are taken, and once stopped() those behind are dropped.
  void from_server(Bytes bytes);
  // The login that waits for leave (LoginLeave::Wait) is sent.
  void let_login_go();
  // The session ends, and nothing more comes: a login that was not answered has ended. `by_client`:
  // the client has broken off.
  void end(bool by_client) { shared_.conversation.end(by_client); }

  // The session shall end: from now on the server's bytes are passed on up to such a place at most.
  void stop_at(Stop stop) { shared_.stop = stop; }
  bool stopped() const { return shared_.stopped(); }

  // Set once something was found that ends the session; nothing is passed on any more.
  const Error& violation() const { return shared_.violation; }

  bool before_login() const { return shared_.conversation.before_login(); }
  Phase phase() const { return shared_.conversation.phase(); }
  bool has_ended() const { return shared_.conversation.has_ended(); }  // Logout or Bye
  bool login_awaits_server() const { return shared_.conversation.login_awaits_server(); }
  bool idling() const { return shared_.conversation.idling(); }
  bool opaque() const { return shared_.conversation.opaque(); }
  // True when every command is answered, but for an IDLE: a client that hangs up misses nothing.
  bool nothing_owed() const {
    return at_boundary() && shared_.conversation.in_flight() == (idling() ? 1 : 0);
  }
  // True when a whole response has just ended, or none has begun (`* BYE` may stand for a greeting,
  // RFC 9051 §7.1.5): `* BYE …` may be put to the client now.
  bool at_boundary() const {
    return !opaque() && shared_.at_boundary && shared_.conversation.sure();
  }
  // Whether the server is yet to get more of a login that the client has sent in full.
  bool has_to_send() const { return strict_ != nullptr && strict_->has_to_send(); }
  // Bytes of the client's that were taken and not passed on yet.
  size_t held() const { return strict_ != nullptr ? strict_->held() : 0; }

 private:
  void leave_strictness();

  FilterState shared_;
  std::unique_ptr<StrictReader> strict_;  // before login, once the client has spoken
  ClientReader client_;
  ServerReader server_;
};

// One per session, most of them at rest.
static_assert(sizeof(Filter) <= 328);

}  // namespace postern::imap
