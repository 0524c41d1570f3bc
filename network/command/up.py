"""``sallyport up``: the lab from nothing, or from wherever it is, to provisioned and verified."""

import argparse

from network.command import laboratory
from network.command.console import Console
from network.command.laboratory import Laboratory
from network.errors import UserError
from network.lab import blueprint, bootstrap, connection, doctor, engine, hosts, image, mirrors, passage, provision
from network.lab.plan import Plan
from network.lab.progress import Progress
from network.lab.state import ROOT, State

HELP = "raise the lab: ten hosts in Docker, provisioned and verified; carries on where it was interrupted"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--hosts-only", action="store_true", help="stop before the hosts are provisioned")
    parser.add_argument(
        "--expect-unchanged",
        action="store_true",
        help="fail when anything had to be changed (a second run changes nothing)",
    )


def run(args: argparse.Namespace) -> int:
    """Raise the lab; 0 when it stands, 1 when something changed that was not expected to."""
    with laboratory.alone(State(ROOT, laboratory.ENVIRONMENT)):
        return _up(Console(), hosts_only=args.hosts_only, expect_unchanged=args.expect_unchanged)


def _up(console: Console, *, hosts_only: bool, expect_unchanged: bool) -> int:
    with console.stage("check") as progress:
        lab = laboratory.read()
        _check(lab, progress)
    log = lab.state.log / "up.log"
    with console.stage("engine") as progress:
        said = engine.ensure(log, progress)
        engine.raise_inotify(progress)
    with console.stage("image") as progress:
        name = image.ensure(log, progress)
    with console.stage("hosts") as progress:
        raised = _raise(lab, name, engine.container_options(said), progress)
    if hosts_only:
        print("\n".join(["", *console.times({}), "", "Next: ./sallyport up provisions them; ./sallyport ssh web1"]))
        return 0
    with console.stage("provision") as progress:
        story = provision.run("playbooks/site.yml", lab.state, progress)
    print("\n".join(["", *console.times({"provision": story.play_seconds()}), ""]))
    changed = [*raised, *(f"{host}: {task}" for host, task in story.changed)]
    print(f"{len(lab.model.fleet.hosts)} hosts stand, {len(changed)} changes made.")
    if expect_unchanged and changed:
        print("\n".join(["Nothing was expected to change, and this did:", *(f"  {line}" for line in changed)]))
        return 1
    print("\n".join(_next(lab)))
    return 0


def _check(lab: Laboratory, progress: Progress) -> None:
    """Look for what would stand in the way, before anything is touched. Raises UserError."""
    machine = doctor.gather(lab.state, lab.ports)
    findings = doctor.judge(machine, lab.model)
    problems = doctor.problems(findings)
    if problems:
        raise UserError(*problems)
    for finding in findings:
        if finding.verdict == "warn":
            progress(finding.subject, finding.text)
    if machine.programs_missing:
        engine.install(machine.programs_missing, lab.state.log / "up.log", progress)
    progress("machine", f"{len(findings)} checks, none in the way")


def _raise(lab: Laboratory, name: str, options: tuple[str, ...], progress: Progress) -> list[str]:
    """Make the hosts and the road to them; return what had to be changed. Raises UserError."""
    model, state = lab.model, lab.state
    drawn = blueprint.draw(model, image=name, ports=lab.ports, options=options, mtu=engine.uplink_mtu())
    jump = bootstrap.jump_host(model)
    key = connection.ensure_key(state)
    versions = {int(network.version) for network in model.fleet.untrusted.networks}
    mirrors_changed = mirrors.refresh(image.image_sources(name), versions, state.machine_variables, progress)
    plan = hosts.raise_all(drawn, state, progress)
    if plan != Plan():
        # Shared connections lead to what these hosts were before.
        connection.close(state)
    passage.grant(model, name)
    keys = hosts.admit(model, key, progress)
    connection.write(model, state, jump, lab.ports, keys)
    progress("ssh", f"{connection.reach(model, state, jump)} hosts answer through {jump.name}")
    return [
        *(f"{item.host}: made" for item in plan.create_containers),
        *(f"{item.zone}: network made" for item in plan.create_networks),
        *(f"{subject}: started" for subject in (*plan.start, *plan.unpause)),
        *(["mirrors: addresses changed"] if mirrors_changed else []),
    ]


def _next(lab: Laboratory) -> list[str]:
    web = lab.ports.get("https")
    shown = lab.state.home / "pki" / "ca.pem"
    lines = [""]
    if web is not None:
        lines.append(f"Open   https://{lab.public_name}:{web.port}/   (its authority: {shown})")
    lines.append("Type   ./sallyport status   ./sallyport show --matrix   ./sallyport ssh web1   ./sallyport test")
    return lines
