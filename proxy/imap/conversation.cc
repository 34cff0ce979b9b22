#include "proxy/imap/conversation.h"

#include <array>
#include <iterator>
#include <optional>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/imap/login_name.h"
#include "proxy/imap/syntax.h"

namespace postern::imap {
namespace {

constexpr std::array<const char*, kMechanismCount> kMechanismLabels = {
    "login",      "plain", "xoauth2", "oauthbearer", "scram_sha_1", "scram_sha_256", "cram_md5",
    "digest_md5", "ntlm",  "gssapi",  "external",    "other",       "preauth",
};
constexpr std::array<const char*, kLoginResultCount> kLoginResultLabels = {
    "success",
    "failure",
    "unavailable",
};

struct ViolationName {
  const char* label;
  const char* text;
};
constexpr ViolationName kViolations[] = {
    {"line_too_long", "the client's line is too long"},
    {"literal_too_long", "the client's literal is too long"},
    {"bad_literal", "a literal's size makes no sense"},
    {"too_many_refusals", "the client insists on commands that are refused here"},
    {"too_many_pending", "too many commands in flight before login"},
    {"not_imap", "the server does not speak IMAP"},
    {"backend_line_too_long", "the server's line is too long"},
    {"backend_bye", "the server refused the connection with BYE"},
    {"backend_preauth", "the server's PREAUTH rules STARTTLS out"},
    {"starttls_missing", "the server does not offer STARTTLS"},
    {"starttls_refused", "the server refused STARTTLS"},
    {"starttls_injection", "bytes in clear after the server's OK to STARTTLS"},
    {"too_many_bad_commands", "too many bad commands"},
    {"tls_on_cleartext", "a TLS record where IMAP in clear is expected"},
    {"http_on_cleartext", "an HTTP request where IMAP is expected"},
};
static_assert(std::size(kViolations) == static_cast<size_t>(Violation::HttpOnCleartext) + 1);

constexpr auto kViolationLabels = [] {
  std::array<const char*, std::size(kViolations)> labels{};
  for (size_t i = 0; i < labels.size(); i++) {
    labels[i] = kViolations[i].label;
  }
  return labels;
}();

const ViolationName& name_of(int32_t code) {
  check(code >= 0 && static_cast<size_t>(code) < std::size(kViolations), "a violation is known");
  return kViolations[code];
}

struct CommandName {
  std::string_view name;
  Command command;
};
constexpr CommandName kCommands[] = {
    {"LOGIN", Command::Login},
    {"AUTHENTICATE", Command::Authenticate},
    {"STARTTLS", Command::StartTls},
    {"IDLE", Command::Idle},
    {"COMPRESS", Command::Compress},
    {"LOGOUT", Command::Logout},
    {"UNAUTHENTICATE", Command::Unauthenticate},
    {"ID", Command::Id},
};

struct MechanismName {
  std::string_view name;
  Mechanism mechanism;
};
constexpr MechanismName kMechanisms[] = {
    {"PLAIN", Mechanism::Plain},
    {"LOGIN", Mechanism::Login},
    {"XOAUTH2", Mechanism::XOAuth2},
    {"OAUTHBEARER", Mechanism::OAuthBearer},
    {"SCRAM-SHA-1", Mechanism::ScramSha1},
    {"SCRAM-SHA-1-PLUS", Mechanism::ScramSha1},
    {"SCRAM-SHA-256", Mechanism::ScramSha256},
    {"SCRAM-SHA-256-PLUS", Mechanism::ScramSha256},
    {"CRAM-MD5", Mechanism::CramMd5},
    {"DIGEST-MD5", Mechanism::DigestMd5},
    {"NTLM", Mechanism::Ntlm},
    {"GSSAPI", Mechanism::Gssapi},
    {"EXTERNAL", Mechanism::External},
};

// RFC 5530 §3: none of these says anything about the user's password.
constexpr std::string_view kUnavailableCodes[] = {"UNAVAILABLE", "INUSE", "SERVERBUG",
                                                  "CONTACTADMIN", "LIMIT"};

// How the name of who logs in so is told; nothing if it is not to be understood.
std::optional<LoginName::Form> name_form(Command command, Mechanism mechanism) {
  if (command == Command::Login) {
    return LoginName::Form::Login;
  }
  switch (mechanism) {
    case Mechanism::Plain:
      return LoginName::Form::Plain;
    case Mechanism::Login:
      return LoginName::Form::SaslLogin;
    default:
      return std::nullopt;
  }
}

// Layout of one entry of the queue.
constexpr size_t kCommandAt = 0;
constexpr size_t kDetailAt = 1;  // the mechanism of a login; of IDLE, whether it has had its "+"
constexpr size_t kLengthAt = 2;
constexpr size_t kTagAt = 3;

}  // namespace

const char* mechanism_label(Mechanism mechanism) {
  return kMechanismLabels[static_cast<size_t>(mechanism)];
}

const char* login_result_label(LoginResult result) {
  return kLoginResultLabels[static_cast<size_t>(result)];
}

const ErrorDomain kImapDomain = {
    "imap",
    [](int32_t code) { return name_of(code).label; },
    [](int32_t code) { return std::string(name_of(code).text); },
    kViolationLabels,
};

Error imap_error(Violation violation, const char* during) {
  return {&kImapDomain, during, static_cast<int32_t>(violation)};
}

Command command_named(std::string_view name) {
  for (const CommandName& known : kCommands) {
    if (same_word(known.name, name)) {
      return known.command;
    }
  }
  return Command::Other;
}

Mechanism mechanism_named(std::string_view name) {
  for (const MechanismName& known : kMechanisms) {
    if (same_word(known.name, name)) {
      return known.mechanism;
    }
  }
  return Mechanism::Other;
}

Answer answer_of_refusal(std::string_view code) {
  for (const std::string_view unavailable : kUnavailableCodes) {
    if (same_word(unavailable, code)) {
      return Answer::Unavailable;
    }
  }
  return Answer::Refused;
}

Conversation::Conversation(ConversationObserver& observer) : observer_(observer) {}

Conversation::~Conversation() = default;

struct Conversation::Entry {
  size_t position;
  size_t size;
  Command command;
  uint8_t detail;
  std::string_view tag;
};

Conversation::Entry Conversation::entry_at(size_t position) const {
  const auto length = static_cast<uint8_t>(queue_[position + kLengthAt]);
  return {position, kTagAt + length, static_cast<Command>(queue_[position + kCommandAt]),
          static_cast<uint8_t>(queue_[position + kDetailAt]),
          std::string_view(queue_).substr(position + kTagAt, length)};
}

void Conversation::begin(std::string_view tag, Command command, Mechanism mechanism) {
  check(!tag.empty() && tag.size() <= kMaxTag, "a tag fits its entry");
  const bool login = command == Command::Login || command == Command::Authenticate;
  queue_.push_back(static_cast<char>(command));
  queue_.push_back(login ? static_cast<char>(mechanism) : '\0');
  queue_.push_back(static_cast<char>(tag.size()));
  queue_.append(tag);
  ++count_;
  unfinished_ = true;
  logout_asked_ = logout_asked_ || command == Command::Logout;
  if (login) {
    login_begun(command, mechanism);
  }
}

void Conversation::login_begun(Command command, Mechanism mechanism) {
  login_name_.reset();
  const SipHash::Key* key = observer_.on_login_attempt(mechanism);
  const auto form = name_form(command, mechanism);
  if (key != nullptr && form.has_value()) {
    login_name_ = std::make_unique<LoginName>(*key, *form);
  }
}

bool Conversation::await_literal() {
  if (answered_early_) {
    answered_early_ = false;
    return false;
  }
  turn_ = Turn::AwaitLiteral;
  return true;
}

void Conversation::end() {
  answered_early_ = false;
  if (!unfinished_) {
    return;
  }
  unfinished_ = false;
  size_t position = 0;
  for (size_t next = 0; next < queue_.size(); next += entry_at(next).size) {
    position = next;
  }
  switch (entry_at(position).command) {
    case Command::Authenticate:
      turn_ = Turn::AwaitSasl;
      break;
    case Command::Login:
    case Command::Unauthenticate:
      turn_ = Turn::AwaitLogin;
      break;
    case Command::Idle:
      turn_ = Turn::Idle;
      break;
    case Command::Compress:
      turn_ = Turn::AwaitCompress;
      break;
    default:
      break;
  }
}

void Conversation::sasl_line() {
  if (turn_ == Turn::SaslLine) {  // unless AUTHENTICATE was answered meanwhile
    turn_ = Turn::AwaitSasl;
  }
}

void Conversation::done() {
  turn_ = Turn::Command;
  set_idling(false);
}

bool Conversation::take_literal_refusal() {
  const bool refused = literal_refused_;
  literal_refused_ = false;
  return refused;
}

void Conversation::greeted(bool authenticated) {
  phase_ = authenticated ? Phase::Authenticated : Phase::NotAuthenticated;
  if (authenticated) {
    observer_.on_login_result(Mechanism::Preauth, LoginResult::Success, 0);
  }
}

void Conversation::continuation() {
  for (size_t position = 0; position < queue_.size();) {
    const Entry entry = entry_at(position);
    position += entry.size;
    if (entry.command == Command::Idle && entry.detail == 0) {
      const bool newest = position == queue_.size();
      if (newest && unfinished_) {
        break;  // not even sent in full: the "+" cannot be its own
      }
      queue_[entry.position + kDetailAt] = 1;
      set_idling(newest && turn_ == Turn::Idle);  // not if DONE has been sent already
      return;
    }
  }
  if (turn_ == Turn::AwaitLiteral) {
    turn_ = Turn::Command;
  } else if (turn_ == Turn::AwaitSasl) {
    turn_ = Turn::SaslLine;
  }
}

uint32_t Conversation::find(std::string_view tag) const {
  for (size_t position = 0; position < queue_.size();) {
    const Entry entry = entry_at(position);
    if (entry.tag == tag) {
      return static_cast<uint32_t>(position);
    }
    position += entry.size;
  }
  return kUnknown;
}

void Conversation::answered(uint32_t position, Answer answer) {
  if (position == kUnknown) {
    return;
  }
  const Entry entry = entry_at(position);
  const bool newest = entry.position + entry.size == queue_.size();
  const Command command = entry.command;
  const auto mechanism = static_cast<Mechanism>(entry.detail);
  remove(entry);
  blocked_ = false;
  if (newest &&
      (unfinished_ || turn_ != Turn::AwaitLiteral)) {  // else a line without tag awaits it
    literal_refused_ = turn_ == Turn::AwaitLiteral;
    answered_early_ = unfinished_ && !literal_refused_;
    unfinished_ = false;
    turn_ = Turn::Command;
  }
  switch (command) {
    case Command::Login:
    case Command::Authenticate:
      login_ended(mechanism, answer);
      break;
    case Command::Idle:
      set_idling(idling_ && !newest);
      break;
    case Command::Compress:
      if (answer == Answer::Ok) {
        opaque_ = true;
        observer_.on_opaque();
      }
      break;
    case Command::Logout:
      phase_ = answer == Answer::Ok ? Phase::Logout : phase_;
      break;
    case Command::Unauthenticate:
      if (answer == Answer::Ok && phase_ == Phase::Authenticated) {
        phase_ = Phase::NotAuthenticated;
        observer_.on_unauthenticated();
      }
      break;
    default:
      break;
  }
}

void Conversation::remove(const Entry& entry) {
  queue_.erase(entry.position, entry.size);
  --count_;
  if (queue_.size() <= std::string().capacity()) {
    queue_.shrink_to_fit();  // back into the string object itself
  }
}

void Conversation::login_ended(Mechanism mechanism, Answer answer) {
  LoginResult result = LoginResult::Success;
  if (answer == Answer::Ok) {
    phase_ = has_ended() ? phase_ : Phase::Authenticated;
  } else {
    result = answer == Answer::Refused ? LoginResult::Failure : LoginResult::Unavailable;
  }
  const std::unique_ptr<LoginName> name = std::move(login_name_);
  observer_.on_login_result(mechanism, result, name == nullptr ? 0 : name->value());
}

void Conversation::set_idling(bool idling) {
  if (idling_ != idling) {
    idling_ = idling;
    observer_.on_idle(idling);
  }
}

}  // namespace postern::imap
