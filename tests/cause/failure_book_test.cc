#include "proxy/cause/failure_book.h"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace postern {
namespace {

void fail(FailureBook& book, Cause cause, size_t backend, const std::string& client) {
  book.add(cause, backend, [&] { return FailureBook::Details{.client = client}; });
}

TEST(FailureBook, IsEmptyAtFirst) {
  const FailureBook book(4);
  EXPECT_TRUE(book.groups().empty());
  EXPECT_TRUE(book.recent().empty());
}

TEST(FailureBook, CountsByCauseAndBackend) {
  FailureBook book(4);
  fail(book, Cause::LoginFailed, 1, "192.0.2.1");
  fail(book, Cause::LoginFailed, 1, "192.0.2.2");
  fail(book, Cause::LoginFailed, 3, "192.0.2.3");
  fail(book, Cause::Banned, FailureBook::kNoBackend, "192.0.2.4");
  const auto groups = book.groups();
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[1].cause, Cause::LoginFailed);
  EXPECT_EQ(groups[1].backend, 1U);
  EXPECT_EQ(groups[1].count, 2U);
  EXPECT_EQ(groups[1].last.client, "192.0.2.2");
  EXPECT_LE(groups[1].first_s, groups[1].last_s);
  EXPECT_EQ(book.recent()[0].cause, Cause::Banned) << "the last one first";
  fail(book, Cause::LoginFailed, 1, "192.0.2.2");
  EXPECT_EQ(book.recent().size(), 4U);
  EXPECT_EQ(book.recent()[0].details.client, "192.0.2.2");
  EXPECT_EQ(book.recent()[0].times, 2U);
}

TEST(FailureBook, LeavesOutWhatIsNoFailure) {
  FailureBook book(1);
  fail(book, Cause::ClientLogout, 0, "192.0.2.1");
  fail(book, Cause::Probe, 0, "192.0.2.1");
  EXPECT_TRUE(book.groups().empty());
}

TEST(FailureBook, IsBounded) {
  FailureBook book(300);
  for (size_t backend = 0; backend < 300; ++backend) {
    book.add(Cause::BackendBye, backend,
             [] { return FailureBook::Details{.said = std::string(10'000, 'x')}; });
  }
  EXPECT_EQ(book.groups().size(), 300U) << "all are counted";
  size_t with_words = 0;
  for (const auto& group : book.groups()) {
    with_words += group.last.said.empty() ? 0 : 1;
    EXPECT_LE(group.last.said.size(), FailureBook::kMostText);
  }
  EXPECT_EQ(with_words, FailureBook::kMostTexts);
  EXPECT_EQ(book.recent().size(), FailureBook::kRecentOfCause);
  for (size_t i = 0; i < kCountOf<Cause>; ++i) {
    for (const char* client : {"192.0.2.1", "192.0.2.2"}) {
      fail(book, static_cast<Cause>(i), 0, client);
    }
  }
  EXPECT_EQ(book.recent().size(), FailureBook::kRecent);
}

TEST(FailureBook, AFrequentCausePushesOutNoOther) {
  FailureBook book(1);
  fail(book, Cause::Banned, 0, "192.0.2.1");
  for (int i = 0; i < 1'000; ++i) {
    fail(book, Cause::ClientNotTls, 0, "198.51.100." + std::to_string(i));
  }
  const auto recent = book.recent();
  ASSERT_EQ(recent.size(), FailureBook::kRecentOfCause + 1);
  EXPECT_EQ(recent.front().details.client, "198.51.100.999");
  EXPECT_EQ(recent.back().cause, Cause::Banned);
}

TEST(FailureBook, LosesNoCountOfManyThreads) {
  FailureBook book(2);
  std::vector<std::thread> workers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([&book] {
      for (int k = 0; k < 1'000; ++k) {
        fail(book, Cause::LoginFailed, 1, "192.0.2.1");
      }
    });
  }
  for (int i = 0; i < 100; ++i) {
    EXPECT_LE(book.groups().size(), 1U);
  }
  for (std::thread& worker : workers) {
    worker.join();
  }
  EXPECT_EQ(book.groups().at(0).count, 4'000U);
}

}  // namespace
}  // namespace postern
