#include "proxy/admission/ban_keeper.h"

#include <sys/stat.h>

#include <ctime>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "proxy/admission/internal/ban_file.h"
#include "tests/support/certificates.h"
#include "tests/support/logged.h"
#include "tests/support/test_loop.h"

namespace postern {
namespace {

net::Address at(const std::string& ip) {
  const bool is_v6 = ip.find(':') != std::string::npos;
  return net::Address::parse(is_v6 ? "[" + ip + "]:0" : ip + ":0").value();
}

std::string fault_of(const std::string& text) {
  const auto bans = read_bans(text, "bans");
  return bans ? "" : bans.faults().front().text();
}

TEST(BanFile, IsReadAsItIsWritten) {
  const std::vector<KeptBan> bans{
      {.client = at("192.0.2.7"), .until_s = 1'793'500'000, .by_hand = false},
      {.client = at("2001:db8::7"), .until_s = 1, .by_hand = true}};
  EXPECT_EQ(write_bans(bans),
            "postern bans 1\n192.0.2.7 1793500000 login_failures\n2001:db8::7 1 admin\n");
  EXPECT_EQ(read_bans(write_bans(bans), "bans").value(), bans);
  EXPECT_TRUE(read_bans("postern bans 1\n", "bans").value().empty());
}

TEST(BanFile, NamesTheLineThatIsDamaged) {
  EXPECT_EQ(fault_of(""), "bans: does not end with a whole line");
  EXPECT_EQ(fault_of("postern bans 2\n"), "bans:1: is \"postern bans 2\", not \"postern bans 1\"");
  const std::string good = "postern bans 1\n192.0.2.7 5 admin\n";
  for (const std::string line :
       {"", "192.0.2.7", "192.0.2.7 5", "192.0.2.7 5 ", "192.0.2.7 5 god", "192.0.2.7 x admin",
        "192.0.2.7 -5 admin", "192.0.2.7 5s admin", "192.0.2 5 admin", " 192.0.2.7 5 admin",
        "192.0.2.7 5 admin ", "192.0.2.7:1 5 admin", "99999999999999999999 5 admin",
        "192.0.2.7 99999999999999999999 admin"}) {
    EXPECT_EQ(fault_of(good + line + "\n"), "bans:3: is no address, time and reason of a ban")
        << line;
  }
  for (size_t end = 1; end < good.size(); ++end) {
    const std::string cut = good.substr(0, end);
    EXPECT_EQ(fault_of(cut) == "", cut == "postern bans 1\n") << cut;
  }
}

TEST(BanFile, IsBounded) {
  std::string text = "postern bans 1\n";
  for (size_t i = 0; i < LoginGuard::kListedBans; ++i) {
    text += "192.0.2.7 5 admin\n";
  }
  EXPECT_EQ(fault_of(text), "");
  EXPECT_NE(fault_of(text + "192.0.2.7 5 admin\n").find("one ban too many"), std::string::npos);
}

class BanKeeperTest : public testing::Test {
 protected:
  std::string file() const { return directory.path() + "/bans"; }
  std::string content() const {
    std::ifstream stream(file());
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  void pass_ms(uint64_t ms) { loop.deadlines().advance(loop.now_ms() + ms); }
  bool banned(LoginGuard& by, const std::string& ip) {
    return by.banned(std::nullopt, at(ip), loop.now_ms());
  }

  test::TempDirectory directory;
  net::Loop loop;
  LoginGuard guard;
};

TEST_F(BanKeeperTest, HandsBansToTheNextProcess) {
  {
    BanKeeper keeper(loop, guard, directory.path());
    keeper.start(false);
    guard.ban(at("192.0.2.7"), loop.now_ms() + 60'000, loop.now_ms());
    EXPECT_EQ(content(), "");
    pass_ms(1'100);
    EXPECT_EQ(read_bans(content(), file()).value().size(), 1U);
    struct stat status {};
    ASSERT_EQ(stat(file().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    guard.ban(at("192.0.2.8"), loop.now_ms() + 60'000, loop.now_ms());
    guard.lift(at("192.0.2.7"), loop.now_ms());
    keeper.write();
  }
  LoginGuard next;
  BanKeeper keeper(loop, next, directory.path());
  keeper.start(false);
  EXPECT_FALSE(banned(next, "192.0.2.7"));
  EXPECT_TRUE(banned(next, "192.0.2.8"));
  const auto bans = next.bans(loop.now_ms());
  ASSERT_EQ(bans.size(), 1U);
  EXPECT_NEAR(static_cast<double>(bans[0].until_ms), static_cast<double>(loop.now_ms() + 60'000),
              2'500);
}

TEST_F(BanKeeperTest, TakesOverNoBanThatHasEnded) {
  directory.write("bans", write_bans({{at("192.0.2.7"), std::time(nullptr) - 1, true},
                                      {at("192.0.2.8"), std::time(nullptr) + 100, true},
                                      {at("192.0.2.9"), 9'999'999'999, true}}));
  BanKeeper keeper(loop, guard, directory.path());
  keeper.start(false);
  EXPECT_FALSE(banned(guard, "192.0.2.7"));
  EXPECT_TRUE(banned(guard, "192.0.2.8"));
  for (const LoginGuard::Ban& ban : guard.bans(loop.now_ms())) {
    EXPECT_LE(ban.until_ms, loop.now_ms() + LoginGuard::kLongestBanMs) << "whatever the file says";
  }
}

TEST_F(BanKeeperTest, NamesADamagedFileAndGoesOn) {
  directory.write("bans", "postern bans 1\n192.0.2.7 tomorrow admin\n");
  BanKeeper keeper(loop, guard, directory.path());
  const auto lines = test::logged([&] {
    log::configure(log::Format::Text, log::Level::Info);
    keeper.start(false);
  });
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find("/bans:2: is no address, time and reason"), std::string::npos);
  EXPECT_TRUE(guard.bans(loop.now_ms()).empty());
  guard.ban(at("192.0.2.8"), loop.now_ms() + 60'000, loop.now_ms());
  pass_ms(1'100);
  EXPECT_EQ(fault_of(content()), "") << "the next change replaces it";
}

// The old process may have begun one after the new one read the file.
TEST_F(BanKeeperTest, TakesOverTheLastBansOfTheProcessBefore) {
  BanKeeper keeper(loop, guard, directory.path());
  keeper.start(true);
  guard.ban(at("192.0.2.7"), loop.now_ms() + 60'000, loop.now_ms());
  LoginGuard before;
  before.ban(at("192.0.2.8"), loop.now_ms() + 60'000, loop.now_ms());
  BanKeeper old(loop, before, directory.path());
  old.hand_over();
  before.ban(at("192.0.2.9"), loop.now_ms() + 60'000, loop.now_ms());
  old.write();
  pass_ms(3'100);
  EXPECT_TRUE(banned(guard, "192.0.2.7"));
  EXPECT_TRUE(banned(guard, "192.0.2.8"));
  EXPECT_FALSE(banned(guard, "192.0.2.9")) << "it has handed over";
  EXPECT_EQ(read_bans(content(), file()).value().size(), 2U);
}

TEST_F(BanKeeperTest, SaysThatItCannotWrite) {
  BanKeeper keeper(loop, guard, directory.path() + "/nowhere");
  const auto lines = test::logged([&] {
    log::configure(log::Format::Text, log::Level::Info);
    keeper.start(false);
    guard.ban(at("192.0.2.7"), loop.now_ms() + 60'000, loop.now_ms());
    pass_ms(1'100);
    log::flush();
  });
  ASSERT_FALSE(lines.empty());
  EXPECT_NE(lines[0].find("bans not written"), std::string::npos);
  EXPECT_NE(lines[0].find("No such file"), std::string::npos);
}

TEST_F(BanKeeperTest, KeepsNothingWithoutAFolder) {
  BanKeeper keeper(loop, guard, "");
  keeper.start(false);
  guard.ban(at("192.0.2.7"), loop.now_ms() + 60'000, loop.now_ms());
  pass_ms(5'000);
  keeper.write();
  EXPECT_EQ(content(), "");
}

}  // namespace
}  // namespace postern
