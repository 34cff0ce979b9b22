// The sections of the status page. Pure functions.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "proxy/status/internal/html_writer.h"
#include "proxy/status/record.h"

namespace postern {

// What a page shows of a list.
template <typename T>
std::span<const T> shown(const std::vector<T>& list) {
  return std::span(list).first(std::min(list.size(), StatusRecord::kMostRows));
}
// How many of `size` it does not show.
void put_rest(HtmlWriter& html, size_t size);

void put_failures(HtmlWriter& html, const StatusRecord& record);
void put_backends(HtmlWriter& html, const StatusRecord& record);
void put_certificates(HtmlWriter& html, const StatusRecord& record);
void put_tls(HtmlWriter& html, const StatusRecord& record);
void put_stricter(HtmlWriter& html, const StatusRecord& record);
void put_bans(HtmlWriter& html, const StatusRecord& record);
void put_changes(HtmlWriter& html, const StatusRecord& record);

}  // namespace postern
