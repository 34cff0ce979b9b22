#include "proxy/http/form.h"

#include <string>

#include <gtest/gtest.h>

namespace postern::http {
namespace {

TEST(Form, HasFieldsInTheirOrder) {
  EXPECT_EQ(parse_form("client=2001%3Adb8%3a%3A1&for=1h"),
            (Form{{.name = "client", .value = "2001:db8::1"}, {.name = "for", .value = "1h"}}));
  EXPECT_EQ(parse_form("a=x+y%2B&a="),
            (Form{{.name = "a", .value = "x y+"}, {.name = "a", .value = ""}}));
  EXPECT_EQ(parse_form("server=[::1]:143=x"), (Form{{.name = "server", .value = "[::1]:143=x"}}));
  EXPECT_EQ(parse_form(""), Form());
}

TEST(Form, IsMadeAsItIsRead) {
  std::string octets;
  for (int c = 0; c < 256; ++c) {
    octets.push_back(static_cast<char>(c));
  }
  const Form form{{.name = "a&b=c", .value = octets}, {.name = "d", .value = ""}};
  EXPECT_EQ(parse_form(make_form(form)), form);
  EXPECT_EQ(make_form({{.name = "client", .value = "::1/0 x"}}), "client=%3A%3A1%2F0%20x");
}

TEST(Form, RefusesWhatIsNone) {
  for (const char* text :
       {"a", "=x", "a=1&&b=2", "a=%", "a=%4", "a=%4g", "a=%g4", "{\"a\":1}", "%4=x", "&a=1"}) {
    EXPECT_EQ(parse_form(text), std::nullopt) << text;
  }
}

TEST(Form, LimitsItsFields) {
  std::string text = "a=1";
  for (size_t i = 1; i < kMostFields; ++i) {
    text += "&a=1";
  }
  EXPECT_EQ(parse_form(text)->size(), kMostFields);
  EXPECT_EQ(parse_form(text + "&a=1"), std::nullopt);
}

}  // namespace
}  // namespace postern::http
