"""The result as JUnit XML: a test for each flow and each pair of zones, each control on each host, each finding."""

from xml.etree.ElementTree import Element, SubElement, tostring

from network.evidence.judge import DIFFERS, PROVED
from network.evidence.result import Evidence, Finding, Level

# What XML 1.0 cannot hold at all.
_ILLEGAL = {code: None for code in range(32) if code not in (9, 10, 13)}


def junit(found: Evidence) -> str:
    """Return the document. An error is a failure, what is not known an error, and a note is in the test's output."""
    suites = Element("testsuites", name=f"sallyport evidence of {found.environment}")
    flows = _suite(suites, "flows")
    for each in found.flows:
        case = _case(flows, "flow", f"{each.flow} {each.source} -> {each.destination}".strip())
        if each.proved == DIFFERS:
            _fail(case, f"what is loaded differs from the policy between {each.source} and {each.destination}")
        SubElement(case, "system-out").text = _clean(f"{each.connections} connections; probed: {each.probed or 'no'}")
    pairs = _suite(suites, "pairs of zones")
    for pair in found.pairs:
        case = _case(pairs, "zone-pair", f"{pair.source} -> {pair.destination}")
        if pair.proved != PROVED:
            _fail(case, f"what is loaded {pair.proved}")
        SubElement(case, "system-out").text = _clean(f"probed: {pair.probed or 'no'}")
    controls = _suite(suites, "controls")
    for control in found.controls:
        case = _case(
            controls, control.control, f"{control.control} on {control.host} ({', '.join(control.references)})"
        )
        for text in control.findings:
            _fail(case, text)
    others = _suite(suites, "findings")
    for rule, subject in sorted({(each.rule, each.subject) for each in found.findings}):
        case = _case(others, rule, f"{rule} {subject}")
        for finding in found.findings:
            if (finding.rule, finding.subject) == (rule, subject):
                _tell(case, finding)
    for suite in suites:
        cases = suite.findall("testcase")
        suite.set("tests", str(len(cases)))
        suite.set("failures", str(sum(case.find("failure") is not None for case in cases)))
        suite.set("errors", str(sum(case.find("error") is not None for case in cases)))
    return tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _suite(suites: Element, name: str) -> Element:
    return SubElement(suites, "testsuite", name=name)


def _case(suite: Element, group: str, name: str) -> Element:
    return SubElement(suite, "testcase", classname=group, name=_clean(name))


def _tell(case: Element, finding: Finding) -> None:
    if finding.level is Level.ERROR:
        _fail(case, f"{finding.text} ({finding.where})")
    elif finding.level is Level.WARNING:
        SubElement(case, "error", message=_clean(f"not known: {finding.text} ({finding.where})"))
    else:
        SubElement(case, "system-out").text = _clean(finding.text)


def _fail(case: Element, text: str) -> None:
    SubElement(case, "failure", message=_clean(text))


def _clean(text: str) -> str:
    return text.translate(_ILLEGAL)
