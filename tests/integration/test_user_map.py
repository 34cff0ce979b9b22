"""The map of users: what postern finds wrong in it, how a changed one comes into force, and users who are held while they move."""

import json
import socket
import unittest

from harness import ScriptedBackend, check
from test_users import TwoServers


def showing(capabilities):
    """The script of a server that has these."""
    def script(peer):
        peer.send(b"* OK ready\r\n")
        while line := peer.line():
            tag, command = line.split()[:2]
            peer.send((b"* CAPABILITY " + capabilities + b"\r\n" if command == b"CAPABILITY" else b"") + tag + b" OK done\r\n")
            if command == b"LOGOUT":
                return
    return script


class Map(TwoServers):
    def test_a_wrong_map_is_named_by_its_line_and_the_old_one_stays(self):
        gateway = self.start()
        gateway.write_map({"anna": "old"}, "bert nowhere")
        said = gateway.reload("error")
        self.assertIn('users.map:2 fault="\\"nowhere\\" is none of the backends \\"old\\", \\"new\\"', said)
        self.assertNotIn("bert", said)
        status, words = check(gateway.path)
        self.assertEqual(status, 1)
        self.assertIn("users.map:2", words)
        self.user_comes_to(self.new, gateway, b"LOGIN anna x")
        gateway.write_map({"anna": "old"})
        gateway.reload()
        self.user_comes_to(self.old, gateway, b"LOGIN anna x")

    def test_check_says_what_is_in_force(self):
        gateway = self.start({f"user{n}": "new" for n in range(1000)}, routes=[{"user": "*@moved.example", "backend": "new"}])
        status, words = check(gateway.path)
        self.assertEqual(status, 0, words)
        self.assertIn("users        1000 by map; all others by route, or old", words)
        self.assertIn("route        user *@moved.example -> new", words)

    def test_check_says_where_a_user_goes_and_by_which_rule(self):
        gateway = self.start({"anna": "old", "bert": "new", "carl": "unavailable"}, users={"default_domain": "example.org"},
                             routes=[{"user": "*@moved.example", "backend": "new"}, {"user": "dora", "backend": "new"}])
        map_ = gateway.folder / "users.map"
        for user, way in (("bert", f"goes to backend new, by {map_} line 2"),
                          ("Anna@Example.org*admin", f"goes to backend old, by {map_} line 1"),
                          ("carl", f"is held, and goes to no backend, by {map_} line 3"),
                          ("dora", 'goes to backend new, by the route of user "dora@example.org"'),
                          ("x@moved.example", 'goes to backend new, by the route of user "*@moved.example"'),
                          ("nobody", "goes to backend old, by default_backend")):
            with self.subTest(user):
                self.assertEqual(check(gateway.path, "--user", user), (0, f"{user} {way}\n"))
        gateway.write_map({"anna": "neww"})
        status, words = check(gateway.path, "--user", "anna")
        self.assertEqual(status, 1)
        self.assertTrue(words.startswith(f'postern: {map_}:1: "neww" is none of the backends'), words)

    def test_a_client_that_came_before_is_led_by_the_map_of_its_login(self):
        gateway = self.start({"anna": "new"})
        with gateway.connect() as client:
            gateway.write_map({"anna": "old"})
            gateway.reload()
            seen = len(self.old.transcripts)
            client.ok(b"LOGIN anna x")
            self.assertIn(b"LOGIN anna x", self.old.transcripts[seen])

    def test_a_changed_map_is_taken_up_by_itself(self):
        gateway = self.start({"anna": "new", "bert": "new", "carl": "new"})
        figures = ("postern_user_map_users", "postern_user_map_last_reload_successful")
        self.assertEqual([gateway.metrics().sum(name) for name in figures], [3, 1])
        gateway.write_map({"anna": "old", "bert": "new"})
        gateway.wait_for_log("map of users reloaded users=2 users_before=3")
        self.user_comes_to(self.old, gateway, b"LOGIN anna x")
        self.assertEqual([gateway.metrics().sum(name) for name in figures], [2, 1])
        since = len(gateway.log())
        gateway.write_map({"anna": "new"}, "bert nowhere")
        gateway.wait_for_log(r"map of users not reloaded, the old one stays.* where=\S+users\.map:2 .*cause=user_map_not_reloaded", since)
        self.assertEqual([gateway.metrics().sum(name) for name in figures], [2, 0])
        with gateway.ask("/status.json") as answer:
            status = json.load(answer)
        self.assertEqual((status["process"]["users_mapped"], status["process"]["user_map_failed"]), (2, True))
        self.assertIn("user_map_not_reloaded", [finding["cause"] for finding in status["findings"]])
        self.user_comes_to(self.old, gateway, b"LOGIN anna x")
        gateway.write_map({"anna": "new", "bert": "new"})
        gateway.wait_for_log("map of users reloaded users=2 users_before=2", since)
        self.user_comes_to(self.new, gateway, b"LOGIN anna x")
        self.assertEqual(gateway.metrics().sum("postern_certificate_reloads_total"), 0)

    def test_a_map_that_has_lost_most_users_is_taken_by_a_reload_alone(self):
        gateway = self.start({f"user{number}": "new" for number in range(10)})
        gateway.write_map({"user0": "new"})
        gateway.wait_for_log('map of users not reloaded.* fault="has 1 users, and the map before has 10"')
        self.user_comes_to(self.new, gateway, b"LOGIN user9 x")
        said = gateway.reload()
        self.assertIn("reloaded users=1 users_before=10", said)
        self.assertRegex(said, r"warn +fewer users .*users=1 users_before=10")
        self.user_comes_to(self.old, gateway, b"LOGIN user9 x")
        gateway.write_map({}, "# all have moved")
        gateway.reload()
        self.assertIn("has no user in it", check(gateway.path)[1])

    def test_preflight_shows_the_greeting_and_what_is_not_common(self):
        less = self.enterContext(ScriptedBackend(showing(b"IMAP4rev1 IDLE")))
        more = self.enterContext(ScriptedBackend(showing(b"IMAP4rev1 IDLE AUTH=PLAIN")))
        gateway = self.start(backends={"old": less.backend(), "new": more.backend()})
        status, words = check(gateway.path, "--preflight")
        self.assertEqual(status, 0, words)
        self.assertIn("greeting     IMAP4rev1 IDLE\n             not of all backends, but of new: AUTH=PLAIN\n", words)

    def test_check_warns_of_names_with_and_without_a_domain(self):
        gateway = self.start({"anna": "new", "bert@example.org": "new"})
        self.assertRegex(check(gateway.path)[1], r"warning: .*names with a domain and names without")
        gateway.configure(users={"map": "users.map", "default_domain": "example.org"})
        self.assertNotIn("names without,", check(gateway.path)[1])

    def test_a_user_who_is_held_hears_that_the_server_is_away(self):
        gateway = self.start({"anna": "unavailable", "bert": "new"})
        with gateway.connect() as client:
            client.send(b"a LOGIN anna x\r\n")
            self.assertRegex(client.goodbye(), rb"\A\* BYE \[UNAVAILABLE\] [^\r\n]+\r\n\Z")
        line = gateway.wait_for_log("session ended .*cause=user_held.*").group()
        self.assertIn("reason=backend_unavailable", line)
        self.assertNotIn("backend=", line)
        self.assertEqual(gateway.metrics().sum("postern_failures_total"), 0)
        self.user_comes_to(self.new, gateway, b"LOGIN bert x")
        self.assertIn("users        2 by map, 1 of them held;", check(gateway.path)[1])
        gateway.write_map({"anna": "new"})
        gateway.reload()
        self.user_comes_to(self.new, gateway, b"LOGIN anna x")

    def test_the_log_names_no_backend_where_none_was_reached(self):
        gateway = self.start()
        for words, end in ((b"a NOOP\r\nb LOGOUT\r\n", rb"b OK"), (b"a LOGIN anna wrong\r\nb LOGOUT\r\n", rb"b OK")):
            with self.subTest(words), gateway.connect() as client:
                since = len(gateway.log())
                client.send(words)
                self.assertRegex(client.goodbye(), end)
                self.assertNotIn("backend=", gateway.wait_for_log("session ended .*", since).group())

    def test_a_login_without_a_server_is_booked_once_and_with_whose_doing_it_is(self):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        drained = {"servers": [{"address": self.new.server, "drain": True}], "tls": "none"}
        for server, causes in ((drained, ["backend_drained"]),
                               ({"servers": [f"127.0.0.1:{port}"], "tls": "none"},
                                ["backend_connection_refused", "backend_unavailable"])):
            gateway = self.start(backends={"old": self.old.backend(), "new": server})
            with self.subTest(causes), gateway.connect() as client:
                client.send(b"a LOGIN anna x\r\n")
                self.assertTrue(client.goodbye().startswith(b"* BYE [UNAVAILABLE]"))
                gateway.wait_for_metric("postern_failures_total", len(causes))
                for cause in causes:
                    self.assertEqual(gateway.metrics().sum("postern_failures_total", cause=cause, backend="new"), 1)


if __name__ == "__main__":
    unittest.main()
