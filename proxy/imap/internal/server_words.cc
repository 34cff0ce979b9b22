#include "proxy/imap/internal/server_words.h"

#include <algorithm>
#include <cctype>
#include <iterator>

#include "proxy/imap/syntax.h"

namespace postern::imap {
namespace {

constexpr size_t kMaxText = 120;
constexpr std::string_view kLeftOut = "..";

// Sorted, in lower case. From the texts of Dovecot, Cyrus, Courier, Exchange, Stalwart and Gmail.
constexpr std::string_view kWords[] = {
    "a",
    "access",
    "account",
    "again",
    "allowed",
    "already",
    "an",
    "and",
    "are",
    "at",
    "auth",
    "authenticated",
    "authentication",
    "backend",
    "be",
    "been",
    "but",
    "by",
    "can",
    "cannot",
    "cant",
    "closed",
    "command",
    "concurrent",
    "configuration",
    "connect",
    "connected",
    "connection",
    "connections",
    "contact",
    "corrupted",
    "could",
    "currently",
    "database",
    "denied",
    "directory",
    "disabled",
    "disconnected",
    "disk",
    "down",
    "error",
    "exceeded",
    "expired",
    "fail",
    "failed",
    "failure",
    "fatal",
    "few",
    "file",
    "folder",
    "for",
    "from",
    "full",
    "go",
    "has",
    "have",
    "i",
    "imap",
    "in",
    "inbox",
    "information",
    "internal",
    "invalid",
    "io",
    "is",
    "it",
    "later",
    "ldap",
    "limit",
    "limits",
    "locked",
    "log",
    "login",
    "logins",
    "logs",
    "lookup",
    "mail",
    "mailbox",
    "maintenance",
    "many",
    "maximum",
    "memory",
    "minutes",
    "more",
    "mysql",
    "network",
    "no",
    "not",
    "number",
    "o",
    "occurred",
    "of",
    "on",
    "open",
    "operation",
    "or",
    "out",
    "over",
    "overloaded",
    "pam",
    "password",
    "per",
    "permission",
    "please",
    "policy",
    "problem",
    "process",
    "processes",
    "quota",
    "rate",
    "reached",
    "read",
    "refer",
    "refused",
    "rejected",
    "request",
    "requests",
    "resource",
    "resources",
    "retry",
    "seconds",
    "see",
    "server",
    "service",
    "session",
    "sessions",
    "shutdown",
    "simultaneous",
    "space",
    "sql",
    "storage",
    "store",
    "system",
    "table",
    "temporarily",
    "temporary",
    "the",
    "this",
    "timed",
    "timeout",
    "to",
    "too",
    "try",
    "unable",
    "unavailable",
    "unknown",
    "unreachable",
    "use",
    "user",
    "username",
    "users",
    "was",
    "with",
    "write",
    "your",
};
static_assert(std::is_sorted(std::begin(kWords), std::end(kWords)));

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_known(std::string_view word) {
  std::string lower(word);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  return std::binary_search(std::begin(kWords), std::end(kWords), lower);
}

// Without what stands before and after its letters.
std::string_view bare(std::string_view word) {
  constexpr std::string_view kBefore = "([\"'";
  constexpr std::string_view kAfter = ".,;:!?)]\"'";
  while (!word.empty() && kBefore.find(word.front()) != std::string_view::npos) {
    word.remove_prefix(1);
  }
  while (!word.empty() && kAfter.find(word.back()) != std::string_view::npos) {
    word.remove_suffix(1);
  }
  return word;
}

std::string_view text_of(std::string_view line) {
  line = line.substr(0, line.find_first_of("\r\n"));
  take_word(line);  // the tag
  skip_spaces(line);
  take_word(line);  // NO or BAD
  skip_spaces(line);
  if (const size_t end = line.find(']'); line.starts_with('[') && end != std::string_view::npos) {
    line.remove_prefix(end + 1);
    skip_spaces(line);
  }
  return line.substr(0, kMaxText);
}

}  // namespace

std::string words_of_refusal(std::string_view line) {
  std::string words;
  std::string_view rest = text_of(line);
  while (!rest.empty()) {
    const std::string_view word = take_word(rest);
    skip_spaces(rest);
    const std::string_view letters = bare(word);
    const bool known = std::ranges::all_of(letters, is_letter) && is_known(letters);
    const std::string_view shown = known ? word : kLeftOut;
    if (shown != kLeftOut || !words.ends_with(kLeftOut)) {
      words.append(words.empty() ? "" : " ").append(shown);
    }
  }
  return words;
}

}  // namespace postern::imap
