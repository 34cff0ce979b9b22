#include "tls/internal/pem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/certificates.h"
#include "tls/internal/file_kind.h"

namespace postern::tls {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kMark[] = "\xef\xbb\xbf";
constexpr char kKey[] = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
constexpr char kCrl[] = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n";

std::vector<std::string> labels(const std::string& text) {
  const auto blocks = split_pem(text);
  if (!blocks) {
    return {blocks.faults().front().text()};
  }
  std::vector<std::string> found;
  for (const PemBlock& block : blocks.value()) {
    found.push_back(std::string(block.label) + ":" + std::to_string(block.line));
  }
  return found;
}

TEST(Pem, TakesAByteOrderMarkBeforeAnyBlock) {
  const std::string mark = kMark;
  EXPECT_THAT(labels(mark + kKey + mark + kCrl + "\n" + mark + kKey),
              ElementsAre("PRIVATE KEY:1", "X509 CRL:4", "PRIVATE KEY:8"));
}

TEST(Pem, TakesTextBetweenBlocksAndAnyEndOfLine) {
  EXPECT_THAT(labels("Bag Attributes\r\n  friendlyName: BEGINNING\r\n" + std::string(kKey) +
                     "# -- the intermediate\n" + kCrl),
              ElementsAre("PRIVATE KEY:3", "X509 CRL:7"));
  std::string dos;
  for (const char c : std::string(kKey)) {
    dos += c == '\n' ? "  \r\n" : std::string(1, c);
  }
  EXPECT_THAT(labels(dos + dos), ElementsAre("PRIVATE KEY:1", "PRIVATE KEY:4"));
  EXPECT_THAT(labels(""), ElementsAre());
}

TEST(Pem, NamesWhatOpensslPassesOverOrRefusesWithoutAReason) {
  const std::string key = kKey;
  const std::string bare = key.substr(0, key.size() - 1);
  const std::pair<std::string, const char*> cases[] = {
      {bare + key, "line 3: a line break is missing between the END of one block and the BEGIN"},
      {key + " " + key, "line 4: it seems to begin one"},
      {key + "\xe2\x80\x8b" + key, "line 4: it seems to begin one"},
      {"\xe2\x80\x94-BEGIN PRIVATE KEY-----\n", "line 1: it seems to begin one"},
      {key + key.substr(0, 40), "line 4: the file ends before its END line"},
      {"-----BEGIN PRIVATE KEY-----\nAAAA\n" + key, "line 3: the block that begins in line 1 has"},
      {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END CERTIFICATE-----\n",
       "line 3: the block that begins in line 1 has an END line with other words"},
      {"-----BEGIN PRIVATE KEY-----\rAAAA\r-----END PRIVATE KEY-----\r", "end in CR alone"},
  };
  for (const auto& [text, words] : cases) {
    const auto blocks = split_pem(text);
    ASSERT_FALSE(blocks) << text;
    EXPECT_THAT(blocks.faults().front().message, HasSubstr(words)) << text;
  }
}

TEST(Pem, NamesTheLineOfWhatIsNotBase64) {
  const auto blocks =
      split_pem("text\n-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n");
  const auto octets = decode_blocks(blocks.value(), is_certificate);
  ASSERT_FALSE(octets);
  EXPECT_EQ(octets.faults().front().message,
            "has a broken PEM block in line 2: what the block holds is not base64");
}

TEST(FileKind, SurvivesEveryBeginningOfEveryKind) {
  const test::Issued issued = test::self_signed({.names = {"mail.example.org"}});
  const auto chain = parse_pem_chain(issued.certificate_pem);
  const CRYPTO_BUFFER* der = chain.value().front().get();
  const std::string octets(reinterpret_cast<const char*>(CRYPTO_BUFFER_data(der)),
                           CRYPTO_BUFFER_len(der));
  EXPECT_THAT(describe_kind(octets, "tls.cer"),
              AllOf(HasSubstr("a certificate in DER"), HasSubstr("-inform der -in tls.cer")));
  for (const std::string& whole : {octets, issued.certificate_pem}) {
    for (size_t size = 0; size < whole.size(); ++size) {
      describe_kind(whole.substr(0, size), "f");
      describe_kind(whole.substr(size), "f");
    }
  }
  EXPECT_EQ(describe_kind("hello", "f"), "");
  EXPECT_EQ(describe_kind(" \n", "f"), "; it is empty");
}

}  // namespace
}  // namespace postern::tls
