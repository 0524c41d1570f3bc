"""The policy's text as typed values with marks. What needs the inventory is checked by `network.read.join`."""

import re
from dataclasses import dataclass, replace
from datetime import date

from network.model import HttpGuard, Service
from network.read.shape import Named, Shape, did_you_mean, listed, suggestion
from network.read.tree import Entry, Mapping, Mark, Scalar, Sequence, Value

TRUSTS = ("untrusted", "public", "private", "management")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_SECTIONS = ("version", "zones", "services", "choices", "externals", "flows")
_FLOW_NEEDS = ("id", "from", "to", "service", "why", "owner", "review_by")
FLOW_KEYS = (*_FLOW_NEEDS, "when", "publish", "http", "any_destination")
_FLOW_EXAMPLE = "Write '- id: …', then from, to, service, why, owner and review_by; see docs/policy.md."
_SERVICE = re.compile(r"(?P<protocol>[^/]*)/(?P<first>[0-9]{1,6})(-(?P<last>[0-9]{1,6}))?")
_HTTP_PATH = re.compile(r"(/([A-Za-z0-9._~-]+|\{[a-z][a-z0-9_]*\}))*/?")
_DOTS = re.compile(r"(^|/)\.{1,2}(/|$)")


@dataclass(frozen=True)
class ZoneSource:
    """A zone as the policy has it, without networks."""

    name: str
    mark: Mark
    trust: str
    purpose: str


@dataclass(frozen=True)
class FlowSource:
    """A flow whose names have not been looked up yet."""

    id: str
    mark: Mark
    sources: tuple[Named, ...]
    destinations: tuple[Named, ...]
    services: tuple[Named, ...]
    publish: Named | None
    http: HttpGuard | None
    http_mark: Mark
    why: str
    owner: str
    review_by: date
    any_destination: Named | None
    when: tuple["ConditionSource", ...] = ()


@dataclass(frozen=True)
class ConditionSource:
    """A flow is there only where the environment chooses one of `options` of `choice`."""

    choice: Named
    options: tuple[Named, ...]


@dataclass(frozen=True)
class ChoiceSource:
    """Something that each environment chooses one option of, and that flows may depend on."""

    mark: Mark
    options: tuple[str, ...]


@dataclass(frozen=True)
class VariantSource:
    """A service of which each environment chooses one variant. `services` are by the variants' names."""

    mark: Mark
    services: dict[str, Service]


@dataclass(frozen=True)
class PolicySource:
    """The policy, before it meets an inventory. `externals` map names to purposes.

    `services` holds those with one port; `variants` are resolved by the inventory's choice.
    """

    zones: dict[str, ZoneSource]
    services: dict[str, Service]
    variants: dict[str, VariantSource]
    choices: dict[str, ChoiceSource]
    externals: dict[str, str]
    flows: tuple[FlowSource, ...]


def read(tree: Value, shape: Shape) -> PolicySource:
    """Read the tree of a policy. What is wrong is reported to `shape` and left out of the answer."""
    policy = PolicySource({}, {}, {}, {}, {}, ())
    document = shape.mapping(tree, "the policy", "Write the sections version, zones, services and flows.")
    if document is None:
        return policy
    shape.keys(document, "the policy", _SECTIONS, ("version", "zones", "services", "flows"))
    sections = document.entries
    if "version" in sections:
        _version(sections["version"].value, shape)
    if "zones" in sections:
        policy.zones.update(_zones(sections["zones"].value, shape))
    if "services" in sections:
        _services(sections["services"].value, policy, shape)
    if "choices" in sections:
        policy.choices.update(_choices(sections["choices"].value, policy, shape))
    if "externals" in sections:
        policy.externals.update(_externals(sections["externals"].value, shape))
    flows = _flows(sections["flows"].value, shape) if "flows" in sections else ()
    for flow in flows:
        _conditions_are_known(flow, policy, shape)
    return replace(policy, flows=flows)


def _version(value: Value, shape: Shape) -> None:
    if not (isinstance(value, Scalar) and value.text == "1"):
        shape.report(
            value.mark, f"version {value}", "this program reads version 1 of the grammar", "Write 'version: 1'."
        )


