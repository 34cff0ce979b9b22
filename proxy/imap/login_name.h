// LoginName: who a client says it is, as a keyed hash and nothing else: the name is hashed octet by
// octet as it passes and never kept, and what stands behind it, the password, is not looked at.
// Understands LOGIN (atom, quoted string or literal), and SASL PLAIN (RFC 4616) and LOGIN (the name
// alone first), with or without an initial response; of other mechanisms nothing is known. Letters
// of ASCII count without case, as servers do it. One thread.
#pragma once

#include <cstdint>

#include "proxy/base/bytes.h"
#include "proxy/base/siphash.h"

namespace postern::imap {

class LoginName {
 public:
  // How the name is told.
  enum class Form : uint8_t { Login, Plain, SaslLogin };

  LoginName(const SipHash::Key& key, Form form) : hash_(key), form_(form) {}

  // The octets that the command's line begins with and that say nothing of the name.
  void skip(size_t head) { skip_ = head; }
  void line(Bytes bytes);      // of the command's lines, in order, from their start
  void literal(Bytes bytes);   // of a literal between them
  void response(Bytes bytes);  // of the client's answer to "+"

  // Never 0 if a whole name has been seen, else 0.
  uint64_t value() const { return step_ == Step::Whole ? hash_.value() | 1 : 0; }

 private:
  enum class Step : uint8_t { Before, Atom, Quoted, Escaped, Literal, Whole, Unknown };

  void login(uint8_t octet);
  void base64(uint8_t digit);
  void decoded(uint8_t octet);
  void add(uint8_t octet);

  SipHash hash_;
  size_t skip_ = 0;
  uint16_t bits_ = 0;  // of base64, not yet an octet
  uint8_t bit_count_ = 0;
  bool behind_authzid_ = false;
  bool in_literal_ = false;
  Form form_;
  Step step_ = Step::Before;
};

}  // namespace postern::imap
