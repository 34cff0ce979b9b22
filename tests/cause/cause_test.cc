#include <cctype>
#include <set>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/cause/causes_of.h"

namespace postern {
namespace {

using testing::HasSubstr;

constexpr size_t kCauses = kCountOf<Cause>;  // GCC 14 counts only in a constant expression

template <typename Look>
void for_each_cause(Look look) {
  for (size_t i = 0; i < kCauses; ++i) {
    look(describe(static_cast<Cause>(i)));
  }
}

bool is_snake_case(std::string_view name) {
  return !name.empty() &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

TEST(Cause, HasANameOfItsOwnAndSentences) {
  std::set<std::string_view> names;
  for_each_cause([&](const CauseRow& row) {
    SCOPED_TRACE(row.name);
    EXPECT_TRUE(is_snake_case(row.name));
    EXPECT_TRUE(names.insert(row.name).second) << "twice";
    for (const std::string_view text : {row.explanation, row.fix}) {
      EXPECT_TRUE(text.ends_with('.'));
      EXPECT_FALSE(std::islower(static_cast<unsigned char>(text.front())));
    }
    const std::string_view fix = row.fix;
    EXPECT_EQ(row.symptom == Symptom::NothingWrong, fix == "Nothing.");
  });
}

TEST(Cause, PageHasEachUnderItsSymptom) {
  const std::string page = causes_markdown();
  for_each_cause([&](const CauseRow& row) {
    EXPECT_THAT(page, HasSubstr("\n### " + std::string(row.name) + "\n"));
  });
  EXPECT_EQ(page.find("## My client says that the certificate is not trusted\n\n### "), 1U);
}

TEST(Cause, FixIsThatOfTheServerWhichGreetsSo) {
  const char* exchange = "* OK The Microsoft Exchange IMAP4 service is ready.";
  EXPECT_THAT(fix_for(Cause::BackendPrivacyRequired, exchange), HasSubstr("Set-ImapSettings"));
  EXPECT_THAT(fix_for(Cause::BackendPrivacyRequired, "* OK Dovecot (Debian) ready."),
              HasSubstr("login_trusted_networks"));
  EXPECT_STREQ(fix_for(Cause::BackendPrivacyRequired, "* OK ready"),
               describe(Cause::BackendPrivacyRequired).fix);
  EXPECT_STREQ(fix_for(Cause::BackendNotImap, exchange), describe(Cause::BackendNotImap).fix);
}

}  // namespace
}  // namespace postern