def _zones(value: Value, shape: Shape) -> dict[str, ZoneSource]:
    remedy = "Write 'dmz: {trust: public, purpose: …}' for each zone."
    section = shape.mapping(value, "'zones'", remedy)
    found: dict[str, ZoneSource] = {}
    for name, entry in section.entries.items() if section else ():
        # A zone that is not quite right is still a zone: what names it is not reported as well.
        found[name] = ZoneSource(name, entry.key, "private", "")
        what = f"zone {name}"
        shape.name(name, entry.key, "a zone's name", 20)
        zone = shape.mapping(entry.value, what, remedy)
        if zone is None:
            continue
        needs = ("trust", "purpose")
        shape.keys(zone, what, needs, needs)
        trust, purpose = shape.text(zone, "trust", what), shape.text(zone, "purpose", what)
        if trust is not None and trust not in TRUSTS:
            remedy = did_you_mean(trust, TRUSTS, "Choose one of them.")
            shape.report(zone.entries["trust"].value.mark, f"trust '{trust}'", f"trust is {listed(TRUSTS)}", remedy)
            trust = None
        found[name] = ZoneSource(name, entry.key, trust or "private", purpose or "")
    for trust, meaning in (
        ("untrusted", "is the world outside"),
        ("management", "is where hosts are administered from"),
    ):
        _exactly_one(trust, meaning, found, shape, section)
    return found


def _exactly_one(trust: str, meaning: str, zones: dict[str, ZoneSource], shape: Shape, section: Mapping | None) -> None:
    those = [zone for zone in zones.values() if zone.trust == trust]
    if section is None or len(those) == 1 or (not those and shape.problems):
        return
    rule = f"exactly one zone has 'trust: {trust}': it {meaning}"
    if those:
        found = f"'trust: {trust}' in the zones {listed(zone.name for zone in those)}"
        shape.report(those[1].mark, found, rule, f"Give {those[1].name} another trust: {listed(TRUSTS)}.")
    else:
        shape.report(section.mark, f"no zone with 'trust: {trust}'", rule, f"Give one zone 'trust: {trust}'.")


def _services(value: Value, policy: PolicySource, shape: Shape) -> None:
    remedy = "Write 'https: tcp/443' for each service."
    section = shape.mapping(value, "'services'", remedy)
    if section is not None and not section.entries:
        shape.report(section.mark, "no service", "flows name services, so a policy has some", remedy)
    for name, entry in section.entries.items() if section else ():
        shape.name(name, entry.key, "a service's name", 30)
        if isinstance(entry.value, Mapping):
            variants = _variants(name, entry.value, shape)
            policy.variants[name] = VariantSource(entry.key, variants)
            # Until the inventory has chosen.
            policy.services[name] = next(iter(variants.values()), Service(name, "tcp", 0, 0))
            continue
        written = shape.scalar(entry.value, f"service {name}", "Write a protocol and a port: 'tcp/443'.")
        # A service that is not quite right is still known by its name; port 0 never reaches a rule.
        policy.services[name] = (_service(name, written, shape) if written else None) or Service(name, "tcp", 0, 0)


def _variants(name: str, value: Mapping, shape: Shape) -> dict[str, Service]:
    found: dict[str, Service] = {}
    for variant, entry in value.entries.items():
        shape.name(variant, entry.key, "a variant's name", 30)
        written = shape.scalar(entry.value, f"variant {variant} of service {name}", "Write 'rabbitmq: tcp/5671'.")
        found[variant] = (_service(name, written, shape) if written else None) or Service(name, "tcp", 0, 0)
    if len(found) < 2:
        rule = "a service with variants has at least two, of which an environment chooses one"
        shape.report(value.mark, f"{len(found)} variants of service {name}", rule, "Write 'NAME: tcp/PORT' instead.")
    return found


def _service(name: str, written: Scalar, shape: Shape) -> Service | None:
    match = _SERVICE.fullmatch(written.text.strip())
    rule = "a service is a protocol and a port: tcp or udp, and 1 to 65535, or a range from the lower to the higher"
    if match is None or match["protocol"] not in ("tcp", "udp"):
        lower = written.text.strip().lower()
        if re.fullmatch(r"[0-9]+(-[0-9]+)?", lower):
            remedy = f"Write 'tcp/{lower}'."
        elif _SERVICE.fullmatch(lower) and (near := suggestion(lower.split("/")[0], ("tcp", "udp"))):
            remedy = f"Write '{near}/{lower.split('/')[1]}'."
        else:
            remedy = "Write it like 'tcp/443', 'udp/123' or 'tcp/8000-8010'."
        shape.report(written.mark, f"service {name}: {written}", rule, remedy)
        return None
    first = int(match["first"])
    last = int(match["last"] or first)
    if 1 <= first <= last <= 65535:
        return Service(name, match["protocol"], first, last)
    shape.report(written.mark, f"service {name}: {written}", rule, "Correct the port.")
    return None


