#include "proxy/status/json.h"

#include <algorithm>

#include "proxy/log/json_writer.h"
#include "proxy/status/verdict.h"

namespace postern {
namespace {

// A list of objects, cut where the page cuts it.
template <typename List, typename Put>
void put_list(JsonWriter& json, const char* name, const List& list, Put put) {
  json.key(name).open('[');
  const size_t shown = std::min(list.size(), StatusRecord::kMostRows);
  for (size_t i = 0; i < shown; ++i) {
    json.open('{');
    put(list[i]);
    json.close('}');
  }
  json.close(']');
}

void put_verdict(JsonWriter& json, const Verdict& verdict) {
  json.key("verdict").open('{');
  json.member("state", name_of(verdict.severity));
  json.member("headline", verdict.headline);
  json.member("advice", verdict.advice);
  json.close('}');
  put_list(json, "findings", verdict.findings, [&](const StatusFinding& one) {
    json.member("severity", name_of(one.severity));
    json.member("at_fault", name_of(one.at_fault));
    json.member("subject", one.subject);
    json.member("cause", one.cause);
    json.member("what", one.what);
    json.member("fix", one.fix);
  });
}

void put_process(JsonWriter& json, const StatusRecord::Process& process) {
  json.key("process").open('{');
  json.member("version", process.version);
  json.member("revision", process.revision);
  json.member("boringssl_commit", process.boringssl_commit);
  json.member("boringssl_date", process.boringssl_date);
  json.time("started", process.started_s);
  json.member("workers", process.workers);
  json.member("steady", process.steady);
  json.member("draining", process.draining);
  json.member("unready", process.unready);
  json.time("reloaded", process.reloaded_s);
  json.member("reload_failed", process.reload_failed);
  json.time("certificates_loaded", process.certificates_s);
  json.member("certificates_failed", process.certificates_failed);
  json.member("user_map", process.has_user_map);
  json.member("users_mapped", process.users_mapped);
  json.member("users_held", process.users_held);
  json.time("user_map_read", process.has_user_map ? process.user_map_s : 0);
  json.member("user_map_failed", process.user_map_failed);
  json.close('}');
}

void put_certificates(JsonWriter& json, const StatusRecord& record) {
  put_list(json, "certificates", record.certificates, [&](const StatusRecord::Certificate& one) {
    json.member("certificate", one.label);
    json.key("names").open('[');
    const size_t shown = std::min(one.names.size(), StatusRecord::kMostRows);
    for (size_t i = 0; i < shown; ++i) {
      json.value(one.names[i]);
    }
    json.close(']');
    json.member("key_type", one.key_type);
    json.member("self_signed", one.self_signed);
    json.time("not_before", one.not_before_s);
    json.time("not_after", one.not_after_s);
    json.time("chain_not_after", one.chain_not_after_s);
    json.time("staple_until", one.staple_until_s);
    json.member("lifetime", name_of(one.lifetime));
    json.member("notice", one.notice);
  });
}

void put_backends(JsonWriter& json, const StatusRecord& record) {
  put_list(json, "backends", record.backends, [&](const StatusRecord::Backend& backend) {
    json.member("backend", backend.name);
    json.member("tls", backend.tls);
    json.member("verify", backend.verify);
    json.member("routed", backend.routed);
    put_list(json, "servers", backend.servers, [&](const StatusRecord::Server& server) {
      json.member("server", server.name);
      json.member("state", server.state);
      json.time("since", server.since_s);
      json.member("sessions", server.sessions);
      json.member("limit", server.limit);
      json.time("certificate_not_after", server.certificate_not_after_s);
      json.member("failed_logins_in_a_row", server.failed_logins_in_a_row);
      json.member("wants_privacy", server.wants_privacy);
      json.member("drained_by", server.drained_by);
      put_list(json, "addresses", server.addresses, [&](const StatusRecord::Address& address) {
        json.member("address", address.address);
        json.member("state", address.state);
        json.time("since", address.since_s);
      });
    });
  });
}

void put_tls(JsonWriter& json, const StatusRecord& record) {
  put_list(json, "listeners", record.listeners, [&](const StatusRecord::Listener& one) {
    json.member("address", one.address);
    json.member("tls", one.tls);
    json.member("policy", one.policy);
    json.member("sessions", one.sessions);
    json.member("limit", one.limit);
  });
  put_list(json, "policies", record.policies, [&](const StatusRecord::Policy& one) {
    json.member("where", one.where);
    json.member("name", one.name);
    json.member("text", one.text);
  });
  put_list(json, "stricter", record.stricter, [&](const StatusRecord::Stricter& one) {
    json.member("policy", one.name);
    json.member("known", one.known);
    json.member("why", one.why);
    json.member("refused", one.refused);
    json.member("handshakes", one.handshakes);
    put_list(json, "last", one.last, [&](const StatusRecord::Client& client) {
      json.member("client", client.address);
      json.member("sni", client.server_name);
      json.time("last", client.last_s);
      json.member("times", client.times);
    });
  });
}

void put_sessions(JsonWriter& json, const StatusRecord::Sessions& sessions) {
  json.key("sessions").open('{');
  json.member("now", sessions.now);
  json.member("logged_in", sessions.logged_in);
  json.member("idle", sessions.idle);
  json.member("limit", sessions.limit);
  json.member("step_seconds", sessions.step_s);
  json.key("samples").open('[');
  for (const StatusRecord::Sample& sample : sessions.samples) {
    json.open('[');
    json.value(sample.sessions);
    json.value(sample.failures);
    json.close(']');
  }
  json.close(']');
  json.close('}');
}

void put_failures(JsonWriter& json, const StatusRecord& record) {
  put_list(json, "failures", record.failures, [&](const StatusRecord::Failure& one) {
    const CauseRow& row = describe(one.cause);
    json.member("cause", row.name);
    json.member("at_fault", name_of(row.at_fault));
    json.member("backend", one.backend);
    json.member("count", one.count);
    json.member("last_hour", one.last_hour);
    json.time("first", one.first_s);
    json.time("last", one.last_s);
    json.member("client", one.client);
    json.member("server", one.server);
    json.member("said", one.said);
    json.member("explanation", row.explanation);
    json.member("fix", fix_for(one.cause, one.said));
  });
  put_list(json, "recent", record.recent, [&](const StatusRecord::Event& one) {
    json.time("last", one.last_s);
    json.member("times", one.times);
    json.member("cause", name_of(one.cause));
    json.member("client", one.client);
    json.member("backend", one.backend);
    json.member("server", one.server);
  });
}

void put_bans_and_changes(JsonWriter& json, const StatusRecord& record) {
  json.member("bans_begun", record.bans_begun);
  put_list(json, "bans", record.bans, [&](const StatusRecord::Ban& one) {
    json.member("client", one.address);
    json.time("until", one.until_s);
  });
  put_list(json, "changes", record.changes, [&](const log::Journal::Entry& one) {
    json.time("first", one.first_s);
    json.time("last", one.last_s);
    json.member("times", one.times);
    json.member("event", one.event);
    json.member("subject", one.subject);
    json.member("text", one.text);
  });
}

}  // namespace

std::string status_json(const StatusRecord& record) {
  std::string text;
  JsonWriter json(text);
  json.open('{');
  json.member("version", kStatusVersion);
  json.time("now", record.now_s);
  put_verdict(json, judge(record));
  put_process(json, record.process);
  put_tls(json, record);
  put_certificates(json, record);
  put_backends(json, record);
  put_sessions(json, record.sessions);
  put_failures(json, record);
  put_bans_and_changes(json, record);
  json.close('}');
  text += '\n';
  return text;
}

}  // namespace postern
