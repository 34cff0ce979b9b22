#include "proxy/admission/client_table.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace postern {
namespace {

struct Note {
  uint64_t key = 0;
  uint64_t until = 0;
  uint64_t text = 0;
  bool expired(uint64_t now) const { return until <= now; }
  uint64_t eviction_rank() const { return until; }
};
using Table = ClientTable<Note>;

// Well spread keys, like those of a keyed hash.
uint64_t key(uint64_t number) {
  SipHash hash({1, 2});
  hash.add(number);
  return hash.value();
}

void put(Table& table, uint64_t number, uint64_t until, uint64_t now = 0) {
  table.update(key(number), now, [&](Note& note) {
    note.until = until;
    note.text = number;
  });
}

bool has(Table& table, uint64_t number) {
  bool found = false;
  table.find(key(number), [&](const Note& note) { found = note.text == number; });
  return found;
}

TEST(ClientTable, FindsOnlyWhatWasStored) {
  Table table(10'000);
  EXPECT_FALSE(has(table, 1));
  put(table, 1, 10);
  EXPECT_TRUE(has(table, 1));
  EXPECT_FALSE(has(table, 2));
}

TEST(ClientTable, LosesNothingWhileItGrows) {
  Table table(100'000);
  for (uint64_t i = 0; i < 10'000; ++i) {
    put(table, i, 10);
  }
  for (uint64_t i = 0; i < 10'000; ++i) {
    ASSERT_TRUE(has(table, i)) << i;
  }
  EXPECT_EQ(table.sweep(0), 10'000U);
}

TEST(ClientTable, EvictsTheLowestRankAtItsLimit) {
  constexpr size_t kRecords = Table::kShards * Table::kWays;  // one bucket per shard
  Table table(kRecords);
  for (uint64_t i = 0; i < 100'000; ++i) {
    put(table, i, i + 1);
  }
  EXPECT_EQ(table.sweep(0), kRecords);
  EXPECT_LE(table.bytes(), kRecords * sizeof(Note));
  EXPECT_TRUE(has(table, 99'999));
  EXPECT_FALSE(has(table, 0));
  size_t kept_of_the_newest = 0;
  for (uint64_t i = 100'000 - kRecords / 2; i < 100'000; ++i) {
    kept_of_the_newest += has(table, i) ? 1 : 0;
  }
  EXPECT_GT(kept_of_the_newest, kRecords / 2 * 95 / 100);
}

TEST(ClientTable, ReusesTheRoomOfExpiredRecords) {
  Table table(Table::kShards * Table::kWays);
  for (uint64_t i = 0; i < 100'000; ++i) {
    put(table, i, 10, /*now=*/0);
  }
  const size_t full = table.bytes();
  for (uint64_t i = 200'000; i < 200'100; ++i) {
    put(table, i, 11, /*now=*/10);
  }
  for (uint64_t i = 200'000; i < 200'100; ++i) {
    EXPECT_TRUE(has(table, i));
  }
  EXPECT_EQ(table.bytes(), full);
}

TEST(ClientTable, SweepsExpiredRecordsAndFreesTheirMemory) {
  Table table(100'000);
  for (uint64_t i = 0; i < 1'000; ++i) {
    put(table, i, i < 10 ? 20 : 10);
  }
  EXPECT_EQ(table.sweep(9), 1'000U);
  EXPECT_EQ(table.sweep(10), 10U);
  EXPECT_EQ(table.sweep(20), 0U);
  EXPECT_EQ(table.bytes(), 0U);
}

TEST(ClientNumber, IsTheAddressOrTheSlash64) {
  const auto number = [](const std::string& text) {
    return client_number(net::Address::parse(text).value());
  };
  EXPECT_EQ(number("[2001:db8:0:1::1]:1"), number("[2001:db8:0:1:ffff::2]:2"));
  const std::set<uint64_t> different{number("192.0.2.1:1"),         number("192.0.2.2:1"),
                                     number("0.0.0.1:1"),           number("[0:0:0:1::]:1"),
                                     number("[2001:db8:0:1::1]:1"), number("[2001:db8::1]:1")};
  EXPECT_EQ(different.size(), 6U);
}

TEST(RandomKey, DiffersEachTime) {
  EXPECT_NE(random_key().low, random_key().low);
}

TEST(ClientTable, KeepsItsBesideForEachShard) {
  ClientTable<Note, int> table(10'000);
  table.beside(key(1), [](Note* note, int& beside) {
    EXPECT_EQ(note, nullptr) << "no record is made";
    beside = 7;
  });
  table.update(key(1), 0, [](Note& note, int& beside) {
    EXPECT_EQ(beside, 7);
    note.until = 10;
  });
  table.beside(key(1), [](Note* note, int& beside) {
    ASSERT_NE(note, nullptr);
    EXPECT_EQ(note->until, 10U);
    EXPECT_EQ(beside, 7);
  });
  EXPECT_EQ(table.sweep(20), 0U);
  table.beside(key(1), [](Note* note, int& beside) {
    EXPECT_EQ(note, nullptr);
    EXPECT_EQ(beside, 7) << "it does not expire";
  });
}

}  // namespace
}  // namespace postern
