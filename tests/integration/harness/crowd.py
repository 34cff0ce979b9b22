"""Thousands of sessions, in processes of their own so that each has its own limit of descriptors.

    crowd.py backend                          serves any number; prints its port
    crowd.py clients HOST PORT COUNT CA       logs in COUNT sessions, each ends up in IDLE; prints "idling"
                                              and waits for a line on standard input, at which all leave
                                              IDLE and get their answer; then prints "alive"
"""

import resource
import selectors
import socket
import ssl
import sys

SERVER_NAME = "postern.test"


def backend():
    """Greets, says OK to everything and + to IDLE. A command comes in one read: so the clients send."""
    selector = selectors.DefaultSelector()
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    selector.register(listener, selectors.EVENT_READ)
    report(listener.getsockname()[1])
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                connection, _ = listener.accept()
                connection.sendall(b"* OK [CAPABILITY IMAP4rev1 IDLE] ready\r\n")
                selector.register(connection, selectors.EVENT_READ)
            elif not answer(key.fileobj):
                selector.unregister(key.fileobj)
                key.fileobj.close()


def answer(connection):
    try:
        data = connection.recv(4096)
    except OSError:
        return False
    if b" IDLE" in data:
        connection.sendall(b"+ idling\r\n")
    elif data:
        tag = b"i" if data == b"DONE\r\n" else data.split()[0]
        connection.sendall(tag + b" OK done\r\n")
    return bool(data)


def clients(host, port, count, authority):
    context = ssl.create_default_context(cafile=authority)
    crowd = [arrive(context, (host, int(port))) for _ in range(int(count))]
    report("idling")
    sys.stdin.readline()
    for client in crowd:
        say(client, b"DONE\r\n", b"i OK")
    report("alive")
    sys.stdin.readline()


def arrive(context, address):
    client = context.wrap_socket(socket.create_connection(address, 60), server_hostname=SERVER_NAME)
    say(client, b"", b"* OK")
    say(client, b"l LOGIN anna sesame\r\n", b"l OK")
    say(client, b"i IDLE\r\n", b"+ ")
    return client


def say(client, words, expected):
    client.sendall(words)
    got = client.recv(4096)
    if not got.startswith(expected):
        sys.exit(f"expected {expected!r}, got {got!r}")


def report(words):
    print(words, flush=True)


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    {"backend": backend, "clients": clients}[sys.argv[1]](*sys.argv[2:])
