// ServerReader: the server's half of Filter. It follows lines and literals, edits capability data,
// and reports greeting, BYE, "+" and tagged responses to the Conversation. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/imap/internal/filter_state.h"
#include "proxy/imap/internal/scanner.h"
#include "proxy/imap/server_head.h"

namespace postern::imap {

class ServerReader {
 public:
  // Passes on what it takes and returns how many bytes that is: all, unless the session is to stop,
  // or a "+" asks for bytes that must be sent before more of the server's are read.
  size_t feed(Bytes bytes, FilterState& shared);
  // The server says no more: the start of a line that means nothing yet passes as it is.
  void end(FilterState& shared);

 private:
  enum class Line : uint8_t {
    Text,     // passes; free text has no literals (a greeting may end in {5})
    Data,     // passes; literals are skipped
    Whole,    // capability data and error challenges: held until complete
    Swallow,  // the greeting if the gateway has greeted, and a "+" for the gateway itself
  };
  // The meaning of the current line, once it is complete.
  enum class Meaning : uint8_t { None, Greeting, Preauth, Bye, Continuation, Bad, Answer };

  // True between complete lines.
  bool at_boundary() const { return scanner_.at_line_start() && held_.empty(); }
  void step(EditCursor& cursor, FilterState& shared);
  void line_head(EditCursor& cursor, FilterState& shared);
  void begin_greeting(const ServerHead& head, FilterState& shared);
  static LoginResult answer_of(const ServerHead& head);
  static Line continuation_line(const Conversation& conversation);
  void begin_line(const ServerHead& head, std::string_view line, FilterState& shared);
  void whole_line(EditCursor& cursor, FilterState& shared);
  void pass_whole(std::string_view line, EditCursor& cursor, FilterState& shared);
  void held_line(EditCursor& cursor, FilterState& shared);
  void rest_of_line(EditCursor& cursor, FilterState& shared);
  size_t read_line(Bytes piece, FilterState& shared);
  void line_ended(FilterState& shared);

  Scanner scanner_;
  std::string held_;  // a line's start that is not decided yet, or capability data
  uint32_t position_ = Conversation::kUnknown;  // of the command that the line answers
  Line line_ = Line::Text;
  Meaning meaning_ = Meaning::None;
  LoginResult answer_ = LoginResult::Success;
  CommandResult result_ : 2 = CommandResult::Ok;  // the same, as the line has it
  bool refusal_ : 1 = false;  // the line says under no tag that a secret is wrong
};

}  // namespace postern::imap
