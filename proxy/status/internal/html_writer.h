// HtmlWriter: pieces of the status page into a string. All text that it is given is escaped; tags
// come from literals alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace postern {

// Printable ASCII that no HTML parser takes for markup, in text and in quoted attributes alike;
// other octets stand as escapes of C.
void append_html_escaped(std::string& out, std::string_view text, size_t limit);

// "12 s", "5 min", "3 h", "20 d": for people.
std::string rough_time(int64_t seconds);
// "2026-11-30 19:13:07 UTC".
std::string utc(int64_t at_s);

class HtmlWriter {
 public:
  static constexpr size_t kMostText = 600;

  HtmlWriter(std::string& out, int64_t now_s) : out_(out), now_s_(now_s) {}

  // Markup of ours: a literal.
  HtmlWriter& tag(const char* literal) {
    out_ += literal;
    return *this;
  }
  HtmlWriter& text(std::string_view words) {
    append_html_escaped(out_, words, kMostText);
    return *this;
  }
  HtmlWriter& number(uint64_t value) {
    out_ += std::to_string(value);
    return *this;
  }
  // Sentences in which `code` stands in Markdown's spans.
  HtmlWriter& sentences(std::string_view words);
  // "5 min ago" or "in 20 d", with the date; nothing if there is none.
  HtmlWriter& when(int64_t at_s);

  // <section id="…"><h2>…</h2>
  void begin_section(const char* id, const char* heading);
  void end_section() { out_ += "</section>\n"; }
  // The heads of a table; a cell says its own on a narrow screen.
  void begin_table(std::initializer_list<const char*> heads);
  void end_table() { out_ += "</tbody></table>\n"; }
  void begin_row() {
    out_ += "<tr>";
    column_ = 0;
  }
  void end_row() { out_ += "</tr>\n"; }
  HtmlWriter& cell(const char* kind = "");
  void end_cell() { out_ += "</td>"; }
  void cell_of(std::string_view words) {
    cell("name").text(words);
    end_cell();
  }
  void cell_of(uint64_t value) {
    cell("number").number(value);
    end_cell();
  }
  void cell_when(int64_t at_s) {
    cell("when").when(at_s);
    end_cell();
  }

 private:
  static constexpr size_t kMostColumns = 8;

  std::string& out_;
  const int64_t now_s_;
  size_t column_ = 0;
  const char* heads_[kMostColumns] = {};
};

}  // namespace postern
