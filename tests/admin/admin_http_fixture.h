// A request fed to AdminHttp, cut at every place, and what it has come to.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "proxy/admin/admin_http.h"

namespace postern::admin {

class FakeSource final : public AdminSource, public ActionHandler {
 public:
  std::string metrics(const metrics::Exposition& wanted) override {
    return wanted == metrics::Exposition{} ? "up 1\n" : content_type(wanted.format);
  }
  Health live() override { return live_health; }
  Health ready() override { return ready_health; }
  std::string status(StatusForm form) override { return content_type(form); }
  const char* status_policy() override { return "default-src 'none'"; }
  void on_request(metrics::AdminPath path, metrics::HttpStatus status) override {
    requests.emplace_back(name_of(path), std::stoi(name_of(status)));
  }

  std::optional<ActionAnswer> act(const ActionRequest& request) override {
    asked.push_back(std::string(name_of_action(request.path)) + " [" + std::string(request.token) +
                    "] " + std::string(request.form) + (request.as_text ? " as text" : ""));
    return answers_later ? std::nullopt : std::optional(answer);
  }

  bool answers_later = false;
  ActionAnswer answer{metrics::HttpStatus::Ok, "{}\n"};
  std::vector<std::string> asked;
  Health live_health{true, ""};
  Health ready_health{true, "ready"};
  std::vector<std::pair<std::string, int>> requests;
};

struct Exchange {
  std::string out;
  AdminHttp::Step step = AdminHttp::Step::More;
  std::vector<std::pair<std::string, int>> requests;
  std::vector<std::string> asked;
  bool between_requests = true;
  bool operator==(const Exchange&) const = default;
};

// Feeds `input` cut at the given places, as a caller does: nothing after Close.
inline Exchange feed_pieces(const std::vector<std::string_view>& pieces, const FakeSource& state) {
  FakeSource source = state;
  AdminHttp http(source, source);
  Exchange outcome;
  for (const std::string_view piece : pieces) {
    if (outcome.step == AdminHttp::Step::More) {
      outcome.step = http.feed(as_bytes(piece), outcome.out);
    }
    while (outcome.step == AdminHttp::Step::Wait) {
      outcome.step = http.complete(source.answer, outcome.out);
    }
  }
  outcome.requests = source.requests;
  outcome.asked = source.asked;
  outcome.between_requests = http.between_requests();
  return outcome;
}

// The outcome for `input`, which must be the same for every split and byte by byte.
inline Exchange feed(std::string_view input, const FakeSource& state = {}) {
  const Exchange whole = feed_pieces({input}, state);
  std::vector<std::string_view> single_bytes;
  for (size_t i = 0; i < input.size(); ++i) {
    EXPECT_EQ(feed_pieces({input.substr(0, i), input.substr(i)}, state), whole) << "split at " << i;
    single_bytes.push_back(input.substr(i, 1));
  }
  EXPECT_EQ(feed_pieces(single_bytes, state), whole) << "byte by byte";
  return whole;
}

inline std::string get(const std::string& target, const std::string& fields = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n";
}

}  // namespace postern::admin
