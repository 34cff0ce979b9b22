#include "proxy/status/internal/page_parts.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace postern {
namespace {

// The class of a state's colour.
const char* colour_of(std::string_view state) {
  if (state == "up" || state == "backup") {
    return "good";
  }
  if (state == "down") {
    return "failing";
  }
  return state == "suspect" ? "warning" : "soft";
}

void put_state(HtmlWriter& html, std::string_view state) {
  html.cell("state").tag("<b class=\"").tag(colour_of(state)).tag("\">").text(state).tag("</b>");
  html.end_cell();
}

// What the last one of a group was about.
void put_last(HtmlWriter& html, const StatusRecord::Failure& one) {
  html.tag(R"(<p class="small"><span class="soft">The last one: </span>)");
  const char* between = "";
  if (!one.client.empty()) {
    html.tag("client ").text(one.client);
    between = ", ";
  }
  if (!one.server.empty()) {
    html.tag(between).tag("server ").text(one.server);
    between = ", ";
  }
  if (!one.said.empty()) {
    html.tag(between).tag("<q>").text(one.said).tag("</q>");
  }
  html.tag("</p>");
}

void put_server(HtmlWriter& html, const StatusRecord::Server& server) {
  // A server that is named by its address needs no line for it.
  const bool one = server.addresses.size() == 1 && server.addresses[0].address == server.name;
  html.begin_row();
  html.cell_of(server.name);
  put_state(html, server.state);
  html.cell_when(server.since_s);
  html.cell("number").number(server.sessions);
  if (server.limit != 0) {
    html.tag(" of ").number(server.limit);
  }
  html.end_cell();
  html.cell_when(server.certificate_not_after_s);
  html.end_row();
  for (const auto& address : shown(server.addresses)) {
    if (!one) {
      html.begin_row();
      html.cell().tag("<span class=\"soft\">&#8627; </span>").text(address.address);
      html.end_cell();
      put_state(html, address.state);
      html.cell_when(address.since_s);
      html.end_row();
    }
  }
}

void put_recent(HtmlWriter& html, const StatusRecord& record) {
  html.tag("<h3>The last of them, by client and server</h3>\n");
  html.begin_table({"Last", "Times", "Client", "Cause", "Backend", "Server"});
  for (const auto& one : shown(record.recent)) {
    html.begin_row();
    html.cell_when(one.last_s);
    html.cell_of(one.times);
    html.cell_of(one.client);
    html.cell_of(name_of(one.cause));
    html.cell_of(one.backend);
    html.cell_of(one.server);
    html.end_row();
  }
  html.end_table();
}

// What a stricter policy would be, for people.
const char* title_of(std::string_view stricter) {
  if (stricter == "tls_1_3_only") {
    return "TLS 1.3 only";
  }
  return stricter == "post_quantum_only" ? "A post-quantum group required" : "The shadow policy";
}

void put_lifetime(HtmlWriter& html, const StatusRecord::Certificate& one) {
  html.cell("state");
  const bool good = one.lifetime == Lifetime::Good;
  const bool overdue = one.lifetime == Lifetime::Overdue;
  html.tag("<b class=\"").tag(good ? "good" : overdue ? "warning" : "failing").tag("\">");
  html.text(name_of(one.lifetime)).tag("</b>");
  html.end_cell();
}

}  // namespace

void put_rest(HtmlWriter& html, size_t size) {
  if (size > StatusRecord::kMostRows) {
    html.tag("<p class=\"soft\">And ").number(size - StatusRecord::kMostRows).tag(" more.</p>\n");
  }
}

void put_failures(HtmlWriter& html, const StatusRecord& record) {
  html.begin_section("failures", "Failures since the start, by cause, the last first");
  if (record.failures.empty()) {
    html.tag("<p class=\"soft\">None.</p>\n");
    html.end_section();
    return;
  }
  for (const auto& one : shown(record.failures)) {
    const CauseRow& row = describe(one.cause);
    html.tag("<div class=\"card\"><h3>").text(row.name);
    html.tag(" <span class=\"soft small\">at fault: the ").text(name_of(row.at_fault));
    if (!one.backend.empty()) {
      html.tag(", backend ").text(one.backend);
    }
    html.tag("</span></h3><p><b>").number(one.count).tag("</b> times, ").number(one.last_hour);
    html.tag(" in the last hour; last ").when(one.last_s).tag("</p><p>");
    html.sentences(row.explanation).tag("</p><p><b>Do:</b> ");
    html.sentences(fix_for(one.cause, one.said)).tag("</p>");
    if (!one.client.empty() || !one.server.empty() || !one.said.empty()) {
      put_last(html, one);
    }
    html.tag("</div>\n");
  }
  put_rest(html, record.failures.size());
  put_recent(html, record);
  html.end_section();
}

