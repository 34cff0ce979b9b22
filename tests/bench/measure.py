"""Starting a gateway on one core and the load on the other, and reading what it used from /proc."""

import collections
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time

TICK = os.sysconf("SC_CLK_TCK")
GATEWAY_CORE = "0"
LOAD_CORE = "1"
DEADLINE_S = 30
IDLE_S = 6  # in which the CPU time of idle sessions is measured
GIVE_BACK_S = 7  # postern looks every three seconds whether there is memory to give back; the same for all
Backend = collections.namedtuple("Backend", "imap auth")  # its ports: IMAP, and nginx mail's auth_http


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, what):
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} did not happen within {DEADLINE_S} s")
        time.sleep(0.02)


def answers(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def family(pid):
    """The process and all its descendants."""
    found = [pid]
    with contextlib.suppress(OSError):
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += family(int(child))
    return found


def cpu_ns(pid):
    """User and system time of a gateway, threads and children that have ended included. In ticks of 10 ms."""
    ticks = 0
    for member in family(pid):
        with contextlib.suppress(OSError):
            fields = pathlib.Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(int(field) for field in fields[11:15])
    return ticks * 1_000_000_000 // TICK


def run_ns(pid):
    """What its living threads have run, to the nanosecond: for threads that hardly run at all."""
    total = 0
    for member in family(pid):
        for file in pathlib.Path(f"/proc/{member}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):
                total += int(file.read_text().split()[0])
    return total


def pss_kib(pid):
    total = 0
    for member in family(pid):
        with contextlib.suppress(OSError):
            for line in pathlib.Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total


@contextlib.contextmanager
def process(command, core, **more):
    """A process of its own group, pinned to a core, gone when the block ends."""
    started = subprocess.Popen(["taskset", "-c", core, *map(str, command)], start_new_session=True, **more)
    try:
        yield started
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()


@contextlib.contextmanager
def backend(binary):
    with process([binary], LOAD_CORE, stdout=subprocess.PIPE, text=True) as started:
        yield Backend(int(started.stdout.readline()), int(started.stdout.readline()))


@contextlib.contextmanager
def gateway(peer, ports, pems, cores=GATEWAY_CORE):
    """Yields the running gateway's pid and port. `ports` are the backend's."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        port = free_port()
        command = peer.command(folder, port, ports, pems)
        with open(folder / "log", "w", encoding="utf-8") as log, \
                process(command, cores, stdout=log, stderr=log) as started:
            try:
                wait_for(lambda: answers(port) or started.poll() is not None, f"{peer.name} listening")
            finally:
                log.flush()
            if started.poll() is not None:
                raise RuntimeError(f"{peer.name} ended at once:\n" + (folder / "log").read_text())
            yield started.pid, port


def load(binary, mode, port, **options):
    """One run of the load generator: its figures."""
    words = [f"{key}={value}" for key, value in options.items()]
    done = subprocess.run(["taskset", "-c", LOAD_CORE, str(binary), mode, str(port), *words],
                          capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0:
        raise RuntimeError(f"load {mode} {words}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def idle_pss(binary, pid, port, connections, size):
    """PSS in KiB per idle logged-in session, and what is left when all have gone, in MiB."""
    before = pss_kib(pid)
    command = ["taskset", "-c", LOAD_CORE, str(binary), "idle", str(port), f"connections={connections}",
               f"size={size}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as clients:
        if clients.stdout.readline() != "settled\n":
            raise RuntimeError("the idle clients did not settle")
        time.sleep(3)
        grown = pss_kib(pid) - before
        used_ns = run_ns(pid)
        time.sleep(IDLE_S)
        busy = (run_ns(pid) - used_ns) / (IDLE_S * 1e9)
        clients.stdin.close()
    time.sleep(GIVE_BACK_S)
    return {"kib_per_session": grown / connections, "left_mib": (pss_kib(pid) - before) / 1024,
            "idle_cpu_percent": busy * 100}
