#include "proxy/status/page.h"

#include <algorithm>
#include <string_view>

#include "proxy/status/internal/chart.h"
#include "proxy/status/internal/html_writer.h"
#include "proxy/status/internal/page_parts.h"
#include "proxy/status/internal/style.h"
#include "proxy/status/verdict.h"

namespace postern {
namespace {

void put_head(HtmlWriter& html, const Verdict& verdict) {
  html.tag(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
      "<meta name=\"color-scheme\" content=\"light dark\"><title>");
  html.text(name_of(verdict.severity)).tag(" - postern</title><style>");
  html.tag(kStyle).tag("</style></head><body>\n");
}

void put_verdict(HtmlWriter& html, const StatusRecord& record, const Verdict& verdict) {
  html.tag("<header><h1>postern <span class=\"soft small\">");
  html.text(record.process.version).tag(" ").text(record.process.revision);
  html.tag(", seen ").text(utc(record.now_s)).tag("</span></h1>\n");
  html.tag("<div class=\"verdict ").tag(name_of(verdict.severity)).tag("\"><strong>");
  html.sentences(verdict.headline).tag("</strong><p>").sentences(verdict.advice);
  html.tag(
      "</p></div>\n<nav><a href=\"#findings\">Findings</a><a href=\"#failures\">Failures</a>"
      "<a href=\"#backends\">Backends</a><a href=\"#certificates\">Certificates</a>"
      "<a href=\"#tls\">TLS</a><a href=\"#stricter\">Stricter TLS</a>"
      "<a href=\"#sessions\">Sessions</a><a href=\"#bans\">Bans</a>"
      "<a href=\"#changes\">Changes</a><a href=\"/status.json\">JSON</a></nav></header>\n");
}

void put_findings(HtmlWriter& html, const Verdict& verdict) {
  html.begin_section("findings", "Findings, and what to do");
  if (verdict.findings.empty()) {
    html.tag("<p class=\"soft\">None.</p>\n");
  }
  const size_t shown = std::min(verdict.findings.size(), StatusRecord::kMostRows);
  for (size_t i = 0; i < shown; ++i) {
    const StatusFinding& one = verdict.findings[i];
    html.tag(R"(<div class="card"><h3><span class=")").tag(name_of(one.severity)).tag("\">");
    html.text(name_of(one.severity)).tag("</span> ").text(one.subject);
    html.tag(" <span class=\"soft small\">at fault: the ").text(name_of(one.at_fault));
    if (!one.cause.empty()) {
      html.tag(", ").text(one.cause);
    }
    html.tag("</span></h3><p>").sentences(one.what).tag("</p><p><b>Do:</b> ");
    html.sentences(one.fix).tag("</p></div>\n");
  }
  put_rest(html, verdict.findings.size());
  html.end_section();
}

void put_sessions(HtmlWriter& html, const StatusRecord& record) {
  html.begin_section("sessions", "Sessions");
  html.tag("<p><b>").number(record.sessions.now).tag("</b> now, ");
  html.number(record.sessions.logged_in).tag(" logged in, ").number(record.sessions.idle);
  html.tag(" in IDLE; the limit is ").number(record.sessions.limit).tag(".</p>\n");
  html.tag(session_chart(record.sessions).c_str());
  html.begin_table({"Listener", "TLS", "Policy", "Sessions", "Limit"});
  for (const auto& one : shown(record.listeners)) {
    html.begin_row();
    html.cell_of(one.address);
    html.cell_of(one.tls);
    html.cell_of(one.policy);
    html.cell_of(one.sessions);
    html.cell_of(one.limit != 0 ? std::to_string(one.limit) : "none of its own");
    html.end_row();
  }
  html.end_table();
  html.end_section();
}

}  // namespace

std::string status_page(const StatusRecord& record) {
  std::string page;
  page.reserve(64UL * 1024);
  HtmlWriter html(page, record.now_s);
  const Verdict verdict = judge(record);
  put_head(html, verdict);
  put_verdict(html, record, verdict);
  put_findings(html, verdict);
  put_failures(html, record);
  put_backends(html, record);
  put_certificates(html, record);
  put_tls(html, record);
  put_stricter(html, record);
  put_sessions(html, record);
  put_bans(html, record);
  put_changes(html, record);
  html.tag("</body></html>\n");
  return page;
}

const char* status_page_policy() {
  static const std::string policy = std::string("default-src 'none'; style-src '") + kStyleHash +
                                    "'; base-uri 'none'; form-action 'none'; "
                                    "frame-ancestors 'none'";
  return policy.c_str();
}

}  // namespace postern
