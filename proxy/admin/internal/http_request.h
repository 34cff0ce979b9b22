// HttpRequest: what llhttp finds in one request, as notes. Its callbacks decide nothing.
#pragma once

#include <cstddef>
#include <string>

#include <llhttp.h>

namespace postern::admin {

struct HttpRequest {
  static constexpr size_t kMostForm = 4096;  // of a body that is kept

  HttpRequest() = default;
  ~HttpRequest();  // wipes what may hold a token
  HttpRequest(const HttpRequest&) = delete;
  HttpRequest& operator=(const HttpRequest&) = delete;
  void forget();  // the next one begins

  std::string target;
  std::string field;   // the header field being read
  std::string value;   // and its value
  std::string expect;  // the value of Expect
  std::string accept;
  std::string accept_encoding;
  std::string authorization;
  std::string form;  // the body, up to kMostForm and one more
  size_t hosts = 0;  // how many Host fields there were
  bool head_complete = false;
  bool complete = false;
  bool keep_alive = false;
  size_t head_size = 0;
  size_t body_size = 0;  // framing included
};

// For a parser whose `data` is an HttpRequest.
const llhttp_settings_t& http_request_settings();

}  // namespace postern::admin
