// llhttp's callbacks only take notes; feed() decides. llhttp gets one byte at a time: a request has
// three hundred of them, limits become exact, and no answer can depend on how the network cut the
// input.
#include "metrics/export/admin_http.h"

#include <algorithm>
#include <initializer_list>
#include <optional>

#include <llhttp.h>

#include "metrics/export/http_token.h"

namespace postern::metrics {
namespace {

using Status = HttpStatus;

constexpr Names<Status> kReasonPhrases({
    {Status::Ok, "OK"},
    {Status::BadRequest, "Bad Request"},
    {Status::NotFound, "Not Found"},
    {Status::MethodNotAllowed, "Method Not Allowed"},
    {Status::ContentTooLarge, "Content Too Large"},
    {Status::UriTooLong, "URI Too Long"},
    {Status::ExpectationFailed, "Expectation Failed"},
    {Status::HeadTooLarge, "Request Header Fields Too Large"},
    {Status::ServiceUnavailable, "Service Unavailable"},
    {Status::VersionNotSupported, "HTTP Version Not Supported"},
});

constexpr const char* kIndex =
    "postern\n"
    "\n"
    "/status       what is wrong, whose fault it is, what to do: a page\n"
    "/status.json  the same for programs\n"
    "/metrics      figures for Prometheus\n"
    "/live         200 while the process works, else 503\n"
    "/ready        200 while new clients can be served, else 503 and why\n";

constexpr const char* kPlainText = "text/plain; charset=utf-8";

struct Response {
  Status status;
  std::string body;
  const char* content_type = kPlainText;
  bool gzip = false;
  const char* policy = "";  // Content-Security-Policy
};

// The path of a request target in origin-form or absolute-form (RFC 9112 §3.2), without the query.
std::string_view path_of(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (same_token(target.substr(0, scheme.size()), scheme)) {
      target.remove_prefix(scheme.size());
      target.remove_prefix(std::min(target.find_first_of("/?#"), target.size()));
      target = target.substr(0, target.find_first_of("?#"));
      return target.empty() ? "/" : target;
    }
  }
  return target.substr(0, target.find_first_of("?#"));
}

AdminPath known_path(std::string_view path) {
  for (const AdminPath known : {AdminPath::Metrics, AdminPath::Live, AdminPath::Ready,
                                AdminPath::Status, AdminPath::StatusJson, AdminPath::Index}) {
    if (path == name_of(known)) {
      return known;
    }
  }
  return AdminPath::Other;
}

Response health_response(const Health& health) {
  return health.ok ? Response{Status::Ok, "ok\n" + health.details}
                   : Response{Status::ServiceUnavailable, health.reason + "\n" + health.details};
}

// What is known of the request being read.
struct Request {
  std::string target;
  std::string field;   // the header field being read
  std::string value;   // and its value
  std::string expect;  // the value of Expect
  std::string accept;
  std::string accept_encoding;
  size_t hosts = 0;  // how many Host fields there were
  bool head_complete = false;
  bool complete = false;
  bool keep_alive = false;
  size_t head_size = 0;
  size_t body_size = 0;
};

Request& request_of(llhttp_t* parser) {
  return *static_cast<Request*>(parser->data);
}

int on_url(llhttp_t* parser, const char* at, size_t size) noexcept {
  request_of(parser).target.append(at, size);
  return 0;
}

int on_header_field(llhttp_t* parser, const char* at, size_t size) noexcept {
  request_of(parser).field.append(at, size);
  return 0;
}

int on_header_value(llhttp_t* parser, const char* at, size_t size) noexcept {
  request_of(parser).value.append(at, size);
  return 0;
}

int on_header_value_complete(llhttp_t* parser) noexcept {
  Request& request = request_of(parser);
  // RFC 9110 §5.3: fields of one name are one list.
  const auto append_to = [&request](std::string& list) {
    list.append(list.empty() ? "" : ",").append(request.value);
  };
  if (same_token(request.field, "Host")) {
    ++request.hosts;
  } else if (same_token(request.field, "Expect")) {
    request.expect = request.value.substr(0, request.value.find_last_not_of(" \t") + 1);
  } else if (same_token(request.field, "Accept")) {
    append_to(request.accept);
  } else if (same_token(request.field, "Accept-Encoding")) {
    append_to(request.accept_encoding);
  }
  request.field.clear();
  request.value.clear();
  return 0;
}

int on_headers_complete(llhttp_t* parser) noexcept {
  request_of(parser).head_complete = true;
  return 0;
}

int on_message_complete(llhttp_t* parser) noexcept {
  Request& request = request_of(parser);
  request.complete = true;
  // RFC 9110 §7.8 lets us ignore Upgrade; llhttp stops there, so we close.
  request.keep_alive = llhttp_should_keep_alive(parser) != 0 && llhttp_get_upgrade(parser) == 0;
  return 0;
}

llhttp_settings_t make_settings() {
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_url = on_url;
  settings.on_header_field = on_header_field;
  settings.on_header_value = on_header_value;
  settings.on_header_value_complete = on_header_value_complete;
  settings.on_headers_complete = on_headers_complete;
  settings.on_message_complete = on_message_complete;
  return settings;
}
const llhttp_settings_t kSettings = make_settings();

// Why this head is refused before the body is read; nullopt if it is not.
std::optional<Status> fault_in_head(const llhttp_t& parser, const Request& request) {
  if (parser.http_major != 1) {
    return Status::VersionNotSupported;
  }
  // RFC 9112 §3.2: no Host in HTTP/1.1, or more than one anywhere.
  if (request.hosts > 1 || (request.hosts == 0 && parser.http_minor >= 1)) {
    return Status::BadRequest;
  }
  if (parser.content_length > AdminHttp::kMaxBody) {
    return Status::ContentTooLarge;
  }
  if (parser.http_minor >= 1 && !request.expect.empty() &&
      !same_token(request.expect, "100-continue")) {
    return Status::ExpectationFailed;
  }
  return std::nullopt;
}

Status status_of(llhttp_errno_t error) {
  const bool version = error == HPE_INVALID_VERSION || error == HPE_PAUSED_H2_UPGRADE;
  return version ? Status::VersionNotSupported : Status::BadRequest;
}

}  // namespace

