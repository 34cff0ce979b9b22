// Conversation: the state of one IMAP session, as an observer of both directions knows it: which
// commands are in flight, how a login ended, IDLE, COMPRESS, and whether the bytes can still be
// read at all. Filter drives it; it sees only tags and words. One thread. docs/conversation.md has
// the rules.
//
//   Greeting -> NotAuthenticated <-> Authenticated -> Logout (asked for) or Bye (the server's own)
//                     (UNAUTHENTICATE, RFC 8437)        any -> Opaque (COMPRESS, RFC 4978,
//                                                              or a SASL security layer)
//
// Commands in flight wait in one queue (command_queue.h) until their tagged response. A tagged
// response belongs to the oldest command with that tag.
//
// Before login the gateway sends only whole commands that every server reads alike, one login at a
// time. So the queue is certain, and servers answer it in order.
//
// After login the client's bytes pass whatever they are, and the server decides how to read them.
// The conversation assumes a correct client. Where the server may read otherwise it is *unsure*: a
// client that does not wait for "+", an answer under a tag that is not in flight, a tag in flight
// twice, a literal that the server has not offered to accept. Then every line of the client counts
// as a possible command, until the newest of them is answered.
//
// After login, a "+" belongs to the oldest IDLE that has had none, else to the literal that the
// newest command has announced.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/error.h"
#include "proxy/base/siphash.h"
#include "proxy/imap/command.h"
#include "proxy/imap/internal/command_queue.h"
#include "proxy/imap/internal/login_attempt.h"
#include "proxy/imap/login.h"
#include "proxy/imap/violation.h"

namespace postern::imap {

enum class Phase : uint8_t { Greeting, NotAuthenticated, Authenticated, Logout, Bye };

class ConversationObserver {
 public:
  // What completes the secret of a login is here and not sent yet. Attempts are counted when they
  // are sent, not when they fail. After Wait nothing is taken of the client until
  // Filter::let_login_go(); after Never the observer ends the session.
  virtual LoginLeave on_login_attempt(Mechanism mechanism) = 0;
  // The key that hashes users' names, valid during the call only; null: hash none.
  virtual const SipHash::Key* name_key() = 0;
  // Once for each attempt, but for those with LoginLeave::Never; also for one that was given up
  // before its secret was there. `user` is the hash of the name (login_name.h), 0 if it could not
  // be found. After login: for a LOGIN or AUTHENTICATE that the server has judged all the same.
  virtual void on_login_result(Mechanism mechanism, LoginResult result, uint64_t user) = 0;
  // Before the result, when the server cannot serve a login (LoginResult::Unavailable): the code of
  // its answer, and of its text what is of no user. Valid during the call only.
  virtual void on_server_trouble(std::string_view code, const std::string& words) {
    static_cast<void>(code);
    static_cast<void>(words);
  }
  // After the secret of AUTHENTICATE was sent: the server has asked the client for more, or has
  // been sent it.
  virtual void on_sasl_turn(bool of_client) = 0;
  virtual void on_unauthenticated() = 0;
  virtual void on_idle(bool idling) = 0;  // strictly alternating
  virtual void on_opaque() = 0;           // from here on nothing can be read or inserted
  // Before login, the gateway has answered a command BAD and not sent it to the server.
  virtual void on_command_refused(CommandRefusal reason) = 0;
  virtual void on_id_fields_dropped(unsigned count) = 0;
  // Milliseconds of any clock, the same for all calls: only differences matter.
  virtual uint32_t clock_ms() = 0;
  // Once for each command that the server was sent, if it is certain how it has ended. `sent_ms`:
  // when its last octet went, by that clock; 0 for IDLE, and for one that was refused before its
  // end.
  virtual void on_command_ended(Command command, CommandResult result, uint32_t sent_ms) = 0;

 protected:
  ~ConversationObserver() = default;
};

class Conversation {
 public:
  // The meaning of the client's next bytes, as far as the server has answered.
  enum class Turn : uint8_t {
    Command,       // a command, or the rest of one
    SaslLine,      // before login: the line for which the server has said "+"
    Idle,          // after login: the line that ends IDLE
    AwaitLiteral,  // "+" for the literal that was announced
    // One login at a time: nothing after it is taken before it is answered.
    AwaitLeave,  // the login is not sent yet
    SendLiteral,
    AwaitSasl,
    AwaitLogin,
    AwaitUnauthenticate,  // logins may follow it
  };

  explicit Conversation(ConversationObserver& observer) : observer_(observer) {}
  ConversationObserver& observer() { return observer_; }

  // --- the client's side before login
  // A complete command was sent, except for the literals of a LOGIN. `tag` is_answerable().
  void sent(std::string_view tag, Command command);
  // A login begins. `user`: of its name; 0 if that is not known yet.
  void attempt(Mechanism mechanism, uint64_t user);
  // The next bytes to be sent complete its secret.
  LoginLeave ask_leave();
  bool wants_leave() const { return !attempt_.admitted() && attempt_.next_response_has_secret(); }
  // LOGIN has another literal to come, or is complete.
  void await_literal() { turn_ = Turn::AwaitLiteral; }
  void login_sent();
  bool login_by_sasl() const { return attempt_.by_sasl(); }
  bool login_begun() const { return attempt_.in_flight(); }
  // A response of AUTHENTICATE was sent: the initial one, or that of Turn::SaslLine.
  void response(std::string_view base64) { attempt_.response(base64, observer_.name_key()); }
  void response_sent();
  // The session ends: reports a login and the commands that were not answered.
  void end(bool by_client);

