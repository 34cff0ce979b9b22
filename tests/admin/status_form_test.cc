#include "proxy/admin/status_form.h"

#include <gtest/gtest.h>

namespace postern::admin {
namespace {

TEST(StatusForm, IsAPageButForThoseThatWantJson) {
  for (const char* accept :
       {"", "*/*", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "application/json;q=0.5, text/html", "application/json;q=0", "application/*"}) {
    EXPECT_EQ(status_form_for(accept), StatusForm::Html) << accept;
  }
  for (const char* accept : {"application/json", "Application/JSON, text/plain, */*",
                             "text/html;q=0.4,application/json"}) {
    EXPECT_EQ(status_form_for(accept), StatusForm::Json) << accept;
  }
}

}  // namespace
}  // namespace postern::admin
