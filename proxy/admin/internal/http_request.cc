#include "proxy/admin/internal/http_request.h"

#include <algorithm>

#include "proxy/base/secret.h"
#include "proxy/http/token.h"

namespace postern::admin {
namespace {

HttpRequest& request_of(llhttp_t* parser) {
  return *static_cast<HttpRequest*>(parser->data);
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
  append_secret(request_of(parser).value, {at, size});
  return 0;
}

int on_header_value_complete(llhttp_t* parser) noexcept {
  HttpRequest& request = request_of(parser);
  // RFC 9110 §5.3: fields of one name are one list.
  const auto append_to = [&request](std::string& list) {
    append_secret(list, list.empty() ? "" : ",");
    append_secret(list, request.value);
  };
  if (request.head_complete) {
    // A trailer: no place for who asks, or how (RFC 9110 §6.5.1).
  } else if (http::same_token(request.field, "Host")) {
    ++request.hosts;
  } else if (http::same_token(request.field, "Expect")) {
    request.expect = request.value.substr(0, request.value.find_last_not_of(" \t") + 1);
  } else if (http::same_token(request.field, "Accept")) {
    append_to(request.accept);
  } else if (http::same_token(request.field, "Accept-Encoding")) {
    append_to(request.accept_encoding);
  } else if (http::same_token(request.field, "Authorization")) {
    append_to(request.authorization);
  }
  request.field.clear();
  wipe(request.value);
  return 0;
}

int on_headers_complete(llhttp_t* parser) noexcept {
  request_of(parser).head_complete = true;
  return 0;
}

int on_body(llhttp_t* parser, const char* at, size_t size) noexcept {
  std::string& form = request_of(parser).form;
  form.append(at, std::min(size, HttpRequest::kMostForm + 1 - form.size()));
  return 0;
}

int on_message_complete(llhttp_t* parser) noexcept {
  HttpRequest& request = request_of(parser);
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
  settings.on_body = on_body;
  settings.on_message_complete = on_message_complete;
  return settings;
}

}  // namespace

HttpRequest::~HttpRequest() {
  wipe(value);
  wipe(authorization);
}

void HttpRequest::forget() {
  for (std::string* text : {&target, &field, &expect, &accept, &accept_encoding, &form}) {
    std::string().swap(*text);
  }
  wipe(value);
  wipe(authorization);
  hosts = head_size = body_size = 0;
  head_complete = complete = keep_alive = false;
}

const llhttp_settings_t& http_request_settings() {
  static const llhttp_settings_t settings = make_settings();
  return settings;
}

}  // namespace postern::admin
