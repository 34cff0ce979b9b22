// Command: the meaning of a client's line, as far as the gateway needs it. Pure functions over
// views of one line, or of its start.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/base/names.h"

namespace postern::imap {

// The commands that the gateway has to know, and those that it only counts. A UID FETCH is a Fetch,
// and so on: the server does the same work for both.
enum class Command : uint8_t {
  Append,
  Authenticate,
  Capability,
  Check,
  Close,
  Compress,
  Copy,
  Create,
  Delete,
  Enable,
  Examine,
  Expunge,
  Fetch,
  GetQuota,
  GetQuotaRoot,
  Id,
  Idle,
  List,
  Login,
  Logout,
  Lsub,
  Move,
  Namespace,
  Noop,
  Rename,
  Search,
  Select,
  Sort,
  StartTls,
  Status,
  Store,
  Subscribe,
  Thread,
  Unauthenticate,
  Unselect,
  Unsubscribe,
  Other,
};
inline constexpr Names<Command> kCommandNames({
    {Command::Append, "append"},
    {Command::Authenticate, "authenticate"},
    {Command::Capability, "capability"},
    {Command::Check, "check"},
    {Command::Close, "close"},
    {Command::Compress, "compress"},
    {Command::Copy, "copy"},
    {Command::Create, "create"},
    {Command::Delete, "delete"},
    {Command::Enable, "enable"},
    {Command::Examine, "examine"},
    {Command::Expunge, "expunge"},
    {Command::Fetch, "fetch"},
    {Command::GetQuota, "getquota"},
    {Command::GetQuotaRoot, "getquotaroot"},
    {Command::Id, "id"},
    {Command::Idle, "idle"},
    {Command::List, "list"},
    {Command::Login, "login"},
    {Command::Logout, "logout"},
    {Command::Lsub, "lsub"},
    {Command::Move, "move"},
    {Command::Namespace, "namespace"},
    {Command::Noop, "noop"},
    {Command::Rename, "rename"},
    {Command::Search, "search"},
    {Command::Select, "select"},
    {Command::Sort, "sort"},
    {Command::StartTls, "starttls"},
    {Command::Status, "status"},
    {Command::Store, "store"},
    {Command::Subscribe, "subscribe"},
    {Command::Thread, "thread"},
    {Command::Unauthenticate, "unauthenticate"},
    {Command::Unselect, "unselect"},
    {Command::Unsubscribe, "unsubscribe"},
    {Command::Other, "other"},
});
constexpr const char* name_of(Command command) {
  return kCommandNames[command];
}
Command command_named(std::string_view name);
constexpr bool is_login(Command command) {
  return command == Command::Login || command == Command::Authenticate;
}
// Whether its arguments may be literals. At a literal in any other command, each server gives up in
// its own way.
constexpr bool takes_literals(Command command) {
  switch (command) {
    case Command::Authenticate:
    case Command::Capability:
    case Command::Check:
    case Command::Close:
    case Command::Compress:
    case Command::Enable:
    case Command::Expunge:
    case Command::Idle:
    case Command::Logout:
    case Command::Namespace:
    case Command::Noop:
    case Command::StartTls:
    case Command::Unauthenticate:
    case Command::Unselect:
      return false;
    default:
      return true;
  }
}
// Whether a server that has done it takes the client for logged in. (It is true of more commands.)
constexpr bool proves_login(Command command) {
  return takes_literals(command) && command != Command::Login && command != Command::Id;
}

// How a command ended: the server's tagged answer, or none: the session ended, or the server went
// on without one.
enum class CommandResult : uint8_t { Ok, No, Bad, Abandoned };
inline constexpr Names<CommandResult> kCommandResultNames{"ok", "no", "bad", "abandoned"};
constexpr const char* name_of(CommandResult result) {
  return kCommandResultNames[result];
}

// The first words of a client's line. The parser is lax: any number of spaces may separate them,
// and the name ends at the first octet that no atom may have, so that any line which some server
// may read as a LOGIN is one here. `strict` says that all servers find the same words.
// After UID the next word belongs to the name, too.
struct CommandHead {
  bool decided = false;  // more bytes cannot change these members
  bool strict = false;   // starts with a tag that may be repeated, and a whole word follows it
  bool named = false;    // a word follows the tag
  std::string_view tag;
  size_t length = 0;  // up to the end of the name, or of UID
  Command command = Command::Other;
};
CommandHead parse_command_head(std::string_view line);

// Whether a tagged response can carry this tag, as that of a strict head. For any other, a server
// can only say "* BAD".
bool is_answerable(std::string_view tag);

// Whether every server reads `line`, given without its line end, as exactly one line: no control
// character, no open quoted string, and nothing that could announce a literal.
bool is_one_line(std::string_view line);

// "DONE", with or without a line end (RFC 2177).
bool is_done(std::string_view line);

// Whether `text` may answer a server's SASL challenge (RFC 9051 §6.2.2): base64, nothing at all,
// "=" for an empty initial response, or "*" to give up.
bool is_sasl_response(std::string_view text);

}  // namespace postern::imap
