// AdminHttp: one HTTP/1 connection of the admin endpoint, without sockets: request bytes in,
// response bytes out, parsed by llhttp. GET and HEAD; pipelining and keep-alive follow RFC 9112;
// the request line, headers, body and number of requests are bounded. What is read is for everybody
// who reaches it: it belongs on an internal address. Actions go to their handler, which asks for a
// token. One thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "metrics/export/exposition.h"
#include "metrics/metric.h"
#include "proxy/admin/admin_action.h"
#include "proxy/admin/status_form.h"
#include "proxy/base/bytes.h"

namespace postern::admin {

struct Health {
  bool ok;
  std::string reason;        // a line for people: "ready", "draining", "a worker does not answer"
  std::string details = {};  // whole lines that follow it in the body
};

// What the endpoint shows. Called on the thread that calls feed().
class AdminSource {
 public:
  virtual std::string metrics(const metrics::Exposition& wanted) = 0;
  virtual Health live() = 0;
  virtual Health ready() = 0;
  virtual std::string status(StatusForm form) = 0;
  // What the page of the status may do, as a Content-Security-Policy.
  virtual const char* status_policy() = 0;
  // After each answered request.
  virtual void on_request(metrics::AdminPath path, metrics::HttpStatus status) = 0;

 protected:
  ~AdminSource() = default;
};

class AdminHttp {
 public:
  // Wait: an action's answer comes later; feed nothing more before complete().
  enum class Step { More, Wait, Close };
  static constexpr size_t kMaxTarget = 2 * kKiB;  // of the request line; beyond it 414
  static constexpr size_t kMaxHead = 16 * kKiB;   // request line and headers; beyond it 431
  // Read and dropped but for an action's form, framing included; beyond it 413.
  static constexpr size_t kMaxBody = 64 * kKiB;
  // The last answer of a connection says `Connection: close`. Bounds what pipelining can queue.
  static constexpr size_t kMaxRequests = 64;

  AdminHttp(AdminSource& source, ActionHandler& actions);  // both must outlive *this
  ~AdminHttp();
  // Takes all of `bytes`, appends responses to `out`. After Close the caller sends `out`,
  // half-closes and feeds nothing more.
  Step feed(Bytes bytes, std::string& out);
  // For what is sent in clear where TLS must begin; in place of feed().
  Step refuse_cleartext(std::string& out);
  // After Wait: goes on with what came after the request, too.
  Step complete(const ActionAnswer& answer, std::string& out);
  // True before the first byte of a request and between two requests: idle time may be limited
  // differently.
  bool between_requests() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace postern::admin
