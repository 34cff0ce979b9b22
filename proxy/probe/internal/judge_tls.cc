#include "proxy/probe/internal/judge_tls.h"

#include <optional>

#include "proxy/base/utc.h"
#include "proxy/probe/internal/show.h"

namespace postern::probe {
namespace {

constexpr int64_t kSoonShare = 5;  // less than a fifth of the lifetime is left
constexpr int kLeastRsaBits = 2048;
constexpr uint64_t kSlowUs = 1'000'000;

bool succeeded(const PortRecord& port, Offer offer) {
  const VisitRecord* visit = find_visit(port, offer);
  return visit != nullptr && visit->handshake.has_value();
}

void judge_versions(const PortRecord& port, const VisitRecord& visit, Findings& found) {
  const tls::Handshake& handshake = *visit.handshake;
  if (handshake.version < tls::Version::Tls12) {
    found.add(Severity::Failure, Cause::ServerTlsTooOld,
              std::string("TLS ") + name_of(handshake.version), visit.greeting);
    return;
  }
  const bool tls11 = succeeded(port, Offer::Tls11);
  const bool tls10 = succeeded(port, Offer::Tls10);
  if (tls11 || tls10) {
    found.add(Severity::Warning, Cause::ServerTakesOldTls,
              tls11 && tls10 ? "TLS 1.0 and 1.1"
              : tls10        ? "TLS 1.0"
                             : "TLS 1.1",
              visit.greeting);
  }
  if (handshake.version < tls::Version::Tls13) {
    found.add(Severity::Note, Cause::ServerLacksTls13, "");
  }
}

void judge_key_exchange(const VisitRecord& visit, Findings& found) {
  const tls::Handshake& handshake = *visit.handshake;
  const std::string_view cipher = tls::cipher_names()[handshake.cipher];
  if (cipher.starts_with("TLS_RSA_")) {
    found.add(Severity::Warning, Cause::ServerLacksForwardSecrecy, std::string(cipher));
  }
  if (visit.plan.offer == Offer::Classical) {
    found.add(Severity::Failure, Cause::ServerRefusesLargeHello, "");
  } else if (handshake.version == tls::Version::Tls13 && !is_post_quantum(handshake)) {
    found.add(Severity::Note, Cause::ServerLacksPostQuantum, tls::group_names()[handshake.group]);
  }
}

Cause cause_of_untrusted(const tls::PeerReport& peer) {
  const bool alone = peer.chain.size() == 1 && !peer.chain.front().self_signed;
  return alone ? Cause::ServerChainIncomplete : Cause::ServerCertificateUntrusted;
}

std::optional<Cause> cause_of_certificate(const tls::PeerReport& peer) {
  if (!peer.failure) {
    return std::nullopt;
  }
  switch (*peer.failure) {
    case tls::Failure::CertificateExpired:
      return Cause::ServerCertificateExpired;
    case tls::Failure::CertificateNotYetValid:
      return Cause::ServerCertificateNotYetValid;
    case tls::Failure::CertificateNameMismatch:
      return Cause::ServerCertificateNameMismatch;
    default:
      return cause_of_untrusted(peer);
  }
}

void judge_certificate(const VisitRecord& visit, int64_t now_s, Findings& found) {
  const tls::PeerReport& peer = visit.peer;
  if (const auto cause = cause_of_certificate(peer)) {
    found.add(Severity::Failure, *cause, peer.finding);
  }
  if (!peer.chain.empty()) {
    const tls::PeerCertificate& leaf = peer.chain.front();
    const int64_t left_s = leaf.not_after - now_s;
    if (left_s > 0 && left_s < (leaf.not_after - leaf.not_before) / kSoonShare) {
      found.add(Severity::Warning, Cause::ServerCertificateEndsSoon,
                "until " + utc_text(leaf.not_after));
    }
    if (leaf.key.starts_with("RSA") && peer.leaf_bits < kLeastRsaBits) {
      found.add(Severity::Warning, Cause::ServerKeyWeak, leaf.key);
    }
  }
  if (peer.must_staple && peer.staple == tls::StapleState::None) {
    found.add(Severity::Failure, Cause::ServerStapleMissing, "");
  } else if (peer.staple == tls::StapleState::Outdated ||
             peer.staple == tls::StapleState::Unusable) {
    found.add(peer.must_staple ? Severity::Failure : Severity::Warning, Cause::ServerStapleOutdated,
              name_of(peer.staple));
  }
}

}  // namespace

void judge_tls(const PortRecord& port, const VisitRecord& visit, int64_t now_s, Findings& found) {
  judge_versions(port, visit, found);
  judge_key_exchange(visit, found);
  judge_certificate(visit, now_s, found);
}

void judge_pace(const VisitRecord& visit, Findings& found) {
  const auto judge_step = [&](const char* step, const std::optional<uint64_t>& us) {
    if (us && *us > kSlowUs) {
      found.add(Severity::Warning, Cause::ServerSlow, step + (" took " + show_ms(*us)));
    }
  };
  judge_step("connecting", visit.times.connect_us);
  judge_step("TLS", visit.times.tls_us);
  judge_step("the greeting", visit.times.greeting_us);
  for (const UserStep& step : visit.user_steps) {
    if (step.ok) {  // a server delays its no to a wrong password, as it should
      judge_step(step.command, step.us);
    }
  }
}

}  // namespace postern::probe
