#include "tests/bench/model.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "proxy/session/make_label_sets.h"
#include "proxy/session/session.h"

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#define POSTERN_CALLGRIND 1
#endif

namespace postern::bench {

using metrics::Metric;

namespace {

constexpr std::string_view kGreeting =
    "* OK [CAPABILITY IMAP4rev1 LITERAL+ IDLE STARTTLS AUTH=PLAIN] ready\r\n";
constexpr uint64_t kLoginMs = 60'000;
constexpr uint64_t kIdleMs = 31 * 60'000;

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "model: %s\n", what);
  std::exit(1);
}

SSL_CTX* make_client_context(uint16_t version) {
  SSL_CTX* context = SSL_CTX_new(TLS_with_buffers_method());
  SSL_CTX_set_min_proto_version(context, version);
  SSL_CTX_set_max_proto_version(context, version);
  SSL_CTX_set1_curves_list(context, "X25519:P-256");
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  // What the client believes is not what is measured.
  SSL_CTX_set_custom_verify(context, SSL_VERIFY_PEER,
                            [](SSL*, uint8_t*) noexcept { return ssl_verify_ok; });
  return context;
}

Config config_for_labels() {
  Config config;
  config.listeners = {{.address = net::Address::parse("127.0.0.1:993").value(), .text = "model"}};
  config.backends = {{.name = "model", .servers = {{"127.0.0.1", 143}}, .verify = {}}};
  return config;
}

}  // namespace

// ---- Client

Client::Client(SSL_CTX* context, SSL_SESSION* resume)
    : ssl_(SSL_new(context)), in_(BIO_new(BIO_s_mem())), out_(BIO_new(BIO_s_mem())) {
  BIO_set_mem_eof_return(in_, -1);
  SSL_set_bio(ssl_, in_, out_);
  SSL_set_connect_state(ssl_);
  if (resume != nullptr) {
    SSL_set_session(ssl_, resume);
  }
  SSL_do_handshake(ssl_);
}

Client::~Client() {
  SSL_free(ssl_);
}

void Client::feed(std::string_view ciphertext) {
  BIO_write(in_, ciphertext.data(), static_cast<int>(ciphertext.size()));
  if (!secured() && SSL_do_handshake(ssl_) != 1 && SSL_get_error(ssl_, -1) != SSL_ERROR_WANT_READ) {
    die("the client's handshake failed");
  }
}

std::string Client::take() {
  const uint8_t* bytes = nullptr;
  size_t size = 0;
  BIO_mem_contents(out_, &bytes, &size);
  std::string taken(as_text({bytes, size}));
  BIO_reset(out_);
  return taken;
}

std::string Client::hear() {
  std::string heard;
  char buffer[16 * 1024];
  for (int count = 1; secured() && count > 0;) {
    count = SSL_read(ssl_, buffer, sizeof buffer);
    heard.append(buffer, count > 0 ? static_cast<size_t>(count) : 0);
  }
  return heard;
}

void Client::say(std::string_view plaintext) {
  if (SSL_write(ssl_, plaintext.data(), static_cast<int>(plaintext.size())) <= 0) {
    die("the client cannot speak");
  }
}

// ---- MemoryStream

MemoryStream::MemoryStream(std::string& written)
    : written_(written),
      rest_(std::make_unique<std::byte[]>(sizeof(net::TcpStream) + sizeof(uv_tcp_t) + 40 -
                                          sizeof(MemoryStream))) {}

MemoryStream::~MemoryStream() = default;

size_t MemoryStream::write(Bytes bytes) {
  if (!aborted_) {
    written_.append(as_text(bytes));
  }
  return 0;
}

// ---- Parked

Parked::Parked(Model& model)
    : model_(model), rest_(std::make_unique<std::byte[]>(sizeof(Session) - sizeof(Parked))) {
  auto transport = std::make_unique<MemoryStream>(model.to_client);
  transport_ = transport.get();
  client_ = TlsStream::server(model.loop, std::move(transport), *model.server, model.workspace, {},
                              /*greets=*/true);
  client_->observe(*this);
  arm(model.loop.deadlines(), kLoginMs);
}

Parked::~Parked() = default;

void Parked::client_bytes(std::string_view ciphertext) {
  transport_->observer().on_bytes(as_bytes(ciphertext));
}

void Parked::backend_bytes(std::string_view text) {
  backend_->observer().on_bytes(as_bytes(text));
}

void Parked::on_open() {
  backend_ = std::make_unique<MemoryStream>(model_.to_backend);
  imap::ConversationObserver& conversation = *this;
  RelayObserver& observer = *this;
  relay_ = std::make_unique<Relay>(model_.loop, model_.cells, *client_, *backend_,
                                   imap::Filter::Options(), conversation, observer);
  relay_->start(kGreeting, {});
}

void Parked::on_failure(const Error& error) {
  die(error.text().c_str());
}

