#include "proxy/imap/internal/id_edit.h"

#include <algorithm>
#include <array>

#include "proxy/imap/internal/arguments.h"
#include "proxy/imap/syntax.h"

namespace postern::imap {
namespace {

// Every field that begins so: proxies use x-originating-ip, x-via and others, and Dovecot 2.4 lets
// a trusted peer turn its output into frames by x-multiplex. No client has a field of that kind.
constexpr std::string_view kProxysFields = "x-";

// Reads a string of the list and writes it as it is sent on. Atoms stay atoms: NIL is one, and the
// server decides about any other.
bool take_string(ArgumentReader& reader, std::string& value, std::string& as_sent) {
  if (!reader.string(value) || std::any_of(value.begin(), value.end(), is_control)) {
    return false;
  }
  if (reader.was_atom()) {
    as_sent.append(value);
  } else {
    append_quoted(as_sent, value);
  }
  return true;
}

}  // namespace

bool is_proxys_field(std::string_view name) {
  return starts_with_word(name, kProxysFields);
}

std::optional<EditedId> edit_id(std::string_view arguments) {
  ArgumentReader reader(arguments);
  EditedId edited;
  std::string value;
  reader.spaces();
  if (reader.at_end()) {
    edited.arguments = "\r\n";
    return edited;
  }
  if (!reader.take('(')) {
    const bool nil = reader.string(value) && reader.was_atom() && same_word(value, "NIL");
    reader.spaces();
    edited.arguments = " NIL\r\n";
    return nil && reader.at_end() ? std::optional(edited) : std::nullopt;
  }
  std::string kept;
  for (reader.spaces(); !reader.take(')'); reader.spaces()) {
    std::string name;
    std::string field;
    bool good = take_string(reader, name, field);
    reader.spaces();
    if (good && !reader.at(')')) {
      field.append(" ");
      good = take_string(reader, value, field);
    }
    if (!good) {
      return std::nullopt;
    }
    if (is_proxys_field(name)) {
      ++edited.dropped;
    } else {
      kept.append(kept.empty() ? "" : " ").append(field);
    }
  }
  reader.spaces();
  if (!reader.at_end()) {
    return std::nullopt;
  }
  const bool nothing_left = kept.empty() && edited.dropped > 0;
  edited.arguments = nothing_left ? " NIL\r\n" : " (" + kept + ")\r\n";
  return edited;
}

}  // namespace postern::imap
