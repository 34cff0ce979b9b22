#include "proxy/admin/request.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "proxy/admin/admin_action.h"
#include "proxy/admin/internal/exchange.h"
#include "proxy/base/secret.h"
#include "tls/access_token.h"

namespace postern::admin {
namespace {

constexpr int kTurnMs = 50;
constexpr unsigned kOk = 200;

// HTTP/1.0: the answer ends with the connection, and never comes in chunks.
std::string text_of(const Request& request, const std::string& token) {
  const std::string form = http::make_form(request.fields);
  const bool looks = admin::only_looks(request.action);
  std::string text = looks ? "GET " : "POST ";
  text.append(name_of(request.action)).append(" HTTP/1.0\r\nHost: ");
  text.append(request.endpoint.text()).append("\r\nAccept: ");
  text.append(request.json ? "application/json" : "text/plain").append("\r\n");
  if (!looks) {
    text.append("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ");
    text.append(std::to_string(form.size())).append("\r\n");
  }
  append_secret(text, "Authorization: Bearer ");
  append_secret(text, token);
  append_secret(text, "\r\n\r\n");
  append_secret(text, looks ? "" : form);
  return text;
}

Fault at(const Request& request, const std::string& what) {
  return {request.endpoint.text(), what};
}

// Null in clear.
Result<std::unique_ptr<tls::ClientContext>> make_context(const Request& request) {
  if (!request.tls && request.certificate.empty()) {
    return std::unique_ptr<tls::ClientContext>();
  }
  tls::Verification rule = request.tls.value_or(tls::Verification());
  if (!request.certificate.empty()) {
    auto pin = tls::pin_of(request.certificate);
    if (!pin) {
      return pin.faults();
    }
    rule.pins_sha256 = {pin.value()};
  }
  auto verifier = tls::load_verifier(rule);
  if (!verifier) {
    return verifier.faults();
  }
  return tls::ClientContext::make(
      {.policy = tls::Policy::toward_backend(tls::Version::Tls12), .verifier = verifier.value()});
}

// What answers may be no postern: nothing in it may move the cursor.
std::string printable(std::string_view body) {
  std::string text(body);
  std::ranges::replace_if(
      text, [](char c) { return c != '\n' && (c < ' ' || c > '~'); }, '?');
  return text;
}

}  // namespace

Result<Answer> ask(const Request& request) {
  auto token = tls::AccessToken::read(request.token_file);
  if (!token) {
    return token.faults();
  }
  std::string text = text_of(request, token.value());
  wipe(token.value());
  const auto context = make_context(request);
  if (!context) {
    wipe(text);
    return context.faults();
  }
  const std::string name =
      request.tls && !request.tls->name.empty() ? request.tls->name : request.endpoint.host;
  tls::Workspace workspace;  // what the loop still has to delete when it goes may use it
  net::Loop loop;
  Exchange exchange(loop, workspace, context.value().get(), name);
  exchange.start(request.endpoint, std::move(text), request.timeout_ms);
  while (!exchange.over()) {
    loop.run_once(kTurnMs);
  }
  loop.run_once(0);  // lets go what is retired
  if (!exchange.fault().empty()) {
    return at(request, exchange.fault());
  }
  const auto answer = exchange.answer().answer();
  if (!answer) {
    return at(request, "what answers is no postern, or it broke off");
  }
  return Answer{.done = answer->status == kOk, .body = printable(answer->body)};
}

}  // namespace postern::admin
