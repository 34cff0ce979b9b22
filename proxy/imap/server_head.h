// ServerHead: the kind of a server's line, read from its first bytes. Pure functions.
#pragma once

#include <cstdint>
#include <string_view>

namespace postern::imap {

struct ServerHead {
  enum class Kind : uint8_t {
    Undecided,     // more bytes are needed
    Continuation,  // "+", with or without text: Exchange sends it bare
    Status,        // OK NO BAD PREAUTH BYE, tagged or not (RFC 9051 §7.1)
    Capability,    // "* CAPABILITY"
    Data,          // any other untagged response
    Other,         // no IMAP response
  };
  enum class Condition : uint8_t { Ok, No, Bad, Preauth, Bye };

  Kind kind = Kind::Undecided;
  Condition condition = Condition::Ok;
  bool tagged = false;
  std::string_view tag;
  // The response code's atom. It must follow the condition and one space: Exchange greets with a
  // bracket at the end of the text, which is no code.
  std::string_view code;

  bool has_capabilities() const;
};

// `line` is a line's start, or more than one line. The decision needs less than kMaxTag + kMaxCode
// + 16 bytes, and never more than the first line.
ServerHead parse_server_head(std::string_view line);
// The server has read a PROXY header, version 1, as a command with the tag PROXY: Dovecot and Cyrus
// say BAD to it, Courier NO.
bool refuses_proxy_header(const ServerHead& head);

}  // namespace postern::imap
