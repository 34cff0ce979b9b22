#include "proxy/imap/login_name.h"

#include <algorithm>

#include "proxy/imap/syntax.h"

namespace postern::imap {

namespace {

// The value of a digit of base64 (RFC 4648 §4), or -1.
int digit_value(uint8_t digit) {
  if (digit >= 'A' && digit <= 'Z') {
    return digit - 'A';
  }
  if (digit >= 'a' && digit <= 'z') {
    return digit - 'a' + 26;
  }
  if (digit >= '0' && digit <= '9') {
    return digit - '0' + 52;
  }
  return digit == '+' ? 62 : digit == '/' ? 63 : -1;
}

}  // namespace

void LoginName::line(Bytes bytes) {
  const size_t head = std::min(skip_, bytes.size());
  skip_ -= head;
  if (in_literal_ && !bytes.empty()) {
    in_literal_ = false;
    step_ = Step::Whole;
  }
  for (const uint8_t octet : bytes.subspan(head)) {
    form_ == Form::Login ? login(octet) : base64(octet);
  }
}

void LoginName::literal(Bytes bytes) {
  if (step_ != Step::Literal) {
    return;
  }
  for (const uint8_t octet : bytes) {
    add(octet);
  }
  in_literal_ = true;
}

void LoginName::response(Bytes bytes) {
  if (form_ != Form::Login) {
    for (const uint8_t octet : bytes) {
      base64(octet);
    }
  }
}

// astring (RFC 9051 §9): the first argument of LOGIN.
void LoginName::login(uint8_t octet) {
  switch (step_) {
    case Step::Before:
      if (octet == '"') {
        step_ = Step::Quoted;
      } else if (octet == '{') {
        step_ = Step::Literal;
      } else if (is_line_end(static_cast<char>(octet))) {
        step_ = Step::Unknown;
      } else if (octet != ' ') {
        step_ = Step::Atom;
        add(octet);
      }
      return;
    case Step::Atom:
      if (octet == ' ' || is_line_end(static_cast<char>(octet))) {
        step_ = Step::Whole;
      } else {
        add(octet);
      }
      return;
    case Step::Quoted:
      if (octet == '"') {
        step_ = Step::Whole;
      } else if (octet == '\\') {
        step_ = Step::Escaped;
      } else {
        add(octet);
      }
      return;
    case Step::Escaped:
      step_ = Step::Quoted;
      add(octet);
      return;
    case Step::Literal:
    case Step::Whole:
    case Step::Unknown:
      return;
  }
}

// No more is decoded than the name: what follows it is the password.
void LoginName::base64(uint8_t digit) {
  if (step_ == Step::Whole || step_ == Step::Unknown) {
    return;
  }
  const int value = digit_value(digit);
  if (value < 0) {
    const bool begun = step_ != Step::Before;
    const bool blank = digit == ' ' || is_line_end(static_cast<char>(digit));
    if (begun && form_ == Form::SaslLogin && (blank || digit == '=')) {
      step_ = Step::Whole;
    } else {
      step_ = begun || !blank ? Step::Unknown : step_;
    }
    return;
  }
  step_ = Step::Atom;
  bits_ = static_cast<uint16_t>(bits_ << 6 | value);
  bit_count_ = static_cast<uint8_t>(bit_count_ + 6);
  if (bit_count_ >= 8) {
    bit_count_ = static_cast<uint8_t>(bit_count_ - 8);
    decoded(static_cast<uint8_t>(bits_ >> bit_count_));
    bits_ = static_cast<uint16_t>(bits_ & ((1U << bit_count_) - 1));
  }
}

// PLAIN: message = [authzid] NUL authcid NUL passwd (RFC 4616 §2). LOGIN: the name and nothing
// else.
void LoginName::decoded(uint8_t octet) {
  if (form_ == Form::SaslLogin || octet != 0) {
    if (form_ == Form::SaslLogin || behind_authzid_) {
      add(octet);
    }
  } else if (!behind_authzid_) {
    behind_authzid_ = true;
  } else {
    step_ = Step::Whole;
    bits_ = 0;
  }
}

void LoginName::add(uint8_t octet) {
  const bool upper = octet >= 'A' && octet <= 'Z';
  hash_.add(static_cast<uint8_t>(upper ? octet - 'A' + 'a' : octet));
}

}  // namespace postern::imap
