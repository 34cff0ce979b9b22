// A record with something in each section, for the tests of page, JSON and verdict.
#pragma once

#include "proxy/status/record.h"

namespace postern::test {

inline constexpr int64_t kNowS = 1'800'000'000;

// Nothing is wrong, and nothing has happened.
inline StatusRecord calm_record() {
  StatusRecord record{.now_s = kNowS};
  record.process = {.version = "0.1",
                    .revision = "abc",
                    .boringssl_commit = "0123abcd",
                    .boringssl_date = "2026-06-01",
                    .started_s = kNowS - 7'200,
                    .workers = 2,
                    .reloaded_s = kNowS - 7'200,
                    .certificates_s = kNowS - 7'200};
  record.listeners = {{.address = "[::]:993", .tls = "implicit", .policy = "intermediate"}};
  record.certificates = {{.label = "mail.crt",
                          .names = {"mail.example.org"},
                          .key_type = "ecdsa",
                          .not_before_s = kNowS - 86'400,
                          .not_after_s = kNowS + 80 * 86'400}};
  record.backends = {
      {.name = "legacy",
       .tls = "starttls",
       .verify = "verify",
       .servers = {
           {.name = "mail1.internal:143",
            .state = "up",
            .sessions = 3,
            .addresses = {{.address = "192.0.2.1:143", .state = "up", .since_s = kNowS - 300},
                          {.address = "192.0.2.2:143", .state = "untried"}}}}}};
  record.policies = {{.where = "clients", .name = "intermediate", .text = "versions: 1.2, 1.3"}};
  record.stricter = {{.name = "tls_1_3_only",
                      .refused = 7,
                      .handshakes = 100,
                      .last = {{.address = "198.51.100.9",
                                .server_name = "mail.example.org",
                                .last_s = kNowS - 60,
                                .times = 4}}}};
  record.sessions = {.now = 3, .logged_in = 2, .idle = 1, .limit = 1'000};
  return record;
}

inline StatusRecord::Failure failure(Cause cause, const std::string& backend) {
  return {.cause = cause,
          .backend = backend,
          .count = 5,
          .last_hour = 2,
          .first_s = kNowS - 3'600,
          .last_s = kNowS - 60,
          .client = "198.51.100.7",
          .server = "mail1.internal:143"};
}

}  // namespace postern::test
