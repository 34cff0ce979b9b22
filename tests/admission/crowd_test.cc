#include "proxy/admission/crowd.h"

#include <deque>
#include <string>

#include <gtest/gtest.h>

namespace postern {
namespace {

class Waiting : public ListNode<Waiting> {
 public:
  Waiting(const std::string& ip, uint64_t since)
      : client_(net::Address::parse(ip + ":7").value()), since_(since) {}
  const net::Address& client() const { return client_; }
  uint64_t since_us() const { return since_; }

 private:
  net::Address client_;
  uint64_t since_;
};

class CrowdTest : public testing::Test {
 protected:
  // One more at the end of a queue; returns it.
  Waiting* wait(const std::string& ip, IntrusiveList<Waiting>& into) {
    all_.emplace_back(ip, ++now_);
    into.push_back(all_.back());
    return &all_.back();
  }
  Waiting* wait(const std::string& ip) { return wait(ip, queue); }
  Waiting* gives_way(size_t at_least = 1) {
    Crowd<Waiting> crowd;
    crowd.look_at(queue);
    return crowd.oldest_of_largest(at_least);
  }
  IntrusiveList<Waiting> queue;

 private:
  std::deque<Waiting> all_;
  uint64_t now_ = 0;
};

TEST_F(CrowdTest, NobodyIsInNone) {
  EXPECT_EQ(gives_way(), nullptr);
}

TEST_F(CrowdTest, TheOldestOfEqualsGivesWay) {
  Waiting* oldest = wait("192.0.2.1");
  wait("192.0.2.2");
  wait("198.51.100.1");
  EXPECT_EQ(gives_way(), oldest);
}

TEST_F(CrowdTest, AClientAloneOutstaysAFlood) {
  Waiting* honest = wait("198.51.100.1");
  Waiting* first = wait("192.0.2.9");
  wait("192.0.2.1");
  wait("192.0.2.9");
  EXPECT_EQ(gives_way(), first);
  EXPECT_NE(gives_way(), honest);
}

TEST_F(CrowdTest, ANetworkOfIpv6IsOneAddress) {
  wait("192.0.2.1");
  Waiting* first = wait("[2001:db8:0:1::1]");
  wait("[2001:db8:0:1:ffff::2]");
  EXPECT_EQ(gives_way(), first);
}

TEST_F(CrowdTest, OnlyTheOldestAreLookedAt) {
  Waiting* oldest = wait("192.0.2.1");
  for (size_t i = 1; i < Crowd<Waiting>::kLooks; ++i) {
    wait("198.51.100." + std::to_string(i));
  }
  wait("192.0.2.9");
  wait("192.0.2.9");
  EXPECT_EQ(gives_way(), oldest);
}

TEST_F(CrowdTest, CountsAnAddressInAllQueues) {
  IntrusiveList<Waiting> other;
  wait("192.0.2.1");
  Waiting* first = wait("192.0.2.9", other);
  wait("192.0.2.9");
  Crowd<Waiting> crowd;
  crowd.look_at(queue);
  crowd.look_at(other);
  EXPECT_EQ(crowd.oldest_of_largest(), first);
}

TEST_F(CrowdTest, LeavesThoseAloneThatAreFewerThanAsked) {
  Waiting* first = wait("192.0.2.9");
  wait("192.0.2.9");
  EXPECT_EQ(gives_way(3), nullptr);
  EXPECT_EQ(gives_way(2), first);
}

}  // namespace
}  // namespace postern
