// Records of probes for tests: what a healthy server shows, to be spoilt in one way.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "proxy/probe/record.h"

namespace postern::probe {

inline constexpr int64_t kNow = 1'800'000'000;
inline constexpr int64_t kDay = 86'400;

inline uint8_t index_of(std::span<const char* const> names, std::string_view name) {
  return static_cast<uint8_t>(std::ranges::find(names, name) - names.begin());
}

inline tls::Handshake handshake(tls::Version version, std::string_view group = "X25519MLKEM768",
                                std::string_view cipher = "TLS_AES_128_GCM_SHA256") {
  tls::Handshake made;
  made.version = version;
  made.group = index_of(tls::group_names(), group);
  made.cipher = index_of(tls::cipher_names(), cipher);
  return made;
}

inline tls::PeerReport good_peer() {
  tls::PeerReport peer;
  peer.chain.push_back({.subject = "CN=mail.example.org",
                        .issuer = "CN=R3",
                        .key = "ECDSA 256",
                        .not_before = kNow - 30 * kDay,
                        .not_after = kNow + 60 * kDay,
                        .self_signed = false});
  peer.names = {"mail.example.org"};
  peer.leaf_bits = 256;
  return peer;
}

inline VisitRecord visit(const VisitPlan& plan) {
  VisitRecord one;
  one.plan = plan;
  one.connected = true;
  one.times.connect_us = 1'234;
  return one;
}

inline VisitRecord failed(const VisitPlan& plan, Cause cause, bool connected = true) {
  VisitRecord one = visit(plan);
  one.connected = connected;
  one.failure = cause;
  one.evidence = "evidence";
  return one;
}

inline VisitRecord greeted(const VisitPlan& plan) {
  VisitRecord one = visit(plan);
  one.greeting = "* OK Dovecot ready.";
  one.handshake = handshake(tls::Version::Tls13);
  one.peer = good_peer();
  one.capabilities = " IMAP4rev1 AUTH=PLAIN";
  one.clear_capabilities = plan.way == Way::Clear ? " IMAP4rev1 STARTTLS LOGINDISABLED" : "";
  return one;
}

inline PortRecord port(uint16_t number, std::vector<VisitRecord> visits = {}) {
  const uint8_t ip[] = {192, 0, 2, 1};
  return {net::Address::from_ip(ip, number), std::move(visits)};
}

inline Record healthy() {
  Record record;
  record.target = record.host = record.name = "mail.example.org";
  record.ports = {port(993, {greeted({.way = Way::Tls})}), port(143, {greeted({})})};
  return record;
}

}  // namespace postern::probe
