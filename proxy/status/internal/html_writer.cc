#include "proxy/status/internal/html_writer.h"

#include <array>
#include <ctime>

#include "proxy/base/check.h"
#include "proxy/log/escape.h"

namespace postern {

void append_html_escaped(std::string& out, std::string_view text, size_t limit) {
  std::string plain;
  append_escaped(plain, text, limit);
  for (const char c : plain) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
}

std::string rough_time(int64_t seconds) {
  struct Unit {
    int64_t length_s;
    const char* name;
  };
  // Each serves from twice its length on: "90 min" says more than "1 h".
  constexpr std::array<Unit, 3> kUnits{{{86'400, " d"}, {3'600, " h"}, {60, " min"}}};
  for (const Unit& unit : kUnits) {
    if (seconds >= 2 * unit.length_s) {
      return std::to_string(seconds / unit.length_s) + unit.name;
    }
  }
  return std::to_string(seconds) + " s";
}

std::string utc(int64_t at_s) {
  const std::time_t at = at_s;
  std::tm date{};
  std::array<char, 32> text{};
  if (gmtime_r(&at, &date) == nullptr ||
      std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &date) == 0) {
    return "at a time beyond the calendar";
  }
  return text.data();
}

// An odd number of back quotes leaves the last one open: the end closes it.
HtmlWriter& HtmlWriter::sentences(std::string_view words) {
  bool in_code = false;
  while (!words.empty()) {
    const size_t end = words.find('`');
    append_html_escaped(out_, words.substr(0, end), kMostText);
    if (end == std::string_view::npos) {
      break;
    }
    out_ += in_code ? "</code>" : "<code>";
    in_code = !in_code;
    words.remove_prefix(end + 1);
  }
  out_ += in_code ? "</code>" : "";
  return *this;
}

HtmlWriter& HtmlWriter::when(int64_t at_s) {
  if (at_s == 0) {
    return *this;
  }
  const std::string rough =
      at_s <= now_s_ ? rough_time(now_s_ - at_s) + " ago" : "in " + rough_time(at_s - now_s_);
  out_.append("<span class=\"at\"><span>").append(rough);
  out_.append("</span> <span class=\"soft small\">").append(utc(at_s)).append("</span></span>");
  return *this;
}

void HtmlWriter::begin_section(const char* id, const char* heading) {
  out_.append("<section id=\"").append(id).append("\"><h2>").append(heading).append("</h2>\n");
}

void HtmlWriter::begin_table(std::initializer_list<const char*> heads) {
  check(heads.size() <= kMostColumns, "a table has room for its columns");
  out_ += "<table><thead><tr>";
  size_t column = 0;
  for (const char* head : heads) {
    heads_[column++] = head;
    out_.append("<th scope=\"col\">").append(head).append("</th>");
  }
  out_ += "</tr></thead><tbody>\n";
}

HtmlWriter& HtmlWriter::cell(const char* kind) {
  check(column_ < kMostColumns, "a row has no more cells than its table columns");
  out_.append("<td class=\"").append(kind).append("\" data-name=\"");
  out_.append(heads_[column_++]).append("\">");
  return *this;
}

}  // namespace postern
