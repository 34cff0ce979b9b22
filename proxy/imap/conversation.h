// Conversation: what can be known of one IMAP session by watching it: which commands are in flight,
// how a login ended, IDLE, COMPRESS, and whether the bytes can still be read at all. Driven by
// Filter; knows no bytes beyond tags and words. One thread.
//
//   Greeting -> NotAuthenticated <-> Authenticated -> Logout (asked for) or Bye (the server's own)
//                     (UNAUTHENTICATE, RFC 8437)        any -> Opaque (COMPRESS, RFC 4978)
//
// Commands in flight. Servers take a client's bytes in order, so every command waits in one queue,
// the interesting and the others, until its tagged response. A tagged response belongs to the
// oldest command with that tag: a client that uses a tag twice cannot pass off one answer as
// another.
//
// Whose "+". Only three things ask for one: IDLE, AUTHENTICATE, and a synchronising literal. Behind
// the last two the client's bytes are not taken until the server has answered, so either is always
// the newest in the queue; an IDLE may have others behind it only if its DONE came early. So a "+"
// belongs to the oldest IDLE that has had none, else to the literal or AUTHENTICATE waiting at the
// end; with neither it means nothing to us.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/error.h"
#include "proxy/base/siphash.h"

namespace postern::imap {

class LoginName;

enum class Phase : uint8_t { Greeting, NotAuthenticated, Authenticated, Logout, Bye };

// How a client tried to log in; a bounded set, so that it can be a metric label.
enum class Mechanism : uint8_t {
  Login,
  Plain,
  XOAuth2,
  OAuthBearer,
  ScramSha1,
  ScramSha256,
  CramMd5,
  DigestMd5,
  Ntlm,
  Gssapi,
  External,
  Other,
  Preauth,
};
inline constexpr int kMechanismCount = 13;
const char* mechanism_label(Mechanism mechanism);  // "login", "plain", …

enum class LoginResult : uint8_t {
  Success,
  Failure,      // NO or BAD that is the user's: wrong password, unknown mechanism, cancelled
  Unavailable,  // NO [UNAVAILABLE] [INUSE] [SERVERBUG] [CONTACTADMIN] [LIMIT]: the backend's, never
                // the user's
};
inline constexpr int kLoginResultCount = 3;
const char* login_result_label(LoginResult result);  // "success", "failure", "unavailable"

class ConversationObserver {
 public:
  // Counted when started, not when failed. Returns the key to hash the user's name with, which is
  // valid during the call only; null: nobody wants to know.
  virtual const SipHash::Key* on_login_attempt(Mechanism mechanism) = 0;
  // `user` is the hash of the name as LoginName makes it, 0 if it could not be told.
  virtual void on_login_result(Mechanism mechanism, LoginResult result, uint64_t user) = 0;
  virtual void on_unauthenticated() = 0;
  virtual void on_idle(bool idling) = 0;  // strictly alternating
  virtual void on_opaque() = 0;  // compression is on: nothing can be read or put in any more
  virtual void on_starttls_refused() = 0;  // inside TLS, by us
  virtual void on_id_fields_dropped(unsigned count) = 0;

 protected:
  ~ConversationObserver() = default;
};

// The protocol faults a filter can find, as Error codes of kImapDomain.
enum class Violation : int32_t {
  LineTooLong,         // client, before login; always if its tag and command do not fit kMaxHead
  LiteralTooLong,      // client, before login
  BadLiteral,          // a size beyond 2^63 - 1, or {n+} where servers disagree (Scanner::Marks)
  TooManyRefusals,     // STARTTLS, or an ID that does not pass, over and over
  TooManyPending,      // client, before login: more pipelined commands than anyone needs
  NotImap,             // the server's first line is no IMAP greeting
  BackendLineTooLong,  // capability data or a greeting beyond the limit
  BackendBye,          // the server greets with BYE
  BackendPreauth,      // PREAUTH on a hop that must be upgraded (RFC 9051 §7.1.4)
  StarttlsMissing,     // the server does not offer STARTTLS
  StarttlsRefused,     // NO or BAD to STARTTLS
  StarttlsInjection,   // bytes after the OK to STARTTLS and before the handshake
  TooManyBadCommands,  // on the cleartext front
  TlsOnCleartext,   // a TLS record where IMAP in clear is spoken: the client has the wrong port or
                    // mode
  HttpOnCleartext,  // an HTTP request there
};
extern const ErrorDomain kImapDomain;
Error imap_error(Violation violation, const char* during);

// The commands that change how bytes are read or what state the session is in.
enum class Command : uint8_t {
  Other,
  Login,
  Authenticate,
  StartTls,
  Idle,
  Compress,
  Logout,
  Unauthenticate,
  Id,
};
Command command_named(std::string_view name);
Mechanism mechanism_named(std::string_view name);  // SASL's name, as AUTHENTICATE has it

// How a command ended.
enum class Answer : uint8_t {
  Ok,
  Refused,      // NO or BAD
  Unavailable,  // NO or BAD with one of the codes of LoginResult::Unavailable
};
// `code` is the atom of the response code, empty if there is none.
Answer answer_of_refusal(std::string_view code);

class Conversation {
 public:
  // What the client's next bytes are, as far as the server has answered.
  enum class Turn : uint8_t {
    Command,       // a command, or the rest of one
    SaslLine,      // the one line the server asked for with "+"
    Idle,          // DONE, and nothing else, until IDLE is answered
    AwaitLiteral,  // from here on nothing is known: the literal, or a new command?
    AwaitSasl,
    AwaitLogin,  // one guess at a time: nothing is taken behind a LOGIN until it is answered, nor
                 // behind an UNAUTHENTICATE, after which there may be guesses
    AwaitCompress,
  };

