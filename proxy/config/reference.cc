#include <algorithm>
#include <string>
#include <string_view>

#include "proxy/config/config.h"
#include "proxy/config/table.h"

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

// A key below one that is shown as a word, such as "policy: intermediate", must be a comment.
bool is_alternative(const Row& row) {
  const Row* above = find(row.parent());
  return above != nullptr && above->shape == Shape::ScalarOrMap && !shown_value(*above).empty();
}

bool has_inline_value(const Row& row) {
  return row.shape == Shape::Scalar || row.shape == Shape::Scalars ||
         (row.shape == Shape::ScalarOrMap && !shown_value(row).empty());
}

void append_row(std::string& out, const Row& row, bool first_of_item) {
  const size_t indent = 2 * row.depth();
  append_comment(out, indent, row.doc);
  append_comment(out, indent, std::string(row.syntax) + "; " + standing(row));
  std::string margin(indent, ' ');
  if (first_of_item) {
    margin.replace(indent - 2, 1, "-");
  }
  out.append(margin).append(is_alternative(row) ? "# " : "").append(row.name()).append(":");
  if (has_inline_value(row)) {
    out.append(" ").append(shown_value(row));
  }
  out += '\n';
  if (row.shape == Shape::NamedMaps) {
    out.append(std::string(indent + 2, ' ')).append(row.example).append(":\n");
  }
}

}  // namespace

std::string config_reference() {
  std::string out =
      "# Every key of postern's configuration, with its default or, where there is none, an "
      "example.\n";
  const Row* before = nullptr;
  for (const Row& row : config::table()) {
    if (row.depth() == 0) {
      out += '\n';
    }
    const bool first_of_item =
        before != nullptr && before->shape == Shape::Maps && row.parent() == before->path;
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
