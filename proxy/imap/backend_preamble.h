// BackendPreamble: the dialogue on a new backend connection until relaying may begin. It reads the
// greeting, judges it (OK, PREAUTH, BYE, not IMAP), and upgrades a STARTTLS hop so that nothing can
// be injected: STARTTLS only after a greeting and under a random tag, only OK under that tag
// counts, any byte after that line is fatal, and capabilities learnt in clear are forgotten and
// asked for again. At the end it may announce the client by ID; a server that refuses the ID is no
// failure. Sans-I/O, one thread, gone once relaying begins.
//
//   AsIs:      Greeting [-> Identify] -> Ready
//   StartTls:  Greeting [-> ClearCapability] -> StartTls -> Handshake -> SecureCapability
//              [-> Identify] -> Ready
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/base/error.h"
#include "proxy/imap/conversation.h"
#include "proxy/imap/server_head.h"

namespace postern::imap {

class BackendPreamble {
 public:
  enum class Hop {
    AsIs,  // in clear, or TLS from the first byte
    StartTls,
  };
  enum class Step {
    More,      // give it more bytes
    Send,      // send to_send(), then give it more bytes
    StartTls,  // begin the handshake, then call secured()
    Ready,     // feed first_bytes() to the server side of the Filter first
    Failed,    // error() says why
  };

  static constexpr size_t kMaxLine = 8 * kKiB;
  static constexpr unsigned kMaxLines = 64;  // between a command of ours and its answer

  // What went before everything else: a server that does not expect a PROXY header answers it BAD.
  enum class Before { Nothing, ProxyHeader };

  // `id_command` is sent before Ready: "ID (…)", or empty for none.
  explicit BackendPreamble(Hop hop, std::string_view id_command = {},
                           Before before = Before::Nothing)
      : hop_(hop), before_(before), id_command_(id_command) {}

  // Must not be called again after Ready. After Failed it fails again.
  Step feed(Bytes bytes);
  Step secured();  // TLS is up on a StartTls hop: always Send

  std::string_view to_send() const { return to_send_; }
  // The greeting line and the bytes after it (or after the answer to the ID), as they came. On a
  // StartTls hop, a greeting made of the capabilities learnt inside TLS, "* OK [CAPABILITY …] IMAP
  // ready\r\n", and the bytes after the answer that listed them.
  const std::string& first_bytes() const { return received_; }
  const Error& error() const { return error_; }
  bool id_refused() const { return id_refused_; }  // NO or BAD to the ID
  // The latest list that the server has sent, each after a space; of what TLS protects, if it does.
  std::string_view capabilities() const { return capabilities_; }
  // On a StartTls hop, the last list that came in clear. It may be anybody's: for diagnosis alone.
  std::string_view clear_capabilities() const {
    return clear_capabilities_.empty() ? std::string_view(capabilities_) : clear_capabilities_;
  }
  bool preauthenticated() const { return preauthenticated_; }  // by the greeting
  bool greeted() const { return state_ != State::Greeting && state_ != State::Failed; }
  // After Failed: the start of the line that the server fails by. It comes before any login, and so
  // is about no user.
  std::string_view said() const;
  // Whose protocol that line is, if it is known and not IMAP: "SMTP", "POP3"; else empty.
  const char* protocol() const;

 private:
  enum class State : uint8_t {
    Greeting,
    ClearCapability,
    StartTls,
    Handshake,
    SecureCapability,
    Identify,
    Ready,
    Failed,
  };

  Step read_lines();
  Step on_line(std::string_view line);
  bool answers_proxy_header(std::string_view line) const;
  Step greeting(std::string_view line);
  Step answer(std::string_view line);
  Step answered(const ServerHead& head);
  Step capability_answered(bool ok);
  Step starttls_answered(bool ok);
  Step secure_capability_answered(bool ok);
  Step identify(std::string greeting);
  Step ready();
  Step ask(State state, std::string_view command);
  Step fail(Violation violation);

  const Hop hop_;
  const Before before_;
  const std::string id_command_;
  State state_ = State::Greeting;
  unsigned lines_ = 0;
  size_t read_ = 0;     // bytes of received_ that have been read as lines
  size_t line_at_ = 0;  // where the last line begins
  std::string received_;
  std::string tag_;
  std::string capabilities_;  // the latest list, each after a space
  std::string clear_capabilities_;
  std::string greeting_;  // the line that first_bytes() will begin with
  std::string to_send_;
  Error error_;
  bool id_refused_ = false;
  bool preauthenticated_ = false;
};

}  // namespace postern::imap
