// StarttlsFront: the gateway's own dialogue on 143 before TLS. It serves CAPABILITY, NOOP, LOGOUT,
// ID and STARTTLS only; LOGIN and AUTHENTICATE get NO [PRIVACYREQUIRED] (RFC 5530), and a literal
// is refused before any "+", so that no password goes over the wire. Bounded in line length,
// literal size, number of bad commands, and in all that the client says. Sans-I/O, one thread, gone
// once TLS begins.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/base/error.h"
#include "proxy/imap/conversation.h"
#include "proxy/imap/internal/scanner.h"
#include "proxy/imap/internal/talk_budget.h"

namespace postern::imap {

class StarttlsFront {
 public:
  enum class Step {
    More,
    StartTls,
    Logout,
    ProxyHeader,  // the line begins a PROXY header, which the caller did not expect
    Failed,
  };

  static constexpr size_t kMaxCommand = 8 * kKiB;  // a command's lines and literals together
  static constexpr unsigned kMaxBadCommands = 10;
  static constexpr size_t kMaxBytes = 256 * kKiB;  // in all, as TalkBudget counts them

  // `commands`: how many in all.
  explicit StarttlsFront(uint32_t commands) : budget_(commands, kMaxBytes) {}

  // The greeting to send first: "* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED ID] …\r\n".
  static std::string_view greeting();

  // Takes bytes up to and including the line that ends the dialogue, appends the replies to `reply`
  // and sets `taken` to the number of bytes. After StartTls the rest belongs to the handshake,
  // never to IMAP (RFC 9051 §6.2.1): plaintext there makes the handshake fail. A step other than
  // More is final: each further call returns it and takes nothing.
  Step feed(Bytes bytes, size_t& taken, std::string& reply);
  const Error& error() const { return error_; }

  // How many LOGIN and AUTHENTICATE were refused because there is no TLS.
  unsigned refused_logins() const { return refused_logins_; }
  // What the client may still say after TLS has begun.
  uint32_t commands_left() const { return budget_.commands_left(); }

 private:
  size_t take(Bytes bytes, std::string& reply);
  size_t take_line(Bytes bytes, std::string& reply);
  void literal_announced(std::string& reply);
  void command(std::string& reply);
  void run(std::string_view tag, std::string_view name, std::string_view arguments,
           std::string& reply);
  void refuse_login(std::string_view tag, std::string& reply);
  void refuse(std::string_view tag, std::string_view why, std::string& reply);
  void fail(Violation violation, std::string_view goodbye, std::string& reply);

  Scanner scanner_;
  TalkBudget budget_;
  std::string line_;  // the command being read, without its literals
  size_t read_ = 0;   // bytes of that command so far, with its literals
  Step step_ = Step::More;
  unsigned bad_commands_ = 0;
  unsigned refused_logins_ = 0;
  Error error_;
};

}  // namespace postern::imap
