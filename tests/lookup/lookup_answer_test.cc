#include "proxy/lookup/lookup_answer.h"

#include <vector>

#include <gtest/gtest.h>

namespace postern {
namespace {

const std::vector<BackendConfig>& backends() {
  static const std::vector<BackendConfig> made = {
      {.name = "old", .servers = {{"192.0.2.1", 143}, {"Old.Internal", 1143}}, .verify = {}},
      {.name = "new", .servers = {{"2001:db8::1", 143}, {"192.0.2.1", 144}}, .verify = {}}};
  return made;
}

UserPlace place(const LookupAnswer& answer) {
  return place_of(answer, backends());
}
UserPlace at(size_t backend) {
  return {.backend = backend};
}
UserPlace failed(LookupFailure failure) {
  return {.backend = {}, .error = lookup_error(failure)};
}

TEST(LookupAnswer, NamesABackend) {
  EXPECT_EQ(place({.status = 200, .verdict = "OK", .backend = "new"}), at(1));
  EXPECT_EQ(place({.status = 204, .verdict = "OK", .backend = "old"}), at(0));
  EXPECT_EQ(place({.status = 200, .verdict = "OK", .backend = "New"}),
            failed(LookupFailure::UnknownBackend));
}

TEST(LookupAnswer, NamesAServerOfABackendAsNginxWantsIt) {
  const auto server = [](const char* host, const char* port) {
    return place({.status = 200, .verdict = "OK", .server = host, .port = port});
  };
  EXPECT_EQ(server("192.0.2.1", "143"), at(0));
  EXPECT_EQ(server("192.0.2.1", "144"), at(1));
  EXPECT_EQ(server("old.internal", "1143"), at(0)) << "names are compared without case";
  EXPECT_EQ(server("2001:DB8:0::1", "143"), at(1)) << "one address, written in another way";
  EXPECT_EQ(server("192.0.2.1", "145"), failed(LookupFailure::UnknownBackend));
  EXPECT_EQ(server("192.0.2.9", "143"), failed(LookupFailure::UnknownBackend));
  for (const char* port : {"", "0", "65536", "imap", "143 ", "-1"}) {
    EXPECT_EQ(server("192.0.2.1", port), failed(LookupFailure::InvalidAnswer)) << port;
  }
  EXPECT_EQ(server("", "143"), failed(LookupFailure::InvalidAnswer));
}

TEST(LookupAnswer, OfTheTwoTheBackendCounts) {
  EXPECT_EQ(
      place(
          {.status = 200, .verdict = "OK", .server = "192.0.2.1", .port = "143", .backend = "new"}),
      at(1));
}

TEST(LookupAnswer, DoesNotKnowTheUser) {
  EXPECT_EQ(place({.status = 200, .verdict = "Invalid login or password"}), UserPlace());
  EXPECT_EQ(place({.status = 200, .verdict = "ok", .backend = "new"}), UserPlace());
  EXPECT_EQ(place({.status = 200, .verdict = "no such user", .error_code = "535 5.7.8"}),
            UserPlace());
}

TEST(LookupAnswer, SaysThatItCannotAnswer) {
  const UserPlace failure = failed(LookupFailure::ServiceFailed);
  for (const unsigned status : {100U, 302U, 404U, 500U, 503U}) {
    EXPECT_EQ(place({.status = status, .verdict = "OK", .backend = "new"}), failure) << status;
  }
  EXPECT_EQ(place({.status = 200, .verdict = "WAIT"}), failure);
  EXPECT_EQ(place({.status = 200, .verdict = "try later", .error_code = "451 4.3.0"}), failure);
}

TEST(LookupAnswer, OfAnotherServiceIsNone) {
  EXPECT_EQ(place({.status = 200}), failed(LookupFailure::InvalidAnswer));
}

}  // namespace
}  // namespace postern
