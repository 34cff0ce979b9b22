// llhttp's callbacks only take notes; feed() decides. llhttp gets one byte at a time: a request has
// three hundred of them, limits become exact, and no answer can depend on how the network cut the
// input.
#include "proxy/admin/admin_http.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <utility>

#include <llhttp.h>

#include "proxy/admin/internal/http_request.h"
#include "proxy/base/check.h"
#include "proxy/http/token.h"

namespace postern::admin {
namespace {

using Status = metrics::HttpStatus;

constexpr Names<Status> kReasonPhrases({
    {Status::Ok, "OK"},
    {Status::BadRequest, "Bad Request"},
    {Status::Unauthorized, "Unauthorized"},
    {Status::Forbidden, "Forbidden"},
    {Status::NotFound, "Not Found"},
    {Status::MethodNotAllowed, "Method Not Allowed"},
    {Status::Conflict, "Conflict"},
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
    "/ready        200 while new clients can be served, else 503 and why\n"
    "/v1/...       actions, for the holder of a token: docs/operation.md\n";

constexpr const char* kPlainText = "text/plain; charset=utf-8";
constexpr const char* kReading = "GET, HEAD";
constexpr const char* kActing = "POST";

struct Response {
  Status status;
  std::string body;
  const char* content_type = kPlainText;
  bool gzip = false;
  const char* policy = "";  // Content-Security-Policy
  const char* allow = kReading;
};

// The path of a request target in origin-form or absolute-form (RFC 9112 §3.2), without the query.
std::string_view path_of(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (http::same_token(target.substr(0, scheme.size()), scheme)) {
      target.remove_prefix(scheme.size());
      target.remove_prefix(std::min(target.find_first_of("/?#"), target.size()));
      target = target.substr(0, target.find_first_of("?#"));
      return target.empty() ? "/" : target;
    }
  }
  return target.substr(0, target.find_first_of("?#"));
}

metrics::AdminPath known_path(std::string_view path) {
  for (size_t i = 0; i < kCountOf<metrics::AdminPath>; ++i) {
    const auto known = static_cast<metrics::AdminPath>(i);
    if (known != metrics::AdminPath::Other && path == name_of(known)) {
      return known;
    }
  }
  return metrics::AdminPath::Other;
}

// RFC 6750 §2.1. Empty if there is none, or another scheme.
std::string_view token_of(std::string_view authorization) {
  constexpr std::string_view kScheme = "Bearer ";
  if (!http::same_token(authorization.substr(0, kScheme.size()), kScheme)) {
    return {};
  }
  authorization.remove_prefix(kScheme.size());
  authorization.remove_prefix(std::min(authorization.find_first_not_of(' '), authorization.size()));
  return authorization.substr(0, authorization.find_last_not_of(" \t") + 1);
}

Response health_response(const Health& health) {
  return health.ok ? Response{Status::Ok, "ok\n" + health.details}
                   : Response{Status::ServiceUnavailable, health.reason + "\n" + health.details};
}

// Why this head is refused before the body is read; nullopt if it is not.
std::optional<Status> fault_in_head(const llhttp_t& parser, const HttpRequest& request) {
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
      !http::same_token(request.expect, "100-continue")) {
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
  State(AdminSource& admin_source, ActionHandler& handler);
  // False: the connection ends here.
  bool take(char byte, std::string& out);
  bool on_head(std::string& out);
  bool refuse(Status status, std::string& out);
  bool answer(std::string& out);
  bool answer_with(const Response& response, std::string& out);
  Response respond(metrics::AdminPath path);
  std::optional<Response> act(metrics::AdminPath path);
  Response show_status(StatusForm form);
  Response action_response(const ActionAnswer& answer) const;
  void send(const Response& response, bool keep_alive, std::string& out);
  metrics::AdminPath path() const { return known_path(path_of(request.target)); }
  bool reads() const { return parser.method == HTTP_GET || parser.method == HTTP_HEAD; }

  AdminSource& source;
  ActionHandler& actions;
  llhttp_t parser;
  HttpRequest request;
  size_t answered = 0;
  bool waiting = false;  // for the answer to an action
  std::string held;      // what came meanwhile
};

AdminHttp::State::State(AdminSource& admin_source, ActionHandler& handler)
    : source(admin_source), actions(handler) {
  llhttp_init(&parser, HTTP_REQUEST, &http_request_settings());
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
  source.on_request(
      request.head_complete ? known_path(path_of(request.target)) : metrics::AdminPath::Other,
      status);
  return false;
}

bool AdminHttp::State::answer(std::string& out) {
  ++answered;
  const metrics::AdminPath asked = path();
  if (!is_action(asked)) {
    return answer_with(respond(asked), out);
  }
  const std::optional<Response> response = act(asked);
  waiting = !response.has_value();
  return waiting || answer_with(*response, out);
}

bool AdminHttp::State::answer_with(const Response& response, std::string& out) {
  const bool keep_alive = request.keep_alive && answered < kMaxRequests;
  send(response, keep_alive, out);
  source.on_request(path(), response.status);
  request.forget();
  return keep_alive;
}

// Nullopt: the answer comes later.
std::optional<Response> AdminHttp::State::act(metrics::AdminPath action) {
  const bool looks = only_looks(action);
  if (looks ? !reads() : parser.method != HTTP_POST) {
    return Response{.status = Status::MethodNotAllowed,
                    .body = looks ? "only GET and HEAD\n" : "only POST\n",
                    .allow = looks ? kReading : kActing};
  }
  if (request.form.size() > HttpRequest::kMostForm) {
    return Response{Status::ContentTooLarge, "the form has more than 4096 octets\n"};
  }
  const auto answer = actions.act({.path = action,
                                   .token = token_of(request.authorization),
                                   .form = request.form,
                                   .as_text = text_is_wanted(request.accept)});
  return answer ? std::optional(action_response(*answer)) : std::nullopt;
}

Response AdminHttp::State::action_response(const ActionAnswer& answer) const {
  return {
      .status = answer.status,
      .body = answer.body,
      .content_type = text_is_wanted(request.accept) ? kPlainText : content_type(StatusForm::Json)};
}

Response AdminHttp::State::respond(metrics::AdminPath path) {
  const bool of_actions = path_of(request.target).starts_with(kActionFolder);
  if (!reads() && !of_actions) {
    return {Status::MethodNotAllowed, "only GET and HEAD\n"};
  }
  switch (path) {
    case metrics::AdminPath::Metrics: {
      const metrics::Exposition wanted =
          metrics::exposition_for(request.accept, request.accept_encoding);
      return {Status::Ok, source.metrics(wanted), content_type(wanted.format), wanted.gzip};
    }
    case metrics::AdminPath::Live:
      return health_response(source.live());
    case metrics::AdminPath::Ready:
      return health_response(source.ready());
    case metrics::AdminPath::Status:
      return show_status(status_form_for(request.accept));
    case metrics::AdminPath::StatusJson:
      return show_status(StatusForm::Json);
    case metrics::AdminPath::Index:
      return {Status::Ok, kIndex};
    default:
      break;
  }
  return of_actions ? Response{Status::NotFound,
                               "there is no such action; there are " + names_of_actions() + "\n"}
                    : Response{Status::NotFound, "not found\n"};
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
    out.append("Allow: ").append(response.allow).append("\r\n");
  }
  if (response.status == Status::Unauthorized) {
    out += "WWW-Authenticate: Bearer realm=\"postern\"\r\n";
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

AdminHttp::AdminHttp(AdminSource& source, ActionHandler& actions)
    : state_(std::make_unique<State>(source, actions)) {}

AdminHttp::~AdminHttp() = default;

AdminHttp::Step AdminHttp::feed(Bytes bytes, std::string& out) {
  for (std::string_view rest = as_text(bytes); !rest.empty(); rest.remove_prefix(1)) {
    if (state_->waiting) {
      state_->held.append(rest);
      break;
    }
    if (!state_->take(rest.front(), out)) {
      return Step::Close;
    }
  }
  return state_->waiting ? Step::Wait : Step::More;
}

AdminHttp::Step AdminHttp::refuse_cleartext(std::string& out) {
  state_->send(
      {Status::BadRequest,
       "this endpoint speaks TLS: ask it by https://, or with `postern admin --ca FILE`\n"},
      false, out);
  state_->source.on_request(metrics::AdminPath::Other, Status::BadRequest);
  return Step::Close;
}

AdminHttp::Step AdminHttp::complete(const ActionAnswer& answer, std::string& out) {
  check(state_->waiting, "an action waits for its answer");
  state_->waiting = false;
  if (!state_->answer_with(state_->action_response(answer), out)) {
    return Step::Close;
  }
  const std::string held = std::exchange(state_->held, {});
  return feed(as_bytes(held), out);
}

bool AdminHttp::between_requests() const {
  return state_->request.head_size == 0;
}

}  // namespace postern::admin
