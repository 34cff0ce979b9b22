"""What tests/bench/run has found, as Markdown, JSON and a plot."""

import json
import os
import platform
import shutil
import subprocess

import storm


def ratio(found, title, row, column):
    """postern / best peer; None where there is nothing to divide. In a handshake's row a peer that does not dial
    the backend has done less than the others."""
    apart = found["undialled"] if "handshake" in title else []
    best = min((figures[column] for name, figures in row.items() if name not in ("postern", *apart)), default=0)
    return row["postern"][column] / best if best and "postern" in row else None


def table(found, results, column, digits):
    names = list(found["versions"])
    lines = ["| work | " + " | ".join(names) + " | ratio to the best peer |", "|---|" + "---:|" * (len(names) + 1)]
    for title, row in results.items():
        cells = [f"{row[n][column]:.{digits}f}" if n in row else "-" for n in names]
        share = ratio(found, title, row, column)
        lines.append(f"| {title} | " + " | ".join(cells) + f" | **{'-' if share is None else f'{share:.2f}'}** |")
    return "\n".join(lines)


def markdown(found):
    parts = [f"Machine: {platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}. "
             f"{found['rounds']} interleaved rounds of {found['seconds']} s; medians.\n",
             "\n".join(f"- {name}: {version}" for name, version in found["versions"].items())]
    results, idle, workers = found["results"], found["idle"], found["workers"]
    if results:
        parts += ["\n**CPU time of the gateway** (CPU-us each; FETCH and APPEND: CPU-s per GB)\n",
                  table(found, results, "cpu", 2)]
    open_loop = {title: row for title, row in results.items() if "a second" in title}
    if open_loop:
        parts += ["\n**Latency in open loop**, p50 in us\n", table(found, open_loop, "p50_us", 0),
                  "\np99 in us\n", table(found, open_loop, "p99_us", 0)]
    pieces = {title: row for title, row in results.items() if "two writes" in title}
    if pieces:
        parts += ["\n**Latency of clients that write in pieces**, p50 in us\n", table(found, pieces, "p50_us", 0)]
    if found["storm"]:
        parts += ["\n**A storm of handshakes**, TLS 1.3 ECDSA, X25519MLKEM768: every client new\n", storm.table(found["storm"])]
    if idle:
        parts += ["\n**Memory** of idle logged-in sessions, PSS KiB each\n", table(found, idle, "kib_per_session", 1),
                  "\nleft after they have gone, MiB\n", table(found, idle, "left_mib", 1),
                  "\nCPU of the idle sessions, percent of a core\n", table(found, idle, "idle_cpu_percent", 2)]
    if workers:
        parts += ["\n**Workers**: CPU-us of a full handshake, TLS 1.3 ECDSA\n",
                  "| workers | CPU-us each |\n|---:|---:|\n" +
                  "\n".join(f"| {count} | {used:.2f} |" for count, used in workers.items())]
    return "\n".join(parts) + "\n"


PLOT = """
set terminal svg size 1000,{height} font "sans,12" background "white"
set output "{out}/bench.svg"
set title "postern beside the best peer of each row (less is better)"
set style fill solid
set xrange [0:{most}]
set yrange [{rows}-0.4:-0.6]
set arrow from 1,-0.6 to 1,{rows}-0.4 nohead dashtype 2
set xlabel "CPU time or memory, postern / best peer"
set lmargin 40
unset key
plot "{out}/bench.dat" using ($2*0.5):0:($2*0.5):(0.35):ytic(1) with boxxyerror linecolor rgb "#336699", \\
     "" using ($2+0.02):0:(sprintf("%.2f", $2)) with labels left
"""


def plot(found, out):
    """One bar a row; nothing without gnuplot or without peers."""
    rows = [(title, ratio(found, title, row, "cpu")) for title, row in found["results"].items()]
    rows += [(title, ratio(found, title, row, "kib_per_session")) for title, row in found["idle"].items()]
    rows = [(title, share) for title, share in rows if share is not None]
    if not rows or shutil.which("gnuplot") is None:
        return
    (out / "bench.dat").write_text("".join(f'"{title}" {share:.4f}\n' for title, share in rows), encoding="utf-8")
    script = PLOT.format(out=out, rows=len(rows), height=80 + 34 * len(rows),
                         most=max(1.2, 1.1 * max(share for _, share in rows)))
    subprocess.run(["gnuplot"], input=script, text=True, check=True)


def write(found, out):
    text = markdown(found)
    out.mkdir(parents=True, exist_ok=True)
    (out / "bench.md").write_text(text, encoding="utf-8")
    (out / "bench.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    plot(found, out)
    print(text)
