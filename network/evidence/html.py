"""The result as one HTML page for an auditor: no script, nothing from elsewhere, everything escaped, fit for paper."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape

from network.evidence.judge import DIFFERS, PROVED
from network.evidence.result import Evidence, FlowEvidence, Level, PairEvidence

_STYLE = """
:root{color-scheme:light dark;--ink:#1c2330;--paper:#fff;--line:#c9d0da;--soft:#f3f5f8;--good:#17643a;--bad:#a1161f}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ef;--paper:#14181f;--line:#3a4352;--soft:#1d232d;--good:#6fd39b;
--bad:#ff8f8f}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:2rem auto;max-width:76rem;
padding:0 1.25rem}
h1{font-size:1.7rem;margin:0 0 .25rem}h2{font-size:1.2rem;margin:2.25rem 0 .5rem}
p.lead{margin:.2rem 0 1.2rem}.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid var(--line)}
th{background:var(--soft);font-weight:600}td.number{text-align:right;font-variant-numeric:tabular-nums}td.short{white-space:nowrap}
.good{color:var(--good);font-weight:600}.bad{color:var(--bad);font-weight:600}
.verdict{display:inline-block;border:2px solid;border-radius:.4rem;padding:.3rem .8rem;font-size:1.1rem}
small{opacity:.8}
@media print{body{margin:0;max-width:none;font-size:11px}h2{break-after:avoid}tr{break-inside:avoid}}
"""


def html(found: Evidence) -> str:
    """Return the page."""
    errors = [each for each in found.findings if each.level is Level.ERROR]
    notes = [each for each in found.findings if each.level is Level.NOTE]
    doubts = [each for each in found.findings if each.level is Level.WARNING]
    good = not errors and not doubts
    verdict = f"{len(errors)} findings" if errors else "Not enough is known" if doubts else "No findings"
    title = f"Evidence: {found.environment}, {found.today.isoformat()}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="lead">{len(found.hosts)} hosts, {found.rules} loaded rules, {escape(found.gathered)}.</p>',
        f'<p><span class="verdict {"good" if good else "bad"}">{verdict}'
        f"</span> &nbsp; {found.obligations} obligations of the proof "
        f"{'hold' if found.holds else 'were looked at, and not all hold'}; {len(notes)} notes.</p>",
        "<h2>From zone to zone</h2><p>Every pair of zones, end to end: what the policy allows, whether the loaded "
        "rules allow exactly that, and what the live probe found. Open and denied are as declared, each denial proven; "
        "nothing else is.</p>",
        _matrix(found),
        "<h2>Findings</h2>",
        _table(
            ("level", "kind", "subject", "what was found", "where"),
            [(each.level.value, each.rule, each.subject, each.text, each.where) for each in (*errors, *doubts, *notes)],
            "Nothing was found.",
        ),
        "<h2>Flows</h2><p>What the policy allows; everything else is denied. Connections are those that "
        "the whole flow opened since the rules were loaded (see Hosts), by host: a packet meets "
        "several on its way.</p>",
        _flows(found),
    ]
    if found.controls:
        parts += [
            "<h2>Controls</h2>",
            _table(
                ("control", "says", "standards", "host", "result"),
                [
                    (
                        each.control,
                        each.title,
                        ", ".join(each.references),
                        each.host,
                        "; ".join(each.findings) or PROVED,
                    )
                    for each in found.controls
                ],
                "",
            ),
        ]
    parts += [
        "<h2>Hosts</h2>",
        _table(
            ("host", "answered", "system", "loaded rules", "counting since", "controls"),
            [
                (
                    each.host,
                    _time(each.answered),
                    each.system,
                    str(each.rules),
                    _time(each.since),
                    _held(found, each.host),
                )
                for each in found.hosts
            ],
            "",
        ),
        "<h2>What the proof takes for granted</h2>",
        f"<ul>{''.join(f'<li>{escape(each)}</li>' for each in found.trust)}</ul>",
    ]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main>{''.join(parts)}</main></body></html>\n"
    )


def _flows(found: Evidence) -> str:
    rows = [
        "<tr>"
        + "".join(
            (
                f"<td>{escape(each.flow)}<br><small>{escape(each.why)}</small></td>",
                f'<td class="short">{escape(f"{each.source} → {each.destination}" if each.source else "–")}</td>',
                f"<td>{escape(each.services)}</td>",
                f"<td>{_cell(each.proved)}</td>",
                f"<td>{escape(each.probed or 'not probed')}</td>",
                f'<td class="number">{each.connections}<br><small>{escape(_counted(each))}</small></td>',
                f"<td>{escape(each.owner)}</td>",
                f'<td class="short">{each.review_by.isoformat()}</td>',
            )
        )
        + "</tr>"
        for each in found.flows
    ]
    head = ("flow", "from → to", "service", "proved", "probed", "connections", "owner", "review by")
    return f'<div class="wide"><table>{_head(head)}<tbody>{"".join(rows)}</tbody></table></div>'


def _counted(flow: FlowEvidence) -> str:
    return ", ".join(f"{host} {count.packets}" for host, count in flow.counted_on.items() if count.packets)


def _matrix(found: Evidence) -> str:
    zones = tuple(dict.fromkeys(each.source for each in found.pairs))
    pairs = {(each.source, each.destination): each for each in found.pairs}
    rows = [
        f'<tr><th scope="row">{escape(source)}</th>'
        + "".join(f"<td>{_pair(pairs[source, destination])}</td>" for destination in zones)
        + "</tr>"
        for source in zones
    ]
    return f'<div class="wide"><table>{_head(("from ↓ to →", *zones))}<tbody>{"".join(rows)}</tbody></table></div>'


def _pair(pair: PairEvidence) -> str:
    flows = "<br>".join(escape(flow) for flow in pair.flows) or "nothing"
    probed = f"<br><small>{escape(pair.probed)}</small>" if pair.probed else ""
    return f"{flows}<br>{_cell(pair.proved)}{probed}"


def _held(found: Evidence, host: str) -> str:
    mine = [each for each in found.controls if each.host == host]
    held = sum(not each.findings for each in mine)
    return f"{held} of {len(mine)} hold" if mine else "not looked at"


def _time(moment: datetime | None) -> str:
    return "not known" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], nothing: str) -> str:
    if not rows:
        return f"<p>{escape(nothing)}</p>"
    body = "".join("<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table>{_head(head)}<tbody>{body}</tbody></table></div>'


def _cell(text: str) -> str:
    kind = "bad" if text == Level.ERROR.value or text.startswith(DIFFERS) else "good" if text == PROVED else None
    return f'<span class="{kind}">{escape(text)}</span>' if kind else escape(text)


def _head(names: Iterable[str]) -> str:
    return "<thead><tr>" + "".join(f'<th scope="col">{escape(name)}</th>' for name in names) + "</tr></thead>"
