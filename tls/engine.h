// Engine: one TLS connection without a socket: ciphertext in, plaintext out, and back. Either role.
//
//   feed(ciphertext) ; while ((e = next()) != NeedInput) { Open | Plaintext | End | Failed }
//   seal(plaintext)                      -> ciphertext appended to the workspace
//   after every call: send workspace.outgoing(), then workspace.clear()
//
// Idle, an engine owns BoringSSL's SSL object with its handshake state shed and nothing else: no
// buffers. One thread: that of its workspace.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "proxy/base/bytes.h"
#include "proxy/base/error.h"
#include "tls/alert.h"
#include "tls/context.h"
#include "tls/failure.h"
#include "tls/peer_report.h"
#include "tls/policy.h"

struct ssl_st;

namespace postern::tls {

struct PeerCheck;

// What the engines of one thread share: the buffers for outgoing ciphertext and for plaintext, and
// BoringSSL's way to both. Must outlive its engines.
class Workspace {
 public:
  Workspace();
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  // Ciphertext made since the last clear(), by the engine called last.
  Bytes outgoing() const;
  void clear();

 private:
  friend class Engine;
  struct State;
  std::unique_ptr<State> state_;
};

// What a handshake negotiated, in numbers that index the name tables below: bounded metric labels.
struct Handshake {
  Version version = Version::Tls12;
  uint8_t cipher = 0;  // index into cipher_names()
  uint8_t group = 0;   // index into group_names()
  bool resumed = false;
};
std::span<const char* const> cipher_names();  // IANA names; the last one is "other"
std::span<const char* const> group_names();   // "none" (TLS 1.2 resumption), "X25519", …, "other"

// What the server's end of a connection knows about its client and can pass on, in the words of
// HAProxy and OpenSSL. Unknown facts are empty.
struct ClientFacts {
  std::string version = {};      // "TLSv1.3"
  std::string cipher = {};       // "ECDHE-RSA-AES128-GCM-SHA256", and of TLS 1.3 IANA's name
  std::string server_name = {};  // SNI as sent, without the root's dot
  std::string alpn = {};         // "imap"
  std::string common_name = {};  // of the client's certificate, UTF-8 without control characters
  bool certificate = false;      // it showed a good one, in this handshake or in the one resumed
  bool resumed = false;
};

// What a server's end notes of a ClientHello.
struct HelloNotes {
  // Why the context's shadow policy would have refused a handshake that its own policy accepted.
  std::optional<Failure> shadow_refusal = {};
  std::optional<Version> highest_offer = {};  // not known of a client before TLS 1.0
  bool lacks_group = false;                   // in TLS 1.2: a suite is shared, but no group
  std::optional<uint8_t> sent_alert = {};
  std::unique_ptr<const std::string> alpn_offer = {};  // refused or ignored: "h2,http/1.1"
};

class Engine {
 public:
  enum class Event : uint8_t { NeedInput, Open, Plaintext, End, Failed };

  static std::unique_ptr<Engine> server(const ServerContext& context, Workspace& workspace);
  // Makes the ClientHello at once. `server_name` is sent as SNI unless it is an IP literal.
  // The certificate must be for it, unless the context's verification names another.
  static std::unique_ptr<Engine> client(const ClientContext& context, Workspace& workspace,
                                        const std::string& server_name);
  ~Engine();

  // Offers ciphertext; it must stay valid until next() has returned NeedInput (or End, Failed).
  // Only then is there room for more.
  void feed(Bytes ciphertext);
  // The transport ended (FIN): once everything fed is taken, next() returns Failed (Truncated), or
  // End if close_notify came before.
  void feed_end();
  // Once it has returned End or Failed, every further call returns the same; a failure's alert is
  // in the workspace.
  Event next();
  // Valid after Plaintext until the next call to any engine of this workspace.
  Bytes plaintext() const;
  // Whether BoringSSL's buffers of what is read from now on are overwritten: what a client sends
  // before its login may be a password.
  void wipe_reads(bool wipes) { wipes_reads_ = wipes; }
  bool wipes_reads() const { return wipes_reads_; }
  // Overwrites plaintext().
  void wipe_plaintext();
  // Valid after Failed.
  const Error& error() const { return error_; }
  // The alert by which one of the two ends broke off, if there was one, and BoringSSL's word for
  // the cause, which may be empty.
  std::optional<Alert> alert() const;
  const char* reason() const { return detail_ != nullptr ? detail_->reason : ""; }
  // Client role, after Failed: what the certificate has in place of what was wanted, in words for
  // the log that hold the peer's; empty if the error says all.
  std::string finding() const;

  // False when the connection has failed; then error() says why. Only after Open.
  bool seal(Bytes plaintext);
  // close_notify; nothing may be sealed afterwards. Harmless before Open and after Failed.
  void close();

  bool open() const { return open_; }
  bool ended() const { return ended_; }  // close_notify has come
  Handshake handshake() const;           // after Open
  std::string server_name() const;       // SNI, lower case, no root's dot; empty if none
  // Client role: of the backend's certificate, seconds since 1970; 0 if unknown.
  struct Lifetime {
    int64_t not_before = 0;
    int64_t not_after = 0;
  };
  Lifetime peer_lifetime() const;
  // Client role, after Open, whatever the context's own rule was: what the server has shown, as
  // `verifier` judges it.
  PeerReport peer_report(const Verifier& verifier, const std::string& host) const;
  // Server role: the subject of the client's certificate as in RFC 4514, for people and logs; empty
  // if it showed none. A resumed session keeps that of its first handshake. After Open.
  std::string peer_subject() const;
  ClientFacts client_facts() const;                   // server role, after Open
  const HelloNotes& hello() const { return hello_; }  // server role

 private:
  Engine(Workspace& workspace, ssl_st* ssl);
  template <typename Call>
  int enter(Call call);
  Event shake_hands();
  Event name_better(Bytes offered);
  bool has_input() const;
  Event read();
  Event read_records();
  Event refuse_plaintext(Failure failure);
  Event pause_or_stop(int result, const char* during);
  Event fail(Failure failure, const char* during);
  Event fail(FailureDetail detail, const char* during);
  static void note_alert(const ssl_st* ssl, int type, int value) noexcept;

  Workspace& workspace_;
  ssl_st* ssl_;
  Bytes input_;                            // fed and not yet taken
  std::unique_ptr<PeerCheck> peer_check_;  // client role, until Open
  Error error_;
  std::unique_ptr<const FailureDetail> detail_;  // once it has failed by BoringSSL's verdict
  HelloNotes hello_;
  bool recognised_ = false;  // the peer's first bytes were checked
  bool wipes_reads_ = false;
  bool open_ = false;
  bool closed_ = false;           // our close_notify is sent
  bool ended_ = false;            // the peer's has come
  bool transport_ended_ = false;  // no more ciphertext will be fed
};

}  // namespace postern::tls
