"""The result as JUnit XML: a test for each flow in each pair of zones, each control on each host, each finding."""

from xml.etree.ElementTree import Element, SubElement, tostring

from network.evidence.judge import DIFFERS
from network.evidence.result import Evidence, Level

# What XML 1.0 cannot hold at all.
_ILLEGAL = {code: None for code in range(32) if code not in (9, 10, 13)}


def junit(found: Evidence) -> str:
    """Return the document. An error is a failure; a note is in the test's output."""
    suites = Element("testsuites", name=f"sallyport evidence of {found.environment}")
    told = {(each.rule, each.subject) for each in found.findings}
    flows = _suite(suites, "flows")
    for each in found.flows:
        case = _case(flows, "flow", f"{each.flow} {each.source} -> {each.destination}".strip())
        if each.proved == DIFFERS:
            _fail(case, f"what is loaded differs from the policy between {each.source} and {each.destination}")
        SubElement(case, "system-out").text = _clean(f"{each.connections} connections; probed: {each.probed or 'no'}")
    controls = _suite(suites, "controls")
    for control in found.controls:
        case = _case(
            controls, control.control, f"{control.control} on {control.host} ({', '.join(control.references)})"
        )
        for text in control.findings:
            _fail(case, text)
    others = _suite(suites, "findings")
    for rule, subject in sorted(told):
        case = _case(others, rule, f"{rule} {subject}")
        for finding in found.findings:
            if (finding.rule, finding.subject) == (rule, subject):
                if finding.level is Level.ERROR:
                    _fail(case, f"{finding.text} ({finding.where})")
                else:
                    SubElement(case, "system-out").text = _clean(finding.text)
    for suite in suites:
        cases = suite.findall("testcase")
        suite.set("tests", str(len(cases)))
        suite.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    return tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _suite(suites: Element, name: str) -> Element:
    return SubElement(suites, "testsuite", name=name)


def _case(suite: Element, group: str, name: str) -> Element:
    return SubElement(suite, "testcase", classname=group, name=_clean(name))


def _fail(case: Element, text: str) -> None:
    SubElement(case, "failure", message=_clean(text))


def _clean(text: str) -> str:
    return text.translate(_ILLEGAL)
