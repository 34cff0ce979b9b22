// The style of the status page. A change of it changes its hash, by which the page's policy knows
// it: integration.status prints the new one.
#pragma once

namespace postern {

inline constexpr const char* kStyle = R"(
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--line:#d5dae0;--back:#fff;--card:#f5f7f9;
--good:#1a7f37;--note:#0b62b8;--warning:#8f5600;--failing:#c01c28}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ed;--soft:#9aa4af;--line:#343b44;--back:#14171b;--card:#1d2127;
--good:#57c973;--note:#6cb3ff;--warning:#f0b040;--failing:#ff7b81}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:72rem;padding:1rem;background:var(--back);color:var(--ink);
font:1rem/1.5 system-ui,sans-serif;overflow-wrap:break-word}
h1{font-size:1.1rem;margin:0}h2{font-size:1.15rem;margin:2rem 0 .5rem}h3{font-size:1rem;margin:0}
p{margin:.3rem 0}code{font-size:.92em;background:var(--card);padding:0 .2em;border-radius:3px}
.soft{color:var(--soft)}.small{font-size:.88rem}
.verdict{border-left:.5rem solid var(--good);background:var(--card);padding:.8rem 1rem;margin:1rem 0}
.verdict strong{font-size:1.25rem;display:block;line-height:1.35}
.verdict.note{border-color:var(--note)}.verdict.warning{border-color:var(--warning)}
.verdict.failing{border-color:var(--failing)}
.good{color:var(--good)}.note{color:var(--note)}.warning{color:var(--warning)}.failing{color:var(--failing)}
.verdict.note,.verdict.warning,.verdict.failing,.verdict.good{color:var(--ink)}
.card{border:1px solid var(--line);border-radius:6px;padding:.6rem .8rem;margin:.5rem 0}
nav{margin:.5rem 0}nav a{margin-right:.8rem;white-space:nowrap;color:var(--note)}
table{border-collapse:collapse;width:100%}
th{text-align:left;font-weight:600;color:var(--soft);white-space:nowrap}
th,td{padding:.3rem .7rem .3rem 0;border-bottom:1px solid var(--line);vertical-align:top}
td.name,q{overflow-wrap:anywhere}td.number,td.state,.at span{white-space:nowrap}
svg{width:100%;height:7rem;display:block}
svg .area{fill:var(--note);fill-opacity:.2}svg .now{fill:none;stroke:var(--note);stroke-width:2;
vector-effect:non-scaling-stroke}svg .bad{fill:var(--failing)}
pre{white-space:pre-wrap;margin:.3rem 0;font-size:.88rem}
@media(max-width:40rem){
thead{position:absolute;clip-path:inset(50%)}
tr{display:block;border-bottom:1px solid var(--line);padding:.4rem 0}
td{display:block;border:0;padding:.05rem 0;overflow-wrap:anywhere}td:empty{display:none}
td[data-name]::before{content:attr(data-name) ": ";color:var(--soft)}}
)";
inline constexpr const char* kStyleHash = "sha256-7ukGeHQEJ4W3zPYuezk0Qc2wVKoLgsJkBgOyiGHv5JQ=";

}  // namespace postern
