"""A handshake storm: every client new, as fast as they come. The rate at which a gateway's core is full, and what a
client waits at 70 % of it, beside a quiet one."""

import measure

CONNECTIONS = 64  # in flight while the rate is found
QUIET, STORM = 0.05, 0.7  # shares of the rate at which its core is full


def _full(load, pid, port, seconds, options):
    """Handshakes a second with the core full, and how full it was."""
    before = measure.cpu_ns(pid)
    figures = measure.load(load, "handshake", port, seconds=seconds, connections=CONNECTIONS, **options)
    used_s = (measure.cpu_ns(pid) - before) / 1e9
    return figures["units"] / used_s, used_s / figures["seconds"]


def run(peer, ports, pem, load, seconds, options):
    """One round of one gateway. A rate is per second of its CPU time, so that a load that cannot fill its core
    flatters nobody; `core` says how full it was."""
    with measure.gateway(peer, ports, [pem]) as (pid, port):
        measure.load(load, "handshake", port, seconds=0.5, **options)  # warm-up
        rate, core = _full(load, pid, port, seconds, options)
        at = {}
        for name, share in (("quiet", QUIET), ("storm", STORM)):
            # Enough connections that none of what is due waits for a free one.
            figures = measure.load(load, "handshake", port, seconds=seconds, connections=1000, rate=rate * share, **options)
            at[f"{name}_p99_us"] = figures["p99_us"]
            at[f"{name}_errors"] = figures["errors"]
            at[f"{name}_share"] = figures["units"] / figures["seconds"] / rate
    return {"rate": rate, "core": core, **at}


def table(found):
    """Markdown."""
    lines = ["| gateway | handshakes per second of CPU | core in use | p99 quiet, us | p99 in the storm, us | errors |",
             "|---|---:|---:|---:|---:|---:|"]
    for name, row in found.items():
        lines.append(f"| {name} | {row['rate']:.0f} | {row['core']:.0%} | {row['quiet_p99_us']:.0f} | {row['storm_p99_us']:.0f} "
                     f"| {row['storm_errors']:.0f} |")
    return "\n".join(lines)
