#include "proxy/admission/stricter_tls.h"

#include <string>

#include <gtest/gtest.h>

namespace postern {
namespace {

void add(StricterTls& clients, Stricter policy, const std::string& ip,
         const std::string& name = "") {
  clients.add(policy, net::Address::parse(ip + ":7").value(), [&name] { return name; });
}

TEST(StricterTls, HasEachClientOnce) {
  StricterTls clients;
  add(clients, Stricter::Tls13, "192.0.2.1", "mail.example.org");
  add(clients, Stricter::Tls13, "192.0.2.2");
  add(clients, Stricter::Tls13, "192.0.2.1", "mail.example.org");
  const auto seen = clients.clients(Stricter::Tls13);
  ASSERT_EQ(seen.size(), 2U);
  const auto& first = seen[0].address.ip_text() == "192.0.2.1" ? seen[0] : seen[1];
  EXPECT_EQ(first.server_name, "mail.example.org");
  EXPECT_EQ(first.times, 2U);
  EXPECT_GT(first.last_s, 0);
  EXPECT_TRUE(clients.clients(Stricter::PostQuantum).empty());
}

TEST(StricterTls, IsBounded) {
  StricterTls clients;
  for (int i = 0; i < 100; ++i) {
    add(clients, Stricter::Shadow, "192.0.2." + std::to_string(i));
  }
  EXPECT_EQ(clients.clients(Stricter::Shadow).size(), StricterTls::kMost);
}

}  // namespace
}  // namespace postern
