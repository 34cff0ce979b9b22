// What brings a session to a stage of its life, for tests of how it ends there.
#pragma once

#include <string>

#include <gtest/gtest.h>

#include "tests/session/session_fixture.h"

namespace postern {

// A handshake that has begun and waits for more.
inline void half_shaken(SessionTest& test) {
  test.dial();
  test.client->send_in_clear(std::string("\x16\x03\x01", 3));
  ASSERT_TRUE(test.until([&] { return test.figure(Metric::HandshakesInFlight) == 1; }));
}

// The backend takes the connection and never says a word.
inline void connecting(SessionTest& test) {
  test.backend->options().greeting = "";
  test.secure();
  ASSERT_TRUE(test.until([&] { return test.backend->accepted() == 1; }));
}

// In the middle of a literal that the backend never completes.
inline void inside_a_literal(SessionTest& test) {
  test.log_in();
  test.backend->last().say("* 1 FETCH (BODY[] {1000}\r\nonly this much");
  ASSERT_TRUE(test.hears("only this much"));
}

// Another client is served while the one of the test comes, and then leaves.
inline void come_second(SessionTest& test) {
  GatewayClient other(test.loop, test.gateway().address(kImplicit));
  ASSERT_TRUE(test.until([&] { return other.connected(); }));
  other.secure();
  ASSERT_TRUE(test.until([&] { return other.heard("] ready\r\n"); }));
  test.secure();
  ASSERT_TRUE(test.until([&] { return test.client->over(); }));
}

// At a service that is not there.
inline void asks_in_vain(SessionTest& test) {
  test.config.users.lookup.emplace().host = test.closed_port.host();
  test.secure();
  ASSERT_TRUE(test.hears("] postern ready\r\n"));
  test.client->send("a LOGIN user secret\r\n");
}

inline void drain(SessionTest& test) {
  test.gateway().drain();
}

}  // namespace postern