void put_backends(HtmlWriter& html, const StatusRecord& record) {
  html.begin_section("backends", "Backends");
  for (const auto& backend : shown(record.backends)) {
    html.tag("<div class=\"card\"><h3>")
        .text(backend.name)
        .tag(" <span class=\"soft small\">tls: ");
    html.text(backend.tls).tag(", verify: ").text(backend.verify);
    html.tag(backend.routed ? "" : ", no client comes to it").tag("</span></h3>\n");
    html.begin_table({"Server or address", "State", "Since", "Sessions", "Certificate ends"});
    for (const auto& server : shown(backend.servers)) {
      put_server(html, server);
    }
    html.end_table();
    put_rest(html, backend.servers.size());
    html.tag("</div>\n");
  }
  put_rest(html, record.backends.size());
  html.end_section();
}

void put_certificates(HtmlWriter& html, const StatusRecord& record) {
  html.begin_section("certificates", "Certificates");
  html.begin_table({"Certificate", "Key", "State", "Ends", "Chain ends", "OCSP until"});
  for (const auto& one : shown(record.certificates)) {
    html.begin_row();
    html.cell("name").text(one.label).tag(one.self_signed ? " (self-signed)" : "");
    html.tag("<br><span class=\"soft small\">");
    const char* between = "";
    for (const auto& name : shown(one.names)) {
      html.tag(between).text(name);
      between = ", ";
    }
    html.tag("</span>");
    html.end_cell();
    html.cell("state").text(one.key_type);
    html.end_cell();
    put_lifetime(html, one);
    html.cell_when(one.not_after_s);
    html.cell_when(one.chain_not_after_s);
    html.cell_when(one.staple_until_s);
    html.end_row();
  }
  html.end_table();
  put_rest(html, record.certificates.size());
  html.tag("<p class=\"soft small\">Loaded ").when(record.process.certificates_s).tag(".</p>\n");
  html.end_section();
}

void put_tls(HtmlWriter& html, const StatusRecord& record) {
  html.begin_section("tls", "TLS in force");
  html.tag("<p>BoringSSL ").text(record.process.boringssl_commit).tag(" of ");
  html.text(record.process.boringssl_date).tag(".</p>\n");
  for (const auto& one : shown(record.policies)) {
    html.tag("<div class=\"card\"><h3>").text(one.where).tag(": ").text(one.name).tag("</h3><pre>");
    std::string_view lines = one.text;
    while (!lines.empty()) {
      const size_t end = std::min(lines.find('\n'), lines.size());
      html.text(lines.substr(0, end)).tag("\n");
      lines.remove_prefix(std::min(end + 1, lines.size()));
    }
    html.tag("</pre></div>\n");
  }
  html.end_section();
}

void put_stricter(HtmlWriter& html, const StatusRecord& record) {
  html.begin_section("stricter", "Clients that a stricter policy would cut off");
  for (const auto& one : shown(record.stricter)) {
    html.tag("<div class=\"card\"><h3>").tag(title_of(one.name));
    html.tag(" <span class=\"soft small\">").text(one.name).tag("</span></h3><p>");
    if (one.known) {
      html.tag("<b>").number(one.refused).tag("</b> of ").number(one.handshakes);
      html.tag(" handshakes since the start.</p>\n");
    } else {
      html.tag("Not known: ").sentences(one.why).tag("</p>\n");
    }
    if (!one.last.empty()) {
      html.begin_table({"Client", "Asked for", "Times", "Last"});
      for (const auto& client : shown(one.last)) {
        html.begin_row();
        html.cell_of(client.address);
        html.cell_of(client.server_name);
        html.cell_of(client.times);
        html.cell_when(client.last_s);
        html.end_row();
      }
      html.end_table();
    }
    html.tag("</div>\n");
  }
  html.end_section();
}

void put_bans(HtmlWriter& html, const StatusRecord& record) {
  html.begin_section("bans", "Bans");
  html.tag("<p><b>").number(record.bans.size()).tag("</b> in force; ").number(record.bans_begun);
  html.tag(" have begun since the start.</p>\n");
  if (!record.bans.empty()) {
    html.begin_table({"Client", "Ends"});
    for (const auto& one : shown(record.bans)) {
      html.begin_row();
      html.cell_of(one.address);
      html.cell_when(one.until_s);
      html.end_row();
    }
    html.end_table();
    put_rest(html, record.bans.size());
  }
  html.end_section();
}

void put_changes(HtmlWriter& html, const StatusRecord& record) {
  html.begin_section("changes", "What has changed lately");
  html.tag("<p class=\"soft small\">Started ").when(record.process.started_s);
  html.tag("; configuration in force since ").when(record.process.reloaded_s).tag(".</p>\n");
  if (record.process.has_user_map) {
    html.tag("<p class=\"soft small\">The map of users in force has ");
    html.number(record.process.users_mapped).tag(" users, ").number(record.process.users_held);
    html.tag(" of them held; read ").when(record.process.user_map_s).tag(".</p>\n");
  }
  if (!record.changes.empty()) {
    html.begin_table({"When", "What", "Of what", "More", "Times"});
    for (const auto& one : shown(record.changes)) {
      html.begin_row();
      html.cell_when(one.last_s);
      html.cell_of(one.event);
      html.cell_of(one.subject);
      html.cell_of(one.text);
      html.cell_of(one.times);
      html.end_row();
    }
    html.end_table();
  }
  put_rest(html, record.changes.size());
  html.end_section();
}

}  // namespace postern