void Parked::on_login_result(imap::Mechanism, imap::LoginResult, uint64_t) {
  authenticated_ = metrics::ScopedGauge(model_.counters.cell<Metric::SessionsAuthenticated>());
  arm(model_.loop.deadlines(), kIdleMs);
}

void Parked::on_idle(bool idling) {
  idling_ = idling ? metrics::ScopedGauge(model_.counters.cell<Metric::SessionsIdle>())
                   : metrics::ScopedGauge();
}

uint32_t Parked::clock_ms() {
  return static_cast<uint32_t>(model_.loop.now_ms());
}

// As LoginWatch does.
void Parked::on_command_ended(imap::Command command, imap::CommandResult result, uint32_t sent_ms) {
  if (!model_.count_commands) {
    return;
  }
  model_.commands.count(command, result);
  if (sent_ms != 0 && result != imap::CommandResult::Abandoned) {
    model_.commands.answered(command, clock_ms() - sent_ms);
  }
}

void Parked::drain() {
  relay_->bye_at(imap::Stop::AtRest, EndReason::Drained,
                 "* BYE [UNAVAILABLE] Server is going down\r\n");
}

void Parked::on_relay_end(EndReason, std::string_view bye, const Error&) {
  disarm();
  client_->write(as_bytes(bye));
  client_->finish();
  backend_->abort();
}

// ---- Model

Model::Model()
    : labels(make_label_sets(config_for_labels())),
      counters(labels),
      cells(RelayMetrics::of(counters)),
      contexts_{make_client_context(TLS1_2_VERSION), make_client_context(TLS1_3_VERSION)} {
  server = std::move(tls::ServerContext::make(
                         {.policy = tls::Policy::preset("intermediate").value(),
                          .certificates = tls::CertificateStore::self_signed({"localhost"}).value(),
                          .tickets = tls::TicketKeys::random(),
                          .binding = "model"})
                         .value());
  for (SSL_CTX* context : contexts_) {
    SSL_CTX_set_app_data(context, this);
    SSL_CTX_sess_set_new_cb(context, on_ticket);
  }
}

Model::~Model() {
  SSL_SESSION_free(ticket_);
  for (SSL_CTX* context : contexts_) {
    SSL_CTX_free(context);
  }
}

int Model::on_ticket(SSL* ssl, SSL_SESSION* session) {
  auto* model = static_cast<Model*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  SSL_SESSION_free(model->ticket_);
  model->ticket_ = session;
  return 1;
}

std::unique_ptr<Parked> Model::accept(Client& client) {
  auto session = std::make_unique<Parked>(*this);
  settle(*session, client);
  return session;
}

std::string Model::ask(Parked& session, Client& client, std::string_view line) {
  {
    const Uncounted client_side;
    client.say(line);
  }
  return settle(session, client);
}

std::string Model::settle(Parked& session, Client& client) {
  std::string heard;
  for (;;) {
    std::string sent;
    {
      const Uncounted client_side;
      if (!to_client.empty()) {
        client.feed(to_client);
        to_client.clear();
        heard += client.hear();
      }
      sent = client.take();
    }
    if (!sent.empty()) {
      session.client_bytes(sent);
    }
    if (sent.empty() && to_backend.empty()) {
      return heard;
    }
    let_backend_answer(session);
  }
}

void Model::let_backend_answer(Parked& session) {
  const std::string lines = std::exchange(to_backend, {});
  std::string reply;
  for (size_t at = 0; at < lines.size();) {
    const size_t end = lines.find('\n', at) + 1;
    reply += answer(std::string_view(lines).substr(at, end - at));
    at = end;
  }
  if (!reply.empty()) {
    session.backend_bytes(reply);
  }
}

std::string Model::answer(std::string_view line) {
  if (line == "DONE\r\n") {
    return idle_tag_ + " OK done\r\n";
  }
  const size_t space = line.find(' ');
  const std::string tag(line.substr(0, space));
  const std::string_view command = line.substr(space + 1);
  if (command.starts_with("IDLE")) {
    idle_tag_ = tag;
    return "+ idling\r\n";
  }
  if (command.starts_with("FETCH")) {
    const std::string size(command.substr(6, command.size() - 8));
    return "* 1 FETCH (BODY[] {" + size + "}\r\n" + std::string(std::stoul(size), 'x') + ")\r\n" +
           tag + " OK done\r\n";
  }
  return tag + " OK done\r\n";
}

// ---- callgrind

#ifdef POSTERN_CALLGRIND
Uncounted::Uncounted() {
  CALLGRIND_TOGGLE_COLLECT;
}
Uncounted::~Uncounted() {
  CALLGRIND_TOGGLE_COLLECT;
}
bool count_phase(const char* name) {
  CALLGRIND_DUMP_STATS_AT(name);
  return true;
}
#else
Uncounted::Uncounted() = default;
Uncounted::~Uncounted() = default;
bool count_phase(const char*) {
  return false;
}
#endif

}  // namespace postern::bench
