// Compresses what a scraper asks for (RFC 1952), by zlib.
#pragma once

#include <string>
#include <string_view>

namespace postern::metrics {

std::string gzip(std::string_view text);

}  // namespace postern::metrics
