#include "metrics/export/gzip.h"

#include <zlib.h>

#include <cstdint>
#include <string>

#include <gtest/gtest.h>

namespace postern::metrics {
namespace {

std::string unpacked(std::string packed) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, static_cast<int>(sizeof stream)), Z_OK);
  std::string text(size_t{1} << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  text.resize(stream.total_out);
  inflateEnd(&stream);
  return text;
}

TEST(Gzip, IsReadByOthers) {
  EXPECT_EQ(unpacked(gzip("")), "");
  std::string figures;
  for (int i = 0; i < 1'000; ++i) {
    figures.append("postern_sessions_total{end_reason=\"x\"} ").append(std::to_string(i));
    figures.push_back('\n');
  }
  const std::string packed = gzip(figures);
  EXPECT_EQ(unpacked(packed), figures);
  EXPECT_LT(packed.size(), figures.size() / 5);
}

// What does not become smaller fits as well.
TEST(Gzip, TakesBytesWithoutAPattern) {
  std::string noise;
  for (uint32_t i = 1, state = 1; i < 100'000; ++i) {
    state = state * 1'664'525 + 1'013'904'223;
    noise.push_back(static_cast<char>(state >> 24));
  }
  EXPECT_EQ(unpacked(gzip(noise)), noise);
}

}  // namespace
}  // namespace postern::metrics
