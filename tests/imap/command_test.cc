#include "proxy/imap/command.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "proxy/imap/syntax.h"

namespace postern::imap {
namespace {

Command command_of(const std::string& line) {
  const CommandHead head = parse_command_head(line);
  EXPECT_TRUE(head.decided) << line;
  return head.command;
}

TEST(Command, KnowsItsNamesInAnyCase) {
  for (size_t i = 0; i < kCountOf<Command>; ++i) {
    const auto command = static_cast<Command>(i);
    const std::string name = name_of(command);
    EXPECT_EQ(command_named(name), command) << name;
    std::string shouted = name;
    std::transform(name.begin(), name.end(), shouted.begin(), upper);
    EXPECT_EQ(command_named(shouted), command) << shouted;
    EXPECT_EQ(command_named(name + "X"), Command::Other);
    EXPECT_EQ(command_named(name.substr(1)), Command::Other);
  }
  EXPECT_EQ(command_named(""), Command::Other);
  EXPECT_EQ(command_named("~"), Command::Other);
}

TEST(Command, IsWithUidWhatItIsWithout) {
  EXPECT_EQ(command_of("a UID FETCH 1:* FLAGS\r\n"), Command::Fetch);
  EXPECT_EQ(command_of("a uid Search all\r\n"), Command::Search);
  EXPECT_EQ(command_of("a UID EXPUNGE 1\n"), Command::Expunge);
  EXPECT_EQ(command_of("a FETCH 1 FLAGS\r\n"), Command::Fetch);
}

TEST(Command, IsNoLoginAfterUid) {
  for (const char* words : {"LOGIN u p", "IDLE", "COMPRESS DEFLATE", "UID FETCH 1", "", " FETCH 1",
                            "{3}", "FETCHFETCHFETCHFETCH 1"}) {
    EXPECT_EQ(command_of(std::string("a UID ") + words + "\r\n"), Command::Other) << words;
  }
  EXPECT_EQ(command_of("a UID\r\n"), Command::Other);
  EXPECT_EQ(command_of("a UIDS FETCH 1\r\n"), Command::Other);
}

TEST(Command, WaitsForTheWordAfterUid) {
  for (const char* start : {"a UID", "a UID ", "a UID F", "a UID FETCH", "a UID FETCH\r"}) {
    EXPECT_FALSE(parse_command_head(start).decided) << start;
  }
  EXPECT_TRUE(parse_command_head("a UID FETCH ").decided);
  EXPECT_TRUE(parse_command_head("a UID  ").decided) << "servers differ about two spaces";
  EXPECT_TRUE(parse_command_head("a UID " + std::string(17, 'F')).decided) << "no name is so long";
}

}  // namespace
}  // namespace postern::imap
