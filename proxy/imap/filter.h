// Filter makes the changes that a TLS front must make in an IMAP session, in both directions,
// without sockets:
//
//   server -> client   STARTTLS, LOGINDISABLED and AUTH=*-PLUS leave capability data: the code of
//                      the greeting, untagged CAPABILITY, and the CAPABILITY code of tagged and
//                      untagged OK, for the whole session (Cyrus shows LOGINDISABLED after login
//                      too). Nowhere else: not in literals, quoted strings or free text.
//   client -> server   Before login, only whole commands that every server reads alike
//                      (strict_reader.h). After login everything, as it is.
//
// All other bytes pass untouched and uncopied; literals are skipped by count. Once COMPRESS or a
// SASL security layer is agreed, both directions are opaque. docs/conversation.md has the rules and
// the reasons. One thread. Idle, it owns no heap memory.
#pragma once

#include <cstddef>
#include <memory>

#include "proxy/base/bytes.h"
#include "proxy/base/error.h"
#include "proxy/imap/conversation.h"
#include "proxy/imap/internal/client_reader.h"
#include "proxy/imap/internal/filter_state.h"
#include "proxy/imap/internal/server_reader.h"
#include "proxy/imap/internal/strict_reader.h"

namespace postern::imap {

class Filter {
 public:
  struct Options {
    FilterLimits limits;
    bool swallow_greeting = false;  // the gateway has greeted by itself (front STARTTLS)
  };
  // `observer` and both outputs must outlive *this. from_client() and from_server() call them; they
  // must not call back into *this.
  Filter(const Options& options, ConversationObserver& observer, Output& to_server,
         Output& to_client);

  // Takes bytes from the client and returns how many. If fewer than given, keep the rest and offer
  // it again first, once from_server() has made stalled() false.
  size_t from_client(Bytes bytes);
  bool stalled() const { return shared_.conversation.stalled(); }
  // Takes all bytes from the server; once stopped(), drops those that follow.
  void from_server(Bytes bytes);
  // Nothing more comes from the server. What it began to say passes.
  void server_ended() { server_.end(shared_); }
  // Sends the login that waits for leave (LoginLeave::Wait).
  void let_login_go();
  // The session ends and nothing more comes, so a login without an answer has ended. `by_client`:
  // the client has broken off.
  void end(bool by_client) { shared_.conversation.end(by_client); }

  // The session is to end: from now on the server's bytes pass up to such a place at most.
  void stop_at(Stop stop) { shared_.stop = stop; }
  bool stopped() const { return shared_.stopped(); }

  // After Violation::TalkSpent: what the client says from now on is dropped, and the answers to
  // what the server was sent before still pass, up to Stop::AtRest; there is no violation any more.
  // False if none is awaited, or not without more of the client.
  bool await_answers();
  // Set once a fault ends the session; then nothing more passes.
  const Error& violation() const { return shared_.violation; }

  bool before_login() const { return shared_.conversation.before_login(); }
  Phase phase() const { return shared_.conversation.phase(); }
  bool has_ended() const { return shared_.conversation.has_ended(); }  // Logout or Bye
  bool login_awaits_server() const { return shared_.conversation.login_awaits_server(); }
  bool login_awaits_client() const { return shared_.conversation.login_awaits_client(); }
  bool idling() const { return shared_.conversation.idling(); }
  bool opaque() const { return shared_.conversation.opaque(); }
  // True when every command but an IDLE is answered: a client that hangs up misses nothing.
  bool nothing_owed() const {
    return at_boundary() && shared_.conversation.in_flight() == (idling() ? 1 : 0);
  }
  // True when a whole response has just ended, or none has begun (`* BYE` may replace a greeting,
  // RFC 9051 §7.1.5), so that `* BYE …` may be sent to the client now.
  bool at_boundary() const {
    return !opaque() && shared_.at_boundary && shared_.conversation.sure();
  }
  // The client is in the middle of a command, and needs no answer to go on with it.
  bool mid_command() const {
    return strict_ != nullptr ? strict_->held() > 0 : client_.mid_command(shared_);
  }
  // Whether the server has not yet been sent all of a login that the client has sent in full.
  bool has_to_send() const { return strict_ != nullptr && strict_->has_to_send(); }
  // Bytes from the client that were taken and not passed on yet.
  size_t held() const { return strict_ != nullptr ? strict_->held() : 0; }

 private:
  void leave_strictness();

  FilterState shared_;
  std::unique_ptr<StrictReader> strict_;  // before login, once the client has spoken
  ClientReader client_;
  ServerReader server_;
};

// There is one per session, and most sessions are at rest.
static_assert(sizeof(Filter) <= 296);

}  // namespace postern::imap
