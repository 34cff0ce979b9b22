// AdminActions: what the holder of the token may do at the admin endpoint: drain servers, end
// sessions, ban clients, set the log's level, reload. Each is done by the means that serve the
// gateway itself, and each has a line in the log. Main thread only; everything it refers to
// outlives it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/admin/action_fields.h"
#include "proxy/admin/action_outcome.h"
#include "proxy/admission/admission.h"
#include "proxy/base/result.h"
#include "proxy/net/deadline.h"
#include "proxy/net/loop.h"
#include "proxy/pool/backend_facts.h"
#include "proxy/server/action_desk.h"
#include "proxy/server/internal/status_sources.h"
#include "proxy/server/worker.h"
#include "proxy/snapshot/snapshot.h"

namespace postern {

// What only the process as a whole can do.
class ActionHost {
 public:
  virtual Faults reload_for_action() = 0;  // empty: it is in force

 protected:
  ~ActionHost() = default;
};

struct ActionSources {
  const ServingState& state;
  const Materials& materials;
  const std::vector<std::unique_ptr<Worker>>& workers;
  Admission& admission;
  BackendFacts& facts;
  net::Loop& loop;
  ActionHost& host;
};

class AdminActions final : public ActionDesk {
 public:
  explicit AdminActions(const ActionSources& sources) : sources_(sources) {}

  std::optional<admin::ActionAnswer> act(const admin::ActionRequest& request,
                                         const ActionCaller& caller, Later later) override;

 private:
  // How long all workers may take. One that hangs must not keep its caller.
  static constexpr uint64_t kPatienceMs = 5'000;
  static constexpr size_t kMostEndings = 64;

  struct Call {
    metrics::AdminPath action;
    std::string client;  // the caller's address
    std::string asked;   // "server=mail1.internal:143"
    bool as_text;
  };
  // Sessions are being ended; not all workers have answered.
  struct Ending final : net::Deadline {
    Ending(AdminActions& of, uint64_t number, Call what, Later then)
        : actions(of), id(number), call(std::move(what)), later(std::move(then)) {}
    void on_deadline() override { actions.conclude(id); }
    AdminActions& actions;
    const uint64_t id;
    const Call call;
    const Later later;
    size_t open = 0;  // workers that have not answered
    size_t done = 0;
  };

  ActionOutcome admit(const admin::ActionRequest& request, const ActionCaller& caller) const;
  ActionOutcome run(metrics::AdminPath action, const std::optional<http::Form>& form);
  admin::ActionAnswer answer(const Call& call, const ActionOutcome& outcome);

  bool takes_no_sessions(size_t backend) const;
  ActionOutcome set_drained(ActionFields fields, bool drained);
  std::optional<admin::ActionAnswer> end_sessions(const Call& call, ActionFields fields,
                                                  Later later);
  void on_worker_answer(uint64_t id, size_t ended);
  void conclude(uint64_t id);
  ActionOutcome list_bans(const ActionFields& fields);
  ActionOutcome ban(ActionFields fields);
  ActionOutcome unban(ActionFields fields);
  ActionOutcome set_log_level(ActionFields fields) const;
  ActionOutcome reload(const ActionFields& fields);
  const Config& config() const { return *sources_.materials.config; }

  const ActionSources sources_;
  uint64_t last_ending_ = 0;
  std::unordered_map<uint64_t, std::unique_ptr<Ending>> endings_;
};

}  // namespace postern
