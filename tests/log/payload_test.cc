#include "proxy/log/payload.h"

#include <gtest/gtest.h>

namespace postern::log {
namespace {

TEST(Payload, HasTheSameFieldsInEachFormat) {
  const Fields fields = {
      {"client", "192.0.2.1:4711"}, Field::optional("sni", ""), {"bytes_in", 42}};
  EXPECT_EQ(payload(Format::Text, Level::Info, "session ended", fields),
            "info  session ended client=192.0.2.1:4711 bytes_in=42");
  EXPECT_EQ(payload(Format::Json, Level::Info, "session ended", fields),
            R"("level":"info","event":"session ended","client":"192.0.2.1:4711","bytes_in":42)");
  EXPECT_EQ(payload(Format::OpenTelemetry, Level::Info, "session ended", fields),
            R"("severity_text":"INFO","severity_number":9,"body":"session ended",)"
            R"("resource":{"service.name":"postern"},"attributes":{)"
            R"("client.address":"192.0.2.1","client.port":4711,"postern.bytes_in":42})");
}

std::string attribute(const char* key, const char* value) {
  const std::string text = payload(Format::OpenTelemetry, Level::Error, "x", {{key, value}});
  const size_t begin = text.find("attributes") + 13;
  return text.substr(begin, text.size() - begin - 1);
}

TEST(Payload, TakesTheNamesOfOpenTelemetry) {
  EXPECT_EQ(attribute("cause", "backend_bye"), R"("error.type":"backend_bye")");
  EXPECT_EQ(attribute("tls", "1.3"), R"("tls.protocol.version":"1.3")");
  EXPECT_EQ(attribute("reason", "a\"b\n\xff"), R"("postern.reason":"a\"b\n\\xff")");
  EXPECT_EQ(payload(Format::OpenTelemetry, Level::Warn, "bare", {}),
            R"("severity_text":"WARN","severity_number":13,"body":"bare",)"
            R"("resource":{"service.name":"postern"},"attributes":{})");
}

TEST(Payload, ParsesAddressesForOpenTelemetry) {
  EXPECT_EQ(attribute("proxy", "[2001:db8::1]:443"),
            R"("network.peer.address":"2001:db8::1","network.peer.port":443)");
  EXPECT_EQ(attribute("server", "mail.test:143"),
            R"("server.address":"mail.test","server.port":143)");
  EXPECT_EQ(attribute("listener", "127.0.0.1:0"),
            R"("network.local.address":"127.0.0.1","network.local.port":0)");
  EXPECT_EQ(attribute("client", "2001:db8::1"), R"("client.address":"2001:db8::1")");
  EXPECT_EQ(attribute("client", "192.0.2.1"), R"("client.address":"192.0.2.1")");
  for (const char* odd : {"mail:0143", "mail:", ":", "[::1]", "[:143:", ""}) {
    EXPECT_EQ(attribute("server", odd), R"("server.address":")" + std::string(odd) + '"');
  }
}

}  // namespace
}  // namespace postern::log