  explicit Conversation(ConversationObserver& observer);
  ~Conversation();
  void starttls_refused() { observer_.on_starttls_refused(); }
  void id_fields_dropped(unsigned count) { observer_.on_id_fields_dropped(count); }

  // --- the client's side, in the order of a command's life
  // A command's head was read. `tag` is at most kMaxTag long and not empty.
  void begin(std::string_view tag, Command command, Mechanism mechanism);
  // Its line ended in a synchronising literal. False if the server has answered it already.
  bool await_literal();
  void end();        // its last line is complete
  void sasl_line();  // a line of Turn::SaslLine is complete
  void done();       // DONE in Turn::Idle is complete
  // The client has sent what cannot be read before some command in flight is answered.
  void block() { blocked_ = true; }
  // To be shown what the login that is being sent consists of; null if there is none.
  LoginName* login_name() { return login_name_.get(); }
  // True once after the server has refused the literal that was awaited.
  bool take_literal_refusal();

  // --- the server's side
  void greeted(bool authenticated);
  // The server has said BYE, or that LOGOUT is done.
  bool has_ended() const { return phase_ == Phase::Logout || phase_ == Phase::Bye; }
  void bye() { phase_ = logout_asked_ ? Phase::Logout : Phase::Bye; }
  void continuation();
  // Where in the queue the oldest command with this tag stands, or kUnknown. Good until the next
  // answered().
  uint32_t find(std::string_view tag) const;
  void answered(uint32_t position, Answer answer);
  static constexpr uint32_t kUnknown = UINT32_MAX;

  Turn turn() const { return turn_; }
  bool stalled() const { return turn_ >= Turn::AwaitLiteral || blocked_; }
  size_t in_flight() const { return count_; }
  Phase phase() const { return phase_; }
  bool before_login() const { return phase_ < Phase::Authenticated; }
  bool idling() const { return idling_; }
  // No command is in flight, but for an IDLE that has begun: nobody waits for an answer.
  bool at_rest() const { return count_ == (idling_ ? 1U : 0U); }
  bool opaque() const { return opaque_; }

 private:
  struct Entry;
  Entry entry_at(size_t position) const;
  void remove(const Entry& entry);
  void login_begun(Command command, Mechanism mechanism);
  void login_ended(Mechanism mechanism, Answer answer);
  void set_idling(bool idling);

  ConversationObserver& observer_;
  // The queue: command, mechanism or flag, length of tag, tag; and so on. One short entry (the IDLE
  // of a session at rest) fits into the string itself, so that waiting for mail costs no heap.
  std::string queue_;
  std::unique_ptr<LoginName> login_name_;  // of the login in flight, of which there is one at most
  uint32_t count_ = 0;
  Phase phase_ = Phase::Greeting;
  Turn turn_ = Turn::Command;
  bool unfinished_ = false;      // the newest command in the queue is still being sent
  bool answered_early_ = false;  // the command being sent was answered before it was complete
  bool literal_refused_ = false;
  bool blocked_ = false;
  bool logout_asked_ = false;
  bool idling_ = false;
  bool opaque_ = false;
};

}  // namespace postern::imap
