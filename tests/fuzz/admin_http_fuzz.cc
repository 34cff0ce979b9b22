// AdminHttp against any bytes: no crash, answers that are whole HTTP responses in the order of the
// requests, and the same ones however the input is cut. The first byte says where.
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/admin/admin_http.h"
#include "proxy/base/check.h"
#include "proxy/http/form.h"

namespace {

using postern::Bytes;
using postern::check;
using postern::admin::ActionAnswer;
using postern::admin::ActionHandler;
using postern::admin::ActionRequest;
using postern::admin::AdminHttp;
using postern::admin::AdminSource;
using postern::admin::Health;
using postern::admin::StatusForm;
using postern::http::make_form;
using postern::http::parse_form;
using postern::metrics::AdminPath;
using postern::metrics::content_type;
using postern::metrics::Exposition;
using postern::metrics::HttpStatus;

class Source final : public AdminSource, public ActionHandler {
 public:
  std::string metrics(const Exposition& wanted) override {
    return content_type(wanted.format) + std::string(wanted.gzip ? ", small\n" : "\n");
  }
  Health live() override { return {true, ""}; }
  Health ready() override { return {false, "draining"}; }
  std::string status(StatusForm form) override { return content_type(form); }
  const char* status_policy() override { return "default-src 'none'"; }
  void on_request(AdminPath path, HttpStatus status) override {
    requests.emplace_back(path, status);
  }

  // Some answers come later.
  std::optional<ActionAnswer> act(const ActionRequest& request) override {
    const auto form = parse_form(request.form);
    check(!form || parse_form(make_form(*form)) == form, "a form is made as it is read");
    if (request.form.size() % 2 == 1) {
      return std::nullopt;
    }
    return ActionAnswer{form ? HttpStatus::Ok : HttpStatus::BadRequest, "{}"};
  }

  std::vector<std::pair<AdminPath, HttpStatus>> requests;
};

struct Outcome {
  std::string out;
  bool closed = false;
  std::vector<std::pair<AdminPath, HttpStatus>> requests;
  bool operator==(const Outcome&) const = default;
};

Outcome feed(Bytes bytes, size_t piece) {
  Source source;
  AdminHttp http(source, source);
  Outcome outcome;
  while (!bytes.empty() && !outcome.closed) {
    const size_t size = piece < bytes.size() ? piece : bytes.size();
    AdminHttp::Step step = http.feed(bytes.first(size), outcome.out);
    while (step == AdminHttp::Step::Wait) {
      step = http.complete({HttpStatus::Conflict, "{}"}, outcome.out);
    }
    outcome.closed = step == AdminHttp::Step::Close;
    bytes = bytes.subspan(size);
  }
  outcome.requests = source.requests;
  return outcome;
}

// As many status lines as requests that were answered, beside the interim ones.
void check_answers(const Outcome& outcome) {
  size_t final_answers = 0;
  for (size_t at = 0; (at = outcome.out.find("HTTP/1.1 ", at)) != std::string::npos; at += 9) {
    final_answers += outcome.out.compare(at + 9, 3, "100") != 0;
  }
  check(final_answers == outcome.requests.size(), "every request is answered once");
  check(final_answers <= AdminHttp::kMaxRequests + 1, "answers are bounded");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const Bytes input(data + 1, size - 1);
  const Outcome whole = feed(input, input.size());
  check_answers(whole);
  check(feed(input, 1) == whole, "byte by byte gives the same answers");
  check(feed(input, data[0] + size_t{1}) == whole, "every split gives the same answers");
  return 0;
}
