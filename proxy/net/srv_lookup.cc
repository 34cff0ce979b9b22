#include "proxy/net/srv_lookup.h"

#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include <uv.h>

#include "proxy/base/check.h"

namespace postern::net {
namespace {

constexpr size_t kMaxAnswer = 16 * kKiB;
// RFC 1035 §4.1: octets of the header, and where it has its counts; what follows the name of a
// question (type, class) and of a record (type, class, TTL, size of the data).
constexpr size_t kHeader = 12;
constexpr size_t kQuestionCount = 4;
constexpr size_t kAnswerCount = 6;
constexpr size_t kAfterQuestion = 4;
constexpr size_t kAfterName = 10;
constexpr size_t kDataSize = 8;
constexpr size_t kFixed = 6;  // of the data: priority, weight and port
constexpr unsigned kSrv = 33;

std::vector<uint8_t> ask_name_servers(const std::string& name) {
  std::vector<uint8_t> answer(kMaxAnswer);
  struct __res_state state {};
  if (res_ninit(&state) != 0) {
    return {};
  }
  const int length = res_nquery(&state, name.c_str(), ns_c_in, ns_t_srv, answer.data(),
                                static_cast<int>(answer.size()));
  res_nclose(&state);
  answer.resize(length < 0 ? 0 : std::min(static_cast<size_t>(length), answer.size()));
  return answer;
}

unsigned number_at(Bytes bytes, size_t at) {
  return (unsigned{bytes[at]} << 8U) | bytes[at + 1];
}

// Takes a name and `more` octets off `rest`, which is the end of `answer`.
bool skip_name(Bytes answer, Bytes& rest, size_t more) {
  const int size = dn_skipname(rest.data(), answer.data() + answer.size());
  if (size < 0 || rest.size() < static_cast<size_t>(size) + more) {
    return false;
  }
  rest = rest.subspan(static_cast<size_t>(size) + more);
  return true;
}

void add_srv(Bytes answer, unsigned type, Bytes data, std::vector<SrvRecord>& records) {
  std::array<char, NS_MAXDNAME> target{};
  const uint8_t* end = answer.data() + answer.size();
  if (type != kSrv || data.size() <= kFixed ||
      dn_expand(answer.data(), end, data.data() + kFixed, target.data(),
                static_cast<int>(target.size())) < 0) {
    return;
  }
  SrvRecord& one = records.emplace_back();
  one.priority = static_cast<uint16_t>(number_at(data, 0));
  one.weight = static_cast<uint16_t>(number_at(data, 2));
  one.port = static_cast<uint16_t>(number_at(data, 4));
  one.target = target[0] == '\0' ? "." : target.data();
}

}  // namespace

struct SrvLookup::Request {
  uv_work_t uv{};
  SrvLookup* lookup;  // null once cancelled
  SrvObserver& observer;
  Loop& loop;
  const std::string name;
  std::vector<uint8_t> answer = {};

  Request(SrvLookup& asked_by, SrvObserver& answers_to, Loop& on, std::string asked)
      : lookup(&asked_by), observer(answers_to), loop(on), name(std::move(asked)) {}
  static void work(uv_work_t* uv) noexcept {
    auto* self = static_cast<Request*>(uv->data);
    self->answer = ask_name_servers(self->name);
  }
  static void end(uv_work_t* uv, int status) noexcept;
};

void SrvLookup::Request::end(uv_work_t* uv, int status) noexcept {
  const std::unique_ptr<Request> self(static_cast<Request*>(uv->data));
  self->loop.lookup_ended();
  if (self->lookup != nullptr) {
    self->lookup->request_ = nullptr;
    self->observer.on_srv(status == 0 ? read_srv(self->answer) : std::vector<SrvRecord>());
  }
}

void SrvLookup::ask(const std::string& name, SrvObserver& observer) {
  check(request_ == nullptr, "an SRV look-up answers one request at a time");
  request_ = new Request(*this, observer, loop_, name);
  request_->uv.data = request_;
  check(uv_queue_work(loop_.uv(), &request_->uv, &Request::work, &Request::end) == 0,
        "libuv takes work");
  loop_.lookup_begun();
}

void SrvLookup::cancel() {
  if (Request* request = std::exchange(request_, nullptr)) {
    request->lookup = nullptr;
    uv_cancel(reinterpret_cast<uv_req_t*>(&request->uv));  // fails if a thread has begun it
  }
}

// By hand, since glibc has ns_initparse() in another library (libresolv).
std::vector<SrvRecord> read_srv(Bytes answer) {
  std::vector<SrvRecord> records;
  if (answer.size() < kHeader) {
    return records;
  }
  const unsigned questions = number_at(answer, kQuestionCount);
  const unsigned answers = number_at(answer, kAnswerCount);
  Bytes rest = answer.subspan(kHeader);
  for (unsigned i = 0; i < questions; ++i) {
    if (!skip_name(answer, rest, kAfterQuestion)) {
      return records;
    }
  }
  for (unsigned i = 0; i < answers && records.size() < SrvLookup::kMostRecords; ++i) {
    const Bytes head = rest;
    if (!skip_name(answer, rest, kAfterName)) {
      break;
    }
    const Bytes fixed = head.subspan(head.size() - rest.size() - kAfterName);
    const size_t size = number_at(fixed, kDataSize);
    if (rest.size() < size) {
      break;
    }
    add_srv(answer, number_at(fixed, 0), rest.first(size), records);
    rest = rest.subspan(size);
  }
  std::ranges::stable_sort(records, {}, &SrvRecord::priority);
  return records;
}

}  // namespace postern::net