  // --- the client's side after login, in the order of a command's life
  void begin(std::string_view tag, Command command);
  // Its line ended in a synchronising literal. True if the server has already said "+", so that the
  // octets follow at once.
  bool announce_literal();
  void end_command();  // its last line is complete
  void done();         // the line of Turn::Idle is complete
  void lose_track();
  // Whether the client's next byte begins a line.
  void set_line_start(bool line_start) { line_start_ = line_start; }
  // True once after the server has refused the literal that was awaited.
  bool take_literal_refusal();
  // The first byte of a line shows that a SASL security layer has begun.
  void layer_begun() { turn_opaque(); }
  void no_layer() { layer_possible_ = layer_claimed_ = false; }
  // The client's first line begins as a layer's buffer does. Only the server's own first byte shows
  // that there is one: until then the client's bytes are followed as lines.
  void claim_layer();
  void first_line_in_clear() { layer_possible_ = layer_claimed_; }
  // What the server's capabilities say of COMPRESS.
  void offer_compress(bool offered) { compress_missing_ = !offered; }
  bool layer_possible() const { return layer_possible_; }

  // --- the server's side
  void greeted(bool authenticated);
  // The server has said BYE, or that LOGOUT is done.
  bool has_ended() const { return phase_ == Phase::Logout || phase_ == Phase::Bye; }
  void bye() { phase_ = logout_asked_ ? Phase::Logout : Phase::Bye; }
  void continuation();
  // Whether the next "+" carries the error challenge of an OAuth mechanism.
  bool wants_challenge() const { return attempt_.wants_challenge(); }
  void challenge(std::string_view base64) { attempt_.challenge(base64); }
  void untagged_bad();
  // NO or BYE with the code AUTHENTICATIONFAILED.
  void untagged_refusal() { attempt_.refused(); }
  // The position in the queue of the oldest command with this tag, or kUnknown. Valid until the
  // next answered().
  uint32_t find(std::string_view tag) const { return queue_.find(tag); }
  // `answer` is Success for OK, else the result_of_refusal() of the NO or BAD.
  void answered(uint32_t position, CommandResult result, LoginResult answer);
  static constexpr uint32_t kUnknown = CommandQueue::kNowhere;
  // True once an UNAUTHENTICATE has succeeded whose following bytes had already passed: they may
  // hold logins that the gateway has not seen.
  bool overtaken() const { return overtaken_; }

  Turn turn() const { return turn_; }
  bool stalled() const {
    return phase_ == Phase::Greeting || turn_ > Turn::AwaitLiteral ||
           (turn_ == Turn::AwaitLiteral && before_login());
  }
  size_t in_flight() const { return queue_.count(); }
  Phase phase() const { return phase_; }
  // Also after a BYE, because a server may continue for a while.
  bool before_login() const { return !logged_in_; }
  // The server has a whole secret, and it is its turn to speak.
  bool login_awaits_server() const {
    return attempt_.in_flight() && attempt_.secret_sent() && turn_ != Turn::SaslLine;
  }
  // The server has asked for a response of AUTHENTICATE.
  bool login_awaits_client() const { return turn_ == Turn::SaslLine; }
  bool idling() const { return idling_; }
  // No command is in flight, except an IDLE that has begun: the client waits for no answer.
  bool at_rest() const { return queue_.count() == (idling_ ? 1U : 0U) && sure(); }
  bool sure() const { return !unsure_; }
  bool opaque() const { return opaque_; }

 private:
  using Entry = CommandQueue::Entry;
  void append(std::string_view tag, Command command);
  void sent_in_full() { queue_.sent(observer_.clock_ms()); }
  void report(const Entry& entry, CommandResult result) {
    observer_.on_command_ended(entry.command, result, entry.sent_ms);
  }
  void abandon(CommandQueue::Position end);
  void forget_oldest();
  void untagged_bad_after_login();
  void judged_after_login(Command command, LoginResult answer);
  void answered_before_login(const Entry& entry, CommandResult result, LoginResult answer);
  void answered_after_login(const Entry& entry, CommandResult result, LoginResult answer);
  void take_answer(Command command, LoginResult answer, bool certain);
  void report_sasl_turn();
  void login_ended(LoginResult result);
  void set_idling(bool idling);
  void turn_opaque();

  ConversationObserver& observer_;
  LoginAttempt attempt_;                      // at most one at a time
  [[no_unique_address]] CommandQueue queue_;  // its padding has room for what follows
  Phase phase_ = Phase::Greeting;
  Turn turn_ = Turn::Command;
  uint8_t lines_asked_ = 0;  // "+" that no SASL line has answered
  bool unsure_ : 1 = false;
  bool unfinished_ = false;  // the newest is in the queue, and is still being sent
  bool early_plus_ = false;  // "+" came before the line that announces a literal had ended
  bool literal_refused_ = false;
  bool line_start_ : 1 = true;
  bool overtaken_ : 1 = false;
  bool logout_asked_ : 1 = false;
  bool logged_in_ : 1 = false;
  bool login_proved_ : 1 =
      false;  // the server has done what only a client that is logged in may ask
  bool idling_ : 1 = false;
  bool layer_possible_ : 1 = false;
  bool layer_claimed_ : 1 = false;
  bool compress_missing_ : 1 = false;  // in the capabilities since login
  bool opaque_ : 1 = false;
  Command newest_ = Command::Other;  // the last one begun after login
};

}  // namespace postern::imap