struct AdminHttp::State {
  explicit State(AdminSource& admin_source);
  // False: the connection ends here.
  bool take(char byte, std::string& out);
  bool on_head(std::string& out);
  bool refuse(Status status, std::string& out);
  bool answer(std::string& out);
  Response respond(AdminPath path);
  Response show_status(StatusForm form);
  void send(const Response& response, bool keep_alive, std::string& out);

  AdminSource& source;
  llhttp_t parser;
  Request request;
  size_t answered = 0;
};

AdminHttp::State::State(AdminSource& admin_source) : source(admin_source) {
  llhttp_init(&parser, HTTP_REQUEST, &kSettings);
  parser.data = &request;
}

bool AdminHttp::State::take(char byte, std::string& out) {
  const bool in_head = !request.head_complete;
  ++(in_head ? request.head_size : request.body_size);
  if (request.head_size > kMaxHead) {
    return refuse(Status::HeadTooLarge, out);
  }
  if (request.body_size > kMaxBody) {
    return refuse(Status::ContentTooLarge, out);
  }
  const llhttp_errno_t error = llhttp_execute(&parser, &byte, 1);
  if (request.target.size() > kMaxTarget) {
    return refuse(Status::UriTooLong, out);
  }
  if (in_head && request.head_complete && !on_head(out)) {
    return false;
  }
  if (request.complete) {
    return answer(out);
  }
  return error == HPE_OK || refuse(status_of(error), out);
}

bool AdminHttp::State::on_head(std::string& out) {
  if (const std::optional<Status> fault = fault_in_head(parser, request)) {
    return refuse(*fault, out);
  }
  // RFC 9110 §10.1.1: useless if no body follows, and unknown to HTTP/1.0.
  if (!request.expect.empty() && parser.http_minor >= 1 && !request.complete) {
    out += "HTTP/1.1 100 Continue\r\n\r\n";
  }
  return true;
}

bool AdminHttp::State::refuse(Status status, std::string& out) {
  send({status, std::string(kReasonPhrases[status]) + "\n"}, false, out);
  source.on_request(request.head_complete ? known_path(path_of(request.target)) : AdminPath::Other,
                    status);
  return false;
}

bool AdminHttp::State::answer(std::string& out) {
  ++answered;
  const bool keep_alive = request.keep_alive && answered < kMaxRequests;
  const AdminPath path = known_path(path_of(request.target));
  const Response response = respond(path);
  send(response, keep_alive, out);
  source.on_request(path, response.status);
  request = Request{};
  return keep_alive;
}

Response AdminHttp::State::respond(AdminPath path) {
  if (parser.method != HTTP_GET && parser.method != HTTP_HEAD) {
    return {Status::MethodNotAllowed, "only GET and HEAD\n"};
  }
  switch (path) {
    case AdminPath::Metrics: {
      const Exposition wanted = exposition_for(request.accept, request.accept_encoding);
      return {Status::Ok, source.metrics(wanted), content_type(wanted.format), wanted.gzip};
    }
    case AdminPath::Live:
      return health_response(source.live());
    case AdminPath::Ready:
      return health_response(source.ready());
    case AdminPath::Status:
      return show_status(status_form_for(request.accept));
    case AdminPath::StatusJson:
      return show_status(StatusForm::Json);
    case AdminPath::Index:
      return {Status::Ok, kIndex};
    case AdminPath::Other:
      break;
  }
  return {Status::NotFound, "not found\n"};
}

Response AdminHttp::State::show_status(StatusForm form) {
  return {.status = Status::Ok,
          .body = source.status(form),
          .content_type = content_type(form),
          .policy = source.status_policy()};
}

void AdminHttp::State::send(const Response& response, bool keep_alive, std::string& out) {
  out += "HTTP/1.1 ";
  out += name_of(response.status);
  out += ' ';
  out += kReasonPhrases[response.status];
  out += "\r\nContent-Type: ";
  out += response.content_type;
  if (response.gzip) {
    out += "\r\nContent-Encoding: gzip";
  }
  out += "\r\nContent-Length: ";
  out += std::to_string(response.body.size());
  out += "\r\nCache-Control: no-store\r\n";
  if (*response.policy != '\0') {
    out.append("Content-Security-Policy: ").append(response.policy);
    out += "\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n";
    out += "Vary: Accept\r\n";
  }
  if (response.status == Status::MethodNotAllowed) {
    out += "Allow: GET, HEAD\r\n";
  }
  if (!keep_alive) {
    out += "Connection: close\r\n";
  } else if (parser.http_minor == 0) {
    out += "Connection: keep-alive\r\n";
  }
  out += "\r\n";
  // Before the head is complete the method may be the previous request's.
  if (!request.head_complete || parser.method != HTTP_HEAD) {
    out += response.body;
  }
}

AdminHttp::AdminHttp(AdminSource& source) : state_(std::make_unique<State>(source)) {}

AdminHttp::~AdminHttp() = default;

AdminHttp::Step AdminHttp::feed(Bytes bytes, std::string& out) {
  for (const char byte : as_text(bytes)) {
    if (!state_->take(byte, out)) {
      return Step::Close;
    }
  }
  return Step::More;
}

bool AdminHttp::between_requests() const {
  return state_->request.head_size == 0;
}

}  // namespace postern::metrics
