#include "proxy/net/failure.h"

#include <set>
#include <string>

#include <gtest/gtest.h>
#include <uv.h>

namespace postern::net {
namespace {

TEST(NetError, NamesTheFailuresOperatorsMeet) {
  EXPECT_STREQ(net_error(UV_ECONNREFUSED, "").label(), "connection_refused");
  EXPECT_STREQ(net_error(UV_ECONNRESET, "").label(), "connection_reset");
  EXPECT_STREQ(net_error(UV_EPIPE, "").label(), "connection_closed");
  EXPECT_STREQ(net_error(UV_ETIMEDOUT, "").label(), "timed_out");
  EXPECT_STREQ(net_error(UV_EMFILE, "").label(), "too_many_open_files");
  EXPECT_STREQ(net_error(UV_EAI_NONAME, "").label(), "name_not_found");
  EXPECT_EQ(net_error(UV_ECONNREFUSED, "connecting").text(), "connecting: connection refused");
  EXPECT_STREQ(net_error(UV_ECONNREFUSED, "").domain->name, "net");
}

TEST(NetError, GivesOnlyLabelsOfItsRowsAndTheTextsOfLibuv) {
  std::set<std::string> listed = {"other"};
  for (const ErrorRow& row : kNetDomain.rows) {
    listed.insert(row.label);
    EXPECT_STREQ(row.text, uv_strerror(row.code)) << row.label;
  }
  std::set<std::string> given;
  for (int code = -5000; code <= 5000; ++code) {
    const std::string label = net_error(code, "").label();
    EXPECT_EQ(label.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string::npos) << label;
    given.insert(label);
  }
  EXPECT_EQ(given, listed);
  EXPECT_STREQ(net_error(-4999, "").label(), "other");
  EXPECT_NE(net_error(-4999, "").text().find("-4999"), std::string::npos);
}

}  // namespace
}  // namespace postern::net
