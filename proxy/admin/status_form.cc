#include "proxy/admin/status_form.h"

#include "proxy/http/accept.h"

namespace postern::admin {

bool text_is_wanted(std::string_view accept) {
  const int text = http::weight_in(accept, "text/plain");
  return text > 0 && text > http::weight_in(accept, "application/json");
}

StatusForm status_form_for(std::string_view accept) {
  const int json = http::weight_in(accept, "application/json");
  return json > 0 && json > http::weight_in(accept, "text/html") ? StatusForm::Json
                                                                 : StatusForm::Html;
}

}  // namespace postern::admin
