#include "proxy/net/srv_lookup.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::net {
namespace {

using testing::ElementsAre;

std::string name(std::initializer_list<std::string> labels) {
  std::string text;
  for (const std::string& label : labels) {
    text += static_cast<char>(label.size());
    text += label;
  }
  return text + '\0';
}

std::string two(unsigned value) {
  return {static_cast<char>(value >> 8U), static_cast<char>(value & 0xffU)};
}

std::string record(unsigned type, const std::string& data) {
  return name({"_imaps", "_tcp", "example", "org"}) + two(type) + two(1) + two(0) + two(60) +
         two(static_cast<unsigned>(data.size())) + data;
}

std::string srv(unsigned priority, unsigned port, const std::string& target) {
  return record(33, two(priority) + two(5) + two(port) + target);
}

std::string answer(unsigned count, const std::string& records) {
  return two(7) + two(0x8180) + two(1) + two(count) + two(0) + two(0) +
         name({"_imaps", "_tcp", "example", "org"}) + two(33) + two(1) + records;
}

TEST(SrvLookup, ReadsTheRecordsOfAnAnswerByPriority) {
  const std::string text =
      answer(4, srv(20, 1993, name({"second", "example", "org"})) + record(16, "\x01x") +
                    srv(10, 993, name({"mail", "example", "org"})) + srv(30, 0, name({})));
  EXPECT_THAT(read_srv(as_bytes(text)),
              ElementsAre(SrvRecord{10, 5, 993, "mail.example.org"},
                          SrvRecord{20, 5, 1993, "second.example.org"}, SrvRecord{30, 5, 0, "."}));
}

TEST(SrvLookup, TakesNothingFromBrokenAnswers) {
  const std::string whole = answer(1, srv(10, 993, name({"mail"})));
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_TRUE(read_srv(as_bytes(whole).first(size)).empty()) << size;
  }
  EXPECT_TRUE(read_srv(as_bytes(answer(1, record(33, "\1\2\3\4\5\6")))).empty());
}

TEST(SrvLookup, CanBeCancelled) {
  struct Never final : SrvObserver {
    void on_srv(const std::vector<SrvRecord>&) override { FAIL() << "was cancelled"; }
  };
  Loop loop;
  Never never;
  SrvLookup lookup(loop);
  lookup.ask("_imaps._tcp.invalid", never);
  lookup.cancel();
  while (loop.lookups() > 0) {
    loop.run_once(100);
  }
}

}  // namespace
}  // namespace postern::net
