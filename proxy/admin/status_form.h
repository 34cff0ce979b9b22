// StatusForm: the forms in which the status and the outcome of an action are shown, by what the
// client accepts. Pure functions.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/base/names.h"

namespace postern::admin {

// The status is a page, but for clients that name JSON and like HTML less.
enum class StatusForm : uint8_t { Html, Json };
inline constexpr Names<StatusForm> kStatusTypes{"text/html; charset=utf-8", "application/json"};
constexpr const char* content_type(StatusForm form) {
  return kStatusTypes[form];
}
StatusForm status_form_for(std::string_view accept);
// The answer to an action is JSON, but for clients that name plain text and like JSON less.
bool text_is_wanted(std::string_view accept);

}  // namespace postern::admin
