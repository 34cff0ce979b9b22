#include "proxy/server/internal/admin_actions.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "proxy/admission/client_table.h"
#include "proxy/config/values.h"
#include "proxy/log/escape.h"
#include "proxy/log/log.h"
#include "proxy/net/network.h"

namespace postern {

using metrics::AdminPath;
using metrics::HttpStatus;

namespace {

constexpr uint64_t kShortestBanMs = 1'000;
constexpr size_t kMostAsked = 200;

// "server=mail1.internal:143 backend=legacy"
std::string summary(const http::Form& form) {
  std::string text;
  for (const http::FormField& field : form) {
    text.append(text.empty() ? "" : " ").append(field.name).append("=").append(field.value);
  }
  return text.substr(0, kMostAsked);
}

ActionOutcome failed(HttpStatus status, std::string fault) {
  return {.status = status, .fault = std::move(fault)};
}

ActionOutcome bad(const ActionFields& fields) {
  return failed(HttpStatus::BadRequest, fields.faults());
}

admin::ActionAnswer render(AdminPath action, const ActionOutcome& outcome, bool as_text) {
  return {.status = outcome.status,
          .body = as_text ? text_of(action, outcome) : json_of(action, outcome)};
}

// One address. Nullopt: a fault is recorded.
std::optional<net::Address> read_client(ActionFields& fields) {
  std::vector<net::Address> addresses;
  if (const config::SourceValue* client = fields.require("client")) {
    config::read_ip(*client, addresses, fields.diagnostics());
  }
  return addresses.empty() ? std::nullopt : std::optional(addresses.front());
}

// Empty if it was not given.
std::string text_of_field(const ActionFields& fields, std::string_view name) {
  const config::SourceValue* value = fields.find(name);
  return value == nullptr ? "" : value->text;
}

std::string servers_of(const BackendConfig& backend) {
  std::vector<std::string> names;
  for (const ServerConfig& server : backend.servers) {
    names.push_back(server.text());
  }
  return config::join(names);
}

// What is wrong with the names of a backend and of a server, of which one may be empty.
std::string unknown_name(const Config& config, const std::string& backend,
                         const std::string& server) {
  std::vector<std::string> backends;
  std::vector<std::string> servers;
  for (const BackendConfig& one : config.backends) {
    backends.push_back(one.name);
    for (const ServerConfig& of : one.servers) {
      if (backend.empty() || backend == one.name) {
        servers.push_back(of.text());
      }
    }
  }
  const auto lacks = [](const std::vector<std::string>& names, const std::string& name) {
    return !name.empty() && std::find(names.begin(), names.end(), name) == names.end();
  };
  if (lacks(backends, backend)) {
    return in_quotes(backend) + " is no backend" + config::did_you_mean(backend, backends);
  }
  if (lacks(servers, server) && !lacks(backends, server)) {
    const BackendConfig& one = config.backends[static_cast<size_t>(
        std::find(backends.begin(), backends.end(), server) - backends.begin())];
    return in_quotes(server) + " is no server, but a backend; its servers are " + servers_of(one);
  }
  if (lacks(servers, server)) {
    return in_quotes(server) + " is no server" +
           (backend.empty() ? "" : " of backend " + in_quotes(backend)) +
           config::did_you_mean(server, servers);
  }
  return "";
}

}  // namespace

// ---- who may

std::optional<admin::ActionAnswer> AdminActions::act(const admin::ActionRequest& request,
                                                     const ActionCaller& caller, Later later) {
  Call call{.action = request.path,
            .client = caller.address.ip_text(),
            .asked = {},
            .as_text = request.as_text};
  if (const ActionOutcome refusal = admit(request, caller); refusal.status != HttpStatus::Ok) {
    log::write(log::Level::Warn, "admin action refused",
               {{"action", admin::name_of_action(call.action)},
                {"client", call.client},
                {"reason", refusal.fault}},
               {.key = "client", .value = call.client, .client = client_number(caller.address)});
    return render(call.action, refusal, call.as_text);
  }
  const auto form = http::parse_form(request.form);
  call.asked = form ? summary(*form) : "";
  if (call.action == AdminPath::EndSessions) {
    return end_sessions(call, ActionFields(form, {"client", "backend", "server"}),
                        std::move(later));
  }
  return answer(call, run(call.action, form));
}

// What is sent in clear is not judged: it must not be sent so.
ActionOutcome AdminActions::admit(const admin::ActionRequest& request,
                                  const ActionCaller& caller) const {
  const auto& token = sources_.materials.admin_token;
  if (token == nullptr) {
    return failed(HttpStatus::Forbidden,
                  "there are no actions: the configuration has no admin.token_file");
  }
  if (!caller.secured) {
    return failed(HttpStatus::Forbidden,
                  "actions in clear are for callers on this machine: connect to 127.0.0.1 or "
                  "::1, or set admin.tls");
  }
  if (request.token.empty()) {
    return failed(HttpStatus::Unauthorized, "the header `Authorization: Bearer TOKEN` is missing");
  }
  if (!token->is(request.token)) {
    return failed(HttpStatus::Unauthorized, "this is not the token of admin.token_file");
  }
  return {};
}

admin::ActionAnswer AdminActions::answer(const Call& call, const ActionOutcome& outcome) {
  const bool done = outcome.status == HttpStatus::Ok;
  const char* const action = admin::name_of_action(call.action);
  const auto set_level = [&] {
    if (outcome.level) {
      log::configure(config().log_format, *outcome.level);
    }
  };
  if (!log::enabled(log::Level::Warn)) {  // so that the line is written if either level lets it
    set_level();
  }
  log::write(done && admin::only_looks(call.action) ? log::Level::Info : log::Level::Warn,
             "admin action",
             {{"action", action},
              log::Field::optional("asked", call.asked),
              {"client", call.client},
              {"result", done ? "done" : "failed"},
              {"count", outcome.done},
              log::Field::optional("fault", outcome.fault)},
             {.key = "action", .value = action, .always = done && !admin::only_looks(call.action)});
  set_level();
  if (done && !admin::only_looks(call.action)) {
    sources_.facts.changes.add("admin action", action, call.asked);
  }
  return render(call.action, outcome, call.as_text);
}

ActionOutcome AdminActions::run(AdminPath action, const std::optional<http::Form>& form) {
  switch (action) {
    case AdminPath::Drain:
      return set_drained(ActionFields(form, {"server", "backend"}), true);
    case AdminPath::Undrain:
      return set_drained(ActionFields(form, {"server", "backend"}), false);
    case AdminPath::Bans:
      return list_bans(ActionFields(form, {}));
    case AdminPath::Ban:
      return ban(ActionFields(form, {"client", "for"}));
    case AdminPath::Unban:
      return unban(ActionFields(form, {"client"}));
    case AdminPath::LogLevel:
      return set_log_level(ActionFields(form, {"level"}));
    case AdminPath::Reload:
      return reload(ActionFields(form, {}));
    default:
      break;
  }
  return failed(HttpStatus::NotFound, "there is no such action");
}

// ---- servers

bool AdminActions::takes_no_sessions(size_t backend) const {
  const std::vector<ServerConfig>& servers = config().backends[backend].servers;
  for (size_t i = 0; i < servers.size(); ++i) {
    if (sources_.materials.health[backend][i]->state(servers[i]) != ServerState::Draining) {
      return false;
    }
  }
  return true;
}

// Of all backends that have it. A server that drains by configuration does so until a reload.
ActionOutcome AdminActions::set_drained(ActionFields fields, bool drained) {
  fields.require("server");
  if (!fields.ok()) {
    return bad(fields);
  }
  const std::string server = text_of_field(fields, "server");
  const std::string backend = text_of_field(fields, "backend");
  if (std::string unknown = unknown_name(config(), backend, server); !unknown.empty()) {
    return failed(HttpStatus::NotFound, std::move(unknown));
  }
  ActionOutcome outcome;
  for (size_t i = 0; i < config().backends.size(); ++i) {
    const BackendConfig& one = config().backends[i];
    for (size_t k = 0; k < one.servers.size(); ++k) {
      if (one.servers[k].text() != server || (!backend.empty() && one.name != backend)) {
        continue;
      }
      if (!drained && one.servers[k].drain) {
        return failed(HttpStatus::Conflict, in_quotes(server) + " of backend " +
                                                in_quotes(one.name) +
                                                " drains by the configuration: take `drain` out "
                                                "of it, and reload");
      }
      const bool changed = sources_.materials.health[i][k]->drained.exchange(drained) != drained;
      outcome.done += changed ? 1 : 0;
      if (drained && takes_no_sessions(i)) {
        outcome.notes.push_back("backend " + in_quotes(one.name) +
                                " has no server left that takes sessions: clients that come to it "
                                "get * BYE [UNAVAILABLE]");
      }
    }
  }
  return outcome;
}

// ---- sessions

std::optional<admin::ActionAnswer> AdminActions::end_sessions(const Call& call, ActionFields fields,
                                                              Later later) {
  std::vector<net::Network> clients;
  if (const config::SourceValue* client = fields.find("client")) {
    config::read_network(*client, clients, fields.diagnostics());
  }
  SessionFilter which{.client = clients.empty() ? std::nullopt : std::optional(clients.front()),
                      .backend = text_of_field(fields, "backend"),
                      .server = text_of_field(fields, "server")};
  if (fields.ok() && !which.client && which.backend.empty() && which.server.empty()) {
    fields.diagnostics().fault(0, "one of client, backend and server says which sessions");
  }
  if (!fields.ok()) {
    return answer(call, bad(fields));
  }
  if (std::string unknown = unknown_name(config(), which.backend, which.server); !unknown.empty()) {
    return answer(call, failed(HttpStatus::NotFound, std::move(unknown)));
  }
  if (endings_.size() == kMostEndings) {
    return answer(call, failed(HttpStatus::ServiceUnavailable, "too many of these are under way"));
  }
  const uint64_t id = ++last_ending_;
  auto ending = std::make_unique<Ending>(*this, id, call, std::move(later));
  for (const auto& worker : sources_.workers) {
    // The answer is posted even if this runs before the call returns: it comes in another turn.
    const bool asked = worker->end_sessions(which, [this, id](size_t ended) {
      sources_.loop.post([this, id, ended] { on_worker_answer(id, ended); });
    });
    ending->open += asked ? 1 : 0;  // one that drains ends its sessions anyway
  }
  if (ending->open == 0) {
    return answer(call, failed(HttpStatus::Conflict, "the process drains: all sessions end"));
  }
  ending->arm(sources_.loop.deadlines(), kPatienceMs);
  endings_.emplace(id, std::move(ending));
  return std::nullopt;
}

void AdminActions::on_worker_answer(uint64_t id, size_t ended) {
  const auto found = endings_.find(id);
  if (found == endings_.end()) {  // it has been waited for in vain
    return;
  }
  found->second->done += ended;
  if (--found->second->open == 0) {
    conclude(id);
  }
}

void AdminActions::conclude(uint64_t id) {
  const auto node = endings_.extract(id);
  const Ending& ending = *node.mapped();
  ActionOutcome outcome{.done = ending.done};
  if (ending.open > 0) {
    outcome.status = HttpStatus::ServiceUnavailable;
    outcome.fault =
        "a worker does not answer; of the others " + std::to_string(ending.done) + " sessions end";
  }
  ending.later(answer(ending.call, outcome));
}

// ---- bans

ActionOutcome AdminActions::list_bans(const ActionFields& fields) {
  if (!fields.ok()) {
    return bad(fields);
  }
  const uint64_t now_ms = sources_.loop.now_ms();
  const int64_t now_s = std::time(nullptr);
  ActionOutcome outcome;
  for (const LoginGuard::Ban& one : sources_.admission.logins().bans(now_ms)) {
    outcome.bans.push_back({.client = LoginGuard::text_of(one.client),
                            .until_s = now_s + static_cast<int64_t>((one.until_ms - now_ms) / 1000),
                            .by_hand = one.by_hand});
  }
  outcome.done = outcome.bans.size();
  return outcome;
}

ActionOutcome AdminActions::ban(ActionFields fields) {
  const std::optional<net::Address> client = read_client(fields);
  const auto& rules = config().limits.login_failures;
  uint64_t for_ms = rules.value_or(LoginFailures()).ban_ms;
  if (const config::SourceValue* time = fields.find("for")) {
    config::read_duration(*time, kShortestBanMs, for_ms, fields.diagnostics());
  }
  if (!fields.ok()) {
    return bad(fields);
  }
  if (rules && net::contains(rules->exempt, *client)) {
    return failed(HttpStatus::Conflict,
                  client->ip_text() + " is exempt: limits.login_failures.exempt has it");
  }
  const uint64_t now_ms = sources_.loop.now_ms();
  sources_.admission.logins().ban(*client, now_ms + for_ms, now_ms);
  return {.done = 1,
          .bans = {{.client = LoginGuard::text_of(*client),
                    .until_s = std::time(nullptr) + static_cast<int64_t>(for_ms / 1000),
                    .by_hand = true}}};
}

ActionOutcome AdminActions::unban(ActionFields fields) {
  const std::optional<net::Address> client = read_client(fields);
  if (!fields.ok()) {
    return bad(fields);
  }
  if (!sources_.admission.logins().lift(*client, sources_.loop.now_ms())) {
    return failed(HttpStatus::NotFound, client->ip_text() + " is not banned");
  }
  return {.done = 1};
}

// ---- the process

// Until the next reload, which brings back that of the configuration.
ActionOutcome AdminActions::set_log_level(ActionFields fields) const {
  log::Level level = config().log_level;
  if (const config::SourceValue* wanted = fields.require("level")) {
    config::read_choice(*wanted, level, fields.diagnostics());
  }
  if (!fields.ok()) {
    return bad(fields);
  }
  return {.level = level};
}

ActionOutcome AdminActions::reload(const ActionFields& fields) {
  if (!fields.ok()) {
    return bad(fields);
  }
  if (sources_.state.draining) {
    return failed(HttpStatus::Conflict, "the process drains, and reloads no more");
  }
  std::string text;
  for (const Fault& fault : sources_.host.reload_for_action()) {
    text.append(text.empty() ? "" : "; ").append(fault.text());
  }
  return text.empty() ? ActionOutcome() : failed(HttpStatus::Conflict, std::move(text));
}

}  // namespace postern
