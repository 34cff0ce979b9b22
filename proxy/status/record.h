// StatusRecord: what the process knows of itself at one moment, as plain values: the page and the
// JSON of /status are made from it alone. Times are seconds since 1970, and 0 where there is none.
// Texts are as they came: page and JSON escape them, and cut lists at kMostRows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "proxy/base/names.h"
#include "proxy/cause/cause.h"
#include "proxy/log/journal.h"
#include "proxy/status/lifetime.h"

namespace postern {

struct StatusRecord {
  static constexpr size_t kMostRows = 100;

  struct Process {
    std::string version = {};
    std::string revision = {};
    std::string boringssl_commit = {};
    std::string boringssl_date = {};
    int64_t started_s = 0;
    size_t workers = 0;  // that run
    bool steady = true;  // all of them answer
    bool draining = false;
    std::string unready = {};  // why /ready says no
    int64_t reloaded_s = 0;
    bool reload_failed = false;  // the last one
    int64_t certificates_s = 0;
    bool certificates_failed = false;
    bool has_user_map = false;
    uint64_t users_mapped = 0;
    uint64_t users_held = 0;  // of them
    int64_t user_map_s = 0;   // it was read
    bool user_map_failed = false;
  };
  struct Listener {
    std::string address;
    std::string tls;     // "implicit", "starttls"
    std::string policy;  // its name
    uint64_t sessions = 0;
    uint64_t limit = 0;  // 0: none of its own
  };
  struct Certificate {
    std::string label;
    std::vector<std::string> names;
    std::string key_type;
    int64_t not_before_s = 0;
    int64_t not_after_s = 0;
    int64_t chain_not_after_s = 0;  // the earliest end among what is sent after it
    bool staple_expected = false;
    int64_t staple_until_s = 0;
    bool self_signed = false;
    Lifetime lifetime = Lifetime::Good;  // the worst, of the chain too
    std::string notice = {};             // what is to be said about it
  };
  struct Address {
    std::string address;
    std::string state;    // "up", "suspect", "down", "untried"
    int64_t since_s = 0;  // it is so
  };
  struct Server {
    std::string name;
    std::string state;    // as /ready has it, but "untried" before the first try
    int64_t since_s = 0;  // one of its addresses, or its name, has changed
    uint64_t sessions = 0;
    uint64_t limit = 0;  // 0: none
    int64_t certificate_not_after_s = 0;
    uint64_t failed_logins_in_a_row = 0;
    bool refuses_all_logins = false;  // so many in a row that it is no people who mistype
    bool wants_privacy = false;       // it has refused a login because the hop is plain
    std::string drained_by = {};      // "configuration", "admin"; empty: it does not drain
    std::vector<Address> addresses = {};
  };
  struct Backend {
    std::string name;
    std::string tls;     // "none", "starttls", "implicit"
    std::string verify;  // "none", "verify"
    bool routed = true;  // clients can come to it
    std::vector<Server> servers = {};
  };
  struct Policy {
    std::string where;  // "clients", a listener's address, "shadow"
    std::string name;
    std::string text;  // lines: versions, suites, groups
  };
  struct Client {
    std::string address;
    std::string server_name;
    int64_t last_s = 0;
    uint64_t times = 0;
  };
  // A policy that is not in force, and what it would do.
  struct Stricter {
    std::string name;               // "tls_1_3_only"
    bool known = true;              // false: nothing shows it, see `why`
    std::string why = {};           // nothing shows it
    uint64_t refused = 0;           // handshakes since the start that it would have refused
    uint64_t handshakes = 0;        // of so many
    std::vector<Client> last = {};  // of those that it would refuse
  };
  struct Sample {
    uint64_t sessions = 0;
    uint64_t failures = 0;  // since the sample before
  };
  struct Sessions {
    uint64_t now = 0;
    uint64_t logged_in = 0;
    uint64_t idle = 0;
    uint64_t limit = 0;
    uint64_t wanted = 0;               // limits.sessions: `limit`, or more than descriptors allow
    uint64_t step_s = 60;              // between two samples
    std::vector<Sample> samples = {};  // the oldest first
  };
  struct Failure {
    Cause cause;
    std::string backend = {};  // empty: it has come to none
    uint64_t count = 0;        // since the start
    uint64_t last_hour = 0;
    int64_t first_s = 0;
    int64_t last_s = 0;
    std::string client = {};  // the last one's address
    std::string server = {};
    std::string said = {};
  };
  struct Event {
    int64_t last_s = 0;
    uint64_t times = 1;
    Cause cause;
    std::string client = {};
    std::string backend = {};
    std::string server = {};
  };
  // What `postern check` warns of.
  struct Doubt {
    std::string where;
    std::string text;
  };
  struct Ban {
    std::string address;
    int64_t until_s = 0;
  };

  int64_t now_s = 0;
  Process process = {};
  std::vector<Listener> listeners = {};
  std::vector<Certificate> certificates = {};
  std::vector<Backend> backends = {};
  std::vector<Policy> policies = {};
  std::vector<Stricter> stricter = {};
  Sessions sessions = {};
  std::vector<Failure> failures = {};  // the last one first
  std::vector<Event> recent = {};      // likewise
  std::vector<Doubt> doubts = {};
  std::vector<Ban> bans = {};
  uint64_t bans_begun = 0;                        // since the start
  std::vector<log::Journal::Entry> changes = {};  // the last one first
};
}  // namespace postern
