#include "proxy/imap/id_edit.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "proxy/imap/syntax.h"

namespace postern::imap {
namespace {

constexpr std::array<std::string_view, 5> kProxysFields = {"x-originating-", "x-session-",
                                                           "x-connected-", "x-proxy-", "x-forward"};

// Reads strings off the front of `rest`; each takes the string away, or says false.
class IdParser {
 public:
  explicit IdParser(std::string_view text) : rest_(text) {}

  std::string_view rest() const { return rest_; }
  bool at(char c) const { return !rest_.empty() && rest_.front() == c; }
  bool take(char c) {
    const bool there = at(c);
    rest_.remove_prefix(there ? 1 : 0);
    return there;
  }
  void spaces() { skip_spaces(rest_); }
  bool nil() {
    const bool there = starts_with_word(rest_, "NIL");
    rest_.remove_prefix(there ? 3 : 0);
    return there;
  }
  bool string(std::string& value) { return at('{') ? literal(value) : quoted(value); }

 private:
  // Backslashes are taken off before any character, as Dovecot does: a server that takes them off
  // less often reads a name that means nothing to it.
  bool quoted(std::string& value) {
    if (!take('"')) {
      return false;
    }
    while (!rest_.empty() && !at('"')) {
      take('\\');
      if (rest_.empty() || is_line_end(rest_.front()) || at('\0')) {
        return false;
      }
      value.push_back(rest_.front());
      rest_.remove_prefix(1);
    }
    return take('"');
  }

  // {n+}: its bytes are here, for the caller has them all.
  bool literal(std::string& value) {
    take('{');
    size_t size = 0;
    const auto parsed = std::from_chars(rest_.data(), rest_.data() + rest_.size(), size);
    rest_.remove_prefix(static_cast<size_t>(parsed.ptr - rest_.data()));
    if (parsed.ec != std::errc() || !take('+') || !take('}')) {
      return false;
    }
    take('\r');
    if (!take('\n') || size > rest_.size()) {
      return false;
    }
    value.append(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return true;
  }

  std::string_view rest_;
};

}  // namespace

bool is_proxys_field(std::string_view name) {
  return std::any_of(kProxysFields.begin(), kProxysFields.end(),
                     [name](std::string_view start) { return starts_with_word(name, start); });
}

std::optional<EditedId> edit_id(std::string_view arguments) {
  IdParser parser(arguments);
  EditedId edited{std::string(arguments)};
  parser.spaces();
  if (parser.nil()) {
    parser.spaces();
    return without_line_end(parser.rest()).empty() ? std::optional(edited) : std::nullopt;
  }
  const auto before = arguments.substr(0, arguments.size() - parser.rest().size());
  if (!parser.take('(')) {
    return std::nullopt;
  }
  std::string kept;
  for (parser.spaces(); !parser.at(')'); parser.spaces()) {
    const std::string_view field = parser.rest();
    std::string name;
    std::string value;
    bool good = parser.string(name);
    parser.spaces();
    good = good && (parser.nil() || parser.string(value));
    if (!good) {
      return std::nullopt;
    }
    if (is_proxys_field(name)) {
      edited.dropped++;
    } else {
      kept.append(kept.empty() ? "" : " ");
      kept.append(field.substr(0, field.size() - parser.rest().size()));
    }
  }
  parser.take(')');
  const std::string_view after = parser.rest();
  parser.spaces();
  if (!without_line_end(parser.rest()).empty()) {
    return std::nullopt;
  }
  if (edited.dropped > 0) {
    edited.arguments.assign(before);
    edited.arguments.append(kept.empty() ? "NIL" : "(" + kept + ")").append(after);
  }
  return edited;
}

}  // namespace postern::imap