def _choices(value: Value, policy: PolicySource, shape: Shape) -> dict[str, ChoiceSource]:
    remedy = "Write 'transport: [http, grpc]' for each choice."
    section = shape.mapping(value, "'choices'", remedy)
    found: dict[str, ChoiceSource] = {}
    for name, entry in section.entries.items() if section else ():
        shape.name(name, entry.key, "a choice's name", 30)
        options: list[str] = []
        for option in shape.items(entry.value, f"choice {name}", remedy):
            shape.name(option.text, option.mark, "an option's name", 30)
            if option.text in options:
                found_twice = f"the option '{option.text}' of choice {name} again"
                shape.report(option.mark, found_twice, "an option is given once", "Remove one of the two.")
            options.append(option.text)
        if len(options) < 2:
            rule = "a choice has at least two options, of which an environment takes one"
            shape.report(entry.value.mark, f"{len(options)} options of choice {name}", rule, "Add one, or remove it.")
        if name in policy.variants:
            rule = "a choice and a service with variants do not share a name: an environment chooses by it"
            shape.report(entry.key, f"choice {name}, beside a service of that name", rule, "Rename one of the two.")
        found[name] = ChoiceSource(entry.key, tuple(options))
    return found


def _conditions_are_known(flow: FlowSource, policy: PolicySource, shape: Shape) -> None:
    known = {name: choice.options for name, choice in policy.choices.items()}
    known |= {name: tuple(source.services) for name, source in policy.variants.items()}
    for condition in flow.when:
        choice = condition.choice
        if choice.name not in known:
            rule = "a flow depends on a choice of the policy, or on a service that has variants"
            remedy = did_you_mean(choice.name, known, f"Known: {listed(known) or 'none'}.")
            shape.report(choice.mark, f"'{choice.name}' in 'when' of flow {flow.id}", rule, remedy)
            continue
        for option in condition.options:
            if option.name not in known[choice.name]:
                rule = f"a flow depends on options that {choice.name} has"
                remedy = did_you_mean(option.name, known[choice.name], f"Known: {listed(known[choice.name])}.")
                shape.report(option.mark, f"'{option.name}' in 'when' of flow {flow.id}", rule, remedy)


def _externals(value: Value, shape: Shape) -> dict[str, str]:
    remedy = "Write 'operators: {purpose: …}' for each peer outside the fleet."
    section = shape.mapping(value, "'externals'", remedy)
    found: dict[str, str] = {}
    for name, entry in section.entries.items() if section else ():
        found[name] = ""
        what = f"external {name}"
        shape.name(name, entry.key, "an external's name", 24)
        external = shape.mapping(entry.value, what, remedy)
        if external is not None:
            shape.keys(external, what, ("purpose",), ("purpose",))
            found[name] = shape.text(external, "purpose", what) or ""
    return found


def _flows(value: Value, shape: Shape) -> tuple[FlowSource, ...]:
    if not isinstance(value, Sequence):
        shape.report(value.mark, f"{value} as 'flows'", "'flows' is a list", _FLOW_EXAMPLE)
        return ()
    flows: dict[str, FlowSource] = {}
    for item in value.items:
        mapping = shape.mapping(item, "a flow", _FLOW_EXAMPLE)
        flow = _flow(mapping, shape) if mapping else None
        if flow is None:
            continue
        if flow.id in flows:
            found = f"the flow id '{flow.id}' again (first at {flows[flow.id].mark})"
            shape.report(flow.mark, found, "a flow's id is its own", "Give this flow another id.")
        else:
            flows[flow.id] = flow
    return tuple(flows.values())


