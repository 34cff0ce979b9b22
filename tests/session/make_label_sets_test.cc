#include "proxy/session/make_label_sets.h"

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "metrics/counters.h"
#include "proxy/imap/conversation.h"
#include "proxy/net/failure.h"
#include "proxy/relay/end_reason.h"
#include "proxy/session/internal/session_labels.h"
#include "proxy/transport/proxy_protocol.h"
#include "tests/support/gateway.h"
#include "tls/failure.h"

namespace postern {
namespace {

using metrics::Label;

const metrics::LabelSets& sets() {
  static const metrics::LabelSets made = make_label_sets(test::gateway_config({}));
  return made;
}

TEST(LabelSets, DefineEveryLabelThatWorkersCountBy) {
  for (const metrics::Descriptor& metric : metrics::catalog()) {
    for (const Label label : metrics::dimensions(metric.id)) {
      if (label != Label::None && !metric.sampled && !metrics::LabelSets::grows(label)) {
        EXPECT_GT(sets().width(label), 0U) << metric.name << " " << name_of(label);
      }
    }
  }
}

TEST(LabelSets, NameNoValueTwice) {
  for (const Label label :
       {Label::Listener, Label::EndReason, Label::Version, Label::Cipher, Label::Group,
        Label::TlsFailure, Label::ProxyHeader, Label::Mechanism, Label::LoginResult,
        Label::ConnectResult, Label::AcceptFailure, Label::Path, Label::Code}) {
    const std::vector<std::string>& values = sets().values(label);
    const std::set<std::string> different(values.begin(), values.end());
    EXPECT_EQ(different.size(), values.size()) << name_of(label);
  }
}

TEST(LabelSets, KnowEveryFailureThatCanStandInThem) {
  const auto known = [](Label label, const char* value) {
    return sets().values(label)[sets().index_of(label, value)] == value;
  };
  for (const ErrorRow& row : net::kNetDomain.rows) {
    EXPECT_TRUE(known(Label::ConnectResult, row.label)) << row.label;
    EXPECT_TRUE(known(Label::AcceptFailure, row.label)) << row.label;
  }
  for (const ErrorRow& row : tls::kTlsDomain.rows) {
    EXPECT_TRUE(known(Label::ConnectResult, row.label)) << row.label;
    EXPECT_TRUE(known(Label::TlsFailure, row.label)) << row.label;
  }
  for (const ErrorRow& row : imap::kImapDomain.rows) {
    EXPECT_TRUE(known(Label::ConnectResult, row.label)) << row.label;
  }
  for (const ErrorRow& row : kProxyDomain.rows) {
    EXPECT_TRUE(known(Label::ProxyHeader, row.label)) << row.label;
  }
  EXPECT_TRUE(known(Label::TlsFailure, "timeout"));
  EXPECT_TRUE(known(Label::TlsFailure, "connection_lost"));
}

TEST(LabelSets, PutWhatIsUnknownUnderOther) {
  for (const Label label : {Label::TlsFailure, Label::ConnectResult, Label::AcceptFailure}) {
    EXPECT_EQ(sets().values(label).back(), "other");
    EXPECT_EQ(sets().index_of(label, "never heard of"), sets().width(label) - 1);
  }
}

TEST(LabelSets, StandInTheOrderOfTheEnumsThatIndexThem) {
  EXPECT_EQ(sets().values(Label::ConnectResult)[metrics::index(kConnectSuccess)], "success");
  EXPECT_EQ(sets().values(Label::Version)[static_cast<size_t>(tls::Version::Tls13)], "1.3");
  EXPECT_EQ(sets().values(Label::EndReason)[static_cast<size_t>(EndReason::Aborted)], "aborted");
  EXPECT_EQ(sets().values(Label::Mechanism)[static_cast<size_t>(imap::Mechanism::Preauth)],
            "preauth");
}

// No server of the configuration is counted as another one without a word.
TEST(LabelSets, HaveRoomForEveryServerOfTheConfiguration) {
  Config config = test::gateway_config({});
  config.backends[0].servers.clear();
  for (int i = 0; i < 300; ++i) {
    config.backends[0].servers.push_back({"mail" + std::to_string(i), 143});
  }
  metrics::LabelSets made = make_label_sets(config);
  EXPECT_TRUE(find_unnamed_servers(config, made).empty());
  EXPECT_EQ(made.values(Label::Server).size(), 301U);
  EXPECT_EQ(made.values(Label::Server).back(), "mail299:143");
}

TEST(LabelSets, SayWhichServersOfAReloadFindNoRoom) {
  metrics::LabelSets made = make_label_sets(test::gateway_config({}));
  Config grown = test::gateway_config({});
  grown.backends[0].servers.clear();
  for (size_t i = 0; i < made.capacity() + 10; ++i) {
    grown.backends[0].servers.push_back({"mail" + std::to_string(i), 143});
  }
  const Faults warnings = find_unnamed_servers(grown, made);
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_EQ(warnings[0].text(),
            "backends.pool: metrics count 11 of its servers together, as server=\"other\", until a "
            "restart or an upgrade makes room for them");
}

TEST(EndReason, HasTheNamesOfTheRefusals) {
  for (size_t i = 0; i < kCountOf<Refusal>; ++i) {
    const auto refusal = static_cast<Refusal>(i);
    EXPECT_STREQ(name_of(end_reason(refusal)), name_of(refusal));
  }
}

}  // namespace
}  // namespace postern
