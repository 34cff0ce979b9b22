#include <algorithm>
#include <string>
#include <string_view>

#include "proxy/config/config.h"
#include "proxy/config/internal/table.h"

namespace postern {
namespace {

using config::Row;
using config::Shape;

constexpr size_t kWidth = 100;

// `text` as comment lines of at most kWidth characters.
void append_comment(std::string& out, size_t indent, std::string_view text) {
  const std::string margin = std::string(indent, ' ') + "#";
  std::string line = margin;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (line.size() + 1 + word.size() > kWidth) {
      out.append(line).append("\n");
      line = margin;
    }
    line.append(" ").append(word);
  }
  out.append(line).append("\n");
}

std::string standing(const Row& row) {
  if (row.required) {
    return "required";
  }
  return row.show != nullptr ? "default " + config::default_of(row) : "optional";
}

const Row* find(std::string_view path) {
  for (const Row& row : config::table()) {
    if (row.path == path) {
      return &row;
    }
  }
  return nullptr;
}

std::string shown_value(const Row& row) {
  return row.example.empty() ? config::default_of(row) : std::string(row.example);
}

// Whether a map is only a place for keys that have defaults: its presence says nothing.
bool is_mere_place(const Row& map) {
  if (map.shape != Shape::Map || map.on_begin != nullptr) {
    return false;
  }
  bool has_default = false;
  for (const Row& row : config::table()) {
    if (row.parent() == map.path) {
      if (row.required) {
        return false;
      }
      has_default = has_default || row.show != nullptr;
    }
  }
  return has_default;
}

// What is in force without being asked for, or must be there. All else is an example that needs
// files or peers of its own, and stands in a comment.
bool is_in_force(const Row& row) {
  return row.required || row.show != nullptr || is_mere_place(row);
}

// The row or the outermost of those above it that stands in a comment; null if none does.
const Row* find_comment(const Row& row) {
  const Row* outermost = nullptr;
  for (const Row* at = &row; at != nullptr; at = find(at->parent())) {
    outermost = is_in_force(*at) ? outermost : at;
  }
  return outermost;
}

// Whether a word may stand in place of a map.
bool takes_words(const Row& row) {
  return row.shape == Shape::ScalarOrMap || row.shape == Shape::ScalarsOrMaps;
}

// A key below one that is shown as a word, such as "policy: intermediate", must be a comment, and
// so must one in whose place another stands.
bool is_alternative(const Row& row) {
  const Row* above = find(row.parent());
  return row.alternative ||
         (above != nullptr && takes_words(*above) && !shown_value(*above).empty());
}

// A key of a map in a list.
bool is_of_item(const Row& row) {
  return row.path.substr(0, row.path.rfind('.')).ends_with("[]");
}

bool has_inline_value(const Row& row) {
  return row.shape == Shape::Scalar || row.shape == Shape::Scalars ||
         (takes_words(row) && !shown_value(row).empty());
}

// The key with its value, without the documentation.
std::string setting(const Row& row, bool first_of_item) {
  const size_t indent = 2 * row.depth();
  std::string line(indent, ' ');
  if (is_alternative(row)) {
    line.append(first_of_item ? "# - " : is_of_item(row) ? "  # " : "# ");
  } else if (first_of_item) {
    line.replace(indent - 2, 1, "-");
  }
  line.append(row.name()).append(":");
  if (has_inline_value(row)) {
    line.append(" ").append(shown_value(row));
  }
  // Without the number sign the line stands where it belongs. An alternative is a comment already.
  if (const Row* comment = find_comment(row); comment != nullptr && !is_alternative(row)) {
    line.insert(2 * comment->depth(), "#");
  }
  return line;
}

void append_row(std::string& out, const Row& row, bool first_of_item) {
  const size_t indent = 2 * row.depth();
  append_comment(out, indent, row.doc);
  append_comment(out, indent, std::string(row.syntax) + "; " + standing(row));
  out.append(setting(row, first_of_item)).append("\n");
  if (row.shape == Shape::NamedMaps) {
    out.append(std::string(indent + 2, ' ')).append(row.example).append(":\n");
  }
}

}  // namespace

std::string config_reference() {
  std::string out =
      "# Every key of postern's configuration. A line without a number sign is required, or\n"
      "# shows the default. One that begins with a number sign is an example: remove the sign,\n"
      "# and it is in force. Before the first start, name your certificate (tls.certificates),\n"
      "# your servers and the TLS that they speak (backends); `postern check --config FILE` finds\n"
      "# what is wrong.\n";
  const Row* before = nullptr;
  for (const Row& row : config::table()) {
    if (row.depth() == 0) {
      out += '\n';
    }
    const bool first_of_item =
        before != nullptr && row.parent() == before->path &&
        (before->shape == Shape::Maps || before->shape == Shape::ScalarsOrMaps);
    append_row(out, row, first_of_item);
    before = &row;
  }
  return out;
}

std::string config_markdown() {
  std::string out = "| Key | Form | Default | Meaning |\n|---|---|---|---|\n";
  for (const Row& row : config::table()) {
    const std::string fallback =
        row.show == nullptr ? standing(row) : "`" + config::default_of(row) + "`";
    out.append("| `").append(row.path).append("` | ").append(row.syntax).append(" | ");
    out.append(fallback).append(" | ").append(row.doc).append(" |\n");
  }
  return out;
}

}  // namespace postern