def _flow(flow: Mapping, shape: Shape) -> FlowSource | None:
    before = len(shape.problems)
    id_ = shape.text(flow, "id", "a flow")
    what = f"flow {id_}" if id_ else "a flow"
    shape.keys(flow, what, FLOW_KEYS, _FLOW_NEEDS)
    entries = flow.entries
    if id_ is not None:
        shape.name(id_, entries["id"].value.mark, "a flow's id", 60)
    why, owner = shape.text(flow, "why", what), shape.text(flow, "owner", what)
    review_by = _date(entries["review_by"].value, what, shape) if "review_by" in entries else None
    http = _http(entries["http"], what, shape) if "http" in entries else None
    publish = _word(flow, "publish", what, shape)
    any_destination = _word(flow, "any_destination", what, shape)
    when = _when(entries["when"].value, what, shape) if "when" in entries else ()
    sources = _names(flow, "from", what, shape)
    destinations = _names(flow, "to", what, shape)
    services = _names(flow, "service", what, shape)
    if len(shape.problems) > before or not (id_ and why and owner and review_by):
        return None
    http_mark = entries["http"].key if "http" in entries else flow.mark
    return FlowSource(
        id=id_,
        mark=flow.mark,
        sources=sources,
        destinations=destinations,
        services=services,
        publish=publish,
        http=http,
        http_mark=http_mark,
        why=why,
        owner=owner,
        review_by=review_by,
        any_destination=any_destination,
        when=when,
    )


def _when(value: Value, what: str, shape: Shape) -> tuple[ConditionSource, ...]:
    remedy = "Write '{transport: [http, grpc]}'."
    section = shape.mapping(value, f"'when' of {what}", remedy)
    if section is not None and not section.entries:
        shape.report(section.mark, f"an empty 'when' of {what}", "a condition names a choice", remedy)
    found = []
    for name, entry in section.entries.items() if section else ():
        options = shape.items(entry.value, f"'{name}' in 'when' of {what}", remedy)
        named = tuple(Named(option.text, option.mark) for option in options)
        found.append(ConditionSource(Named(name, entry.key), named))
    return tuple(found)


def _names(flow: Mapping, key: str, what: str, shape: Shape) -> tuple[Named, ...]:
    if key not in flow.entries:
        return ()
    remedy = (
        "Write a service's name, or a list of them." if key == "service" else "Name a group, zone, host or external."
    )
    items = shape.items(flow.entries[key].value, f"'{key}' of {what}", remedy)
    names: dict[str, Named] = {}
    for item in items:
        if item.text in names:
            shape.report(
                item.mark, f"{item} twice in '{key}' of {what}", "a name is given once", "Remove one of the two."
            )
        names[item.text] = Named(item.text, item.mark)
    return tuple(names.values())


def _word(flow: Mapping, key: str, what: str, shape: Shape) -> Named | None:
    text = shape.text(flow, key, what)
    return Named(text, flow.entries[key].value.mark) if text else None


def _date(value: Value, what: str, shape: Shape) -> date | None:
    if isinstance(value, Scalar) and isinstance(value.value, date):
        return value.value
    rule = "'review_by' is the day by which somebody looks at the flow again: YYYY-MM-DD (PCI DSS 1.2.7)"
    shape.report(value.mark, f"review_by {value} in {what}", rule, "Write a date such as 2027-06-01, without quotes.")
    return None


def _http(entry: Entry, what: str, shape: Shape) -> HttpGuard | None:
    guard = shape.mapping(entry.value, f"'http' of {what}", "Write '{method: PUT, path: /…, auth: …}'.")
    if guard is None:
        return None
    needs = ("method", "path", "auth")
    before = len(shape.problems)
    shape.keys(guard, f"'http' of {what}", needs, needs)
    method, path, auth = (shape.text(guard, key, f"'http' of {what}") for key in needs)
    if method is not None and method not in METHODS:
        near = method.upper() if method.upper() in METHODS else None
        remedy = f"Write '{near}'." if near else did_you_mean(method.upper(), METHODS, "Choose one of them.")
        mark = guard.entries["method"].value.mark
        shape.report(mark, f"method '{method}' in {what}", f"a method is one of {listed(METHODS)}", remedy)
    if path is not None and not (_HTTP_PATH.fullmatch(path) and path and not _DOTS.search(path)):
        rule = "a path starts with '/', has plain segments or whole '{name}' ones, and no '//', dots, blanks or query"
        remedy = "Write it like '/stocks/{id}/put', in quotes."
        shape.report(guard.entries["path"].value.mark, f"path '{path}' in {what}", rule, remedy)
    if auth is not None:
        shape.name(auth, guard.entries["auth"].value.mark, "the name of a guard's credential", 40)
    if len(shape.problems) > before or method is None or path is None or auth is None:
        return None
    return HttpGuard(method, path, auth)
