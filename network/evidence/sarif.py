"""The result as SARIF 2.1.0 (OASIS), which code hosts show beside the line of the policy."""

import json
import re
from typing import Any

from network.evidence.result import Evidence, Finding

_SAYS = {
    "reach-extra": "Packets get through that no flow allows",
    "reach-missing": "Packets of a flow do not get through",
    "obligation": "A claim of the proof does not hold",
    "probe": "A live probe did not come out as the policy says",
    "review-past": "The day of a flow's review has passed",
    "review-soon": "A flow's review is due soon",
    "shadowed": "A flow's rules do nothing on a host",
    "unused": "A flow was not used since its rules were loaded",
}
_PLACE = re.compile(r"(?P<file>[^:]+):(?P<line>[0-9]+)")


def sarif(found: Evidence) -> str:
    """Return the document."""
    rules = sorted({finding.rule for finding in found.findings})
    run = {
        "tool": {
            "driver": {
                "name": "sallyport",
                "rules": [
                    {
                        "id": rule,
                        "shortDescription": {"text": _SAYS.get(rule, f"Control {rule.removeprefix('control-')}")},
                    }
                    for rule in rules
                ],
            }
        },
        "results": [_result(finding, rules.index(finding.rule)) for finding in found.findings],
    }
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return json.dumps(document, indent=2) + "\n"


def _result(finding: Finding, index: int) -> dict[str, Any]:
    place = _PLACE.fullmatch(finding.where)
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": finding.level.value,
        "message": {"text": f"{finding.subject}: {finding.text}"},
    }
    file = place["file"] if place else finding.where
    if place or file.endswith(".yml"):
        location: dict[str, Any] = {"artifactLocation": {"uri": file}}
        if place:
            location["region"] = {"startLine": int(place["line"])}
        result["locations"] = [{"physicalLocation": location}]
    return result
