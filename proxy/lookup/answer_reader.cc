// llhttp's callbacks only take notes. It gets one byte at a time, as that of the admin endpoint
// does: limits are exact, and no answer can depend on how the network cut it.
#include "proxy/lookup/answer_reader.h"

#include <string>
#include <string_view>

#include <llhttp.h>

#include "proxy/http/token.h"

namespace postern {

namespace {

// What llhttp has found.
struct Notes {
  LookupAnswer answer = {};
  std::string field = {};  // being read
  std::string value = {};
  size_t fields = 0;
  bool head_complete = false;
  bool complete = false;
  bool repeated = false;  // a field that we know
};

struct KnownField {
  std::string_view name;
  std::string LookupAnswer::*value;
};
constexpr KnownField kKnownFields[] = {
    {"Auth-Status", &LookupAnswer::verdict},
    {"Auth-Server", &LookupAnswer::server},
    {"Auth-Port", &LookupAnswer::port},
    {"Auth-Backend", &LookupAnswer::backend},
    {"Auth-Error-Code", &LookupAnswer::error_code},
};

Notes& notes_of(llhttp_t* parser) {
  return *static_cast<Notes*>(parser->data);
}

int on_header_field(llhttp_t* parser, const char* at, size_t size) noexcept {
  notes_of(parser).field.append(at, size);
  return 0;
}

int on_header_value(llhttp_t* parser, const char* at, size_t size) noexcept {
  notes_of(parser).value.append(at, size);
  return 0;
}

int on_header_value_complete(llhttp_t* parser) noexcept {
  Notes& notes = notes_of(parser);
  ++notes.fields;
  notes.value.resize(notes.value.find_last_not_of(" \t") + 1);
  for (const KnownField& known : kKnownFields) {
    if (http::same_token(known.name, notes.field)) {
      std::string& value = notes.answer.*known.value;
      notes.repeated = notes.repeated || !value.empty();
      value = notes.value;
    }
  }
  notes.field.clear();
  notes.value.clear();
  return 0;
}

int on_headers_complete(llhttp_t* parser) noexcept {
  Notes& notes = notes_of(parser);
  notes.head_complete = true;
  notes.answer.status = parser->status_code;
  return 0;
}

int on_message_complete(llhttp_t* parser) noexcept {
  notes_of(parser).complete = true;
  return 0;
}

llhttp_settings_t make_settings() {
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_header_field = on_header_field;
  settings.on_header_value = on_header_value;
  settings.on_header_value_complete = on_header_value_complete;
  settings.on_headers_complete = on_headers_complete;
  settings.on_message_complete = on_message_complete;
  return settings;
}

}  // namespace

struct LookupAnswerReader::State {
  State();
  Step take(char byte);

  llhttp_t parser;
  Notes notes;
  size_t head_size = 0;
  size_t body_size = 0;
};

LookupAnswerReader::State::State() {
  static const llhttp_settings_t settings = make_settings();
  llhttp_init(&parser, HTTP_RESPONSE, &settings);
  parser.data = &notes;
}

LookupAnswerReader::Step LookupAnswerReader::State::take(char byte) {
  const bool in_head = !notes.head_complete;
  ++(in_head ? head_size : body_size);
  if (head_size > kMaxHead || body_size > kMaxBody) {
    return Step::TooLarge;
  }
  const llhttp_errno_t error = llhttp_execute(&parser, &byte, 1);
  const bool head_ended = in_head && notes.head_complete;
  // A length that is announced need not be waited for.
  const bool announced = head_ended && (parser.flags & F_CONTENT_LENGTH) != 0;
  if (notes.fields > kMaxFields ||
      (announced && !notes.complete && parser.content_length > kMaxBody)) {
    return Step::TooLarge;
  }
  const bool other_version = head_ended && parser.http_major != 1;
  if (other_version || notes.repeated || (error != HPE_OK && !notes.complete)) {
    return Step::Invalid;
  }
  return notes.complete ? Step::Whole : Step::More;
}

LookupAnswerReader::LookupAnswerReader() : state_(std::make_unique<State>()) {}

LookupAnswerReader::~LookupAnswerReader() = default;

LookupAnswerReader::Step LookupAnswerReader::feed(Bytes bytes) {
  for (const char byte : as_text(bytes)) {
    if (const Step step = state_->take(byte); step != Step::More) {
      return step;
    }
  }
  return Step::More;
}

LookupAnswerReader::Step LookupAnswerReader::end() {
  llhttp_finish(&state_->parser);
  return state_->notes.complete ? Step::Whole : Step::Invalid;
}

const LookupAnswer& LookupAnswerReader::answer() const {
  return state_->notes.answer;
}

}  // namespace postern
