#include "metrics/export/gzip.h"

#include <cstdint>

#define ZLIB_CONST  // its input is not written to
#include <zlib.h>

#include "proxy/base/check.h"

namespace postern::metrics {
namespace {

// Names repeat: more effort saves a seventh, and takes three times as long.
constexpr int kLevel = 1;
constexpr int kWindowBits = 15;
constexpr int kWithGzipHeader = 16;
constexpr int kMemoryLevel = 8;

}  // namespace

std::string gzip(std::string_view text) {
  check(text.size() <= UINT32_MAX / 2, "the figures fit into one call of zlib");
  z_stream stream{};
  check(deflateInit2(&stream, kLevel, Z_DEFLATED, kWindowBits + kWithGzipHeader, kMemoryLevel,
                     Z_DEFAULT_STRATEGY) == Z_OK,
        "zlib has memory and is the one that was built against");
  std::string packed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<const Bytef*>(text.data());
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  check(deflate(&stream, Z_FINISH) == Z_STREAM_END, "the bound holds");
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

}  // namespace postern::metrics
