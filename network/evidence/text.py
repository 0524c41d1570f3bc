"""The result for a terminal."""

from collections import Counter
from collections.abc import Iterator

from network.evidence.judge import PROVED
from network.evidence.result import Evidence, Level


def text(found: Evidence) -> str:
    """Return the table of flows, the findings and the verdict."""
    return "\n".join(_lines(found))


def _lines(found: Evidence) -> Iterator[str]:
    yield f"Environment {found.environment}, {len(found.hosts)} hosts, {found.rules} rules; {found.gathered}"
    yield ""
    rows = [("flow", "from -> to", "service", "proved", "probed", "connections", "review by")]
    rows += [
        (
            each.flow,
            f"{each.source} -> {each.destination}" if each.source else "-",
            each.services,
            each.proved,
            each.probed or "-",
            str(each.connections),
            each.review_by.isoformat(),
        )
        for each in found.flows
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    yield ""
    wrong = sum(each.proved != PROVED for each in found.pairs)
    yield f"{len(found.pairs)} pairs of zones proved, {wrong} differ; probed live: {_total(found)}"
    if found.controls:
        failed = sum(bool(each.findings) for each in found.controls)
        yield f"{len(found.controls)} controls looked at, {failed} with findings"
    for finding in found.findings:
        yield f"{finding.level.value:<7}  {finding.rule}  {finding.subject}: {finding.text} ({finding.where})"
    levels = Counter(finding.level for finding in found.findings)
    yield ""
    yield (
        f"{'HOLDS' if found.holds else 'DOES NOT HOLD'}: {found.obligations} obligations; "
        + ", ".join(f"{levels[level]} {level.value}s" for level in Level)
    )


def _total(found: Evidence) -> str:
    probed = sum(bool(each.probed) for each in found.pairs)
    return f"{probed} pairs" if probed else "no"
