"""Every role has the same shape, and says the same of its variables in each place that speaks of them."""

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())
STEPS = ["preflight.yml", "install.yml", "configure.yml", "run.yml"]


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text()) if path.exists() else None


def texts(role: Path) -> dict[str, str]:
    """Return the role's YAML and templates, by path relative to the role."""
    found = [
        path
        for folder in ("tasks", "handlers", "templates", "defaults", "vars")
        for path in role.glob(f"{folder}/**/*")
    ]
    return {str(path.relative_to(role)): path.read_text() for path in found if path.is_file()}


@pytest.fixture(params=ROLES, ids=lambda role: role.name)
def role(request: pytest.FixtureRequest) -> Path:
    assert isinstance(request.param, Path)
    return request.param


def test_shape(role: Path) -> None:
    needed = ["README.md", "defaults/main.yml", "meta/main.yml", "meta/argument_specs.yml", "tasks/main.yml"]
    assert [name for name in needed if not (role / name).exists()] == []


def test_main_is_a_table_of_contents_in_the_common_order(role: Path) -> None:
    main = (role / "tasks/main.yml").read_text()
    steps = [step for step in re.findall(r"(\w+\.yml)", main) if step in STEPS]
    assert steps == [step for step in STEPS if step in steps]
    assert len(main.splitlines()) <= 40


def test_defaults_and_argument_specs_name_the_same_variables(role: Path) -> None:
    defaults = load(role / "defaults/main.yml") or {}
    specs = load(role / "meta/argument_specs.yml")["argument_specs"]["main"].get("options") or {}
    required = {name for name, spec in specs.items() if spec.get("required")}
    assert set(specs) - required == set(defaults)
    assert [name for name, spec in specs.items() if "description" not in spec] == []


def test_literal_defaults_are_the_same_in_both_places(role: Path) -> None:
    defaults = load(role / "defaults/main.yml") or {}
    specs = load(role / "meta/argument_specs.yml")["argument_specs"]["main"].get("options") or {}
    told = {name: spec["default"] for name, spec in specs.items() if "default" in spec}
    assert {name: defaults[name] for name in told} == told


def test_public_variables_are_named_after_the_role(role: Path) -> None:
    defaults = load(role / "defaults/main.yml") or {}
    assert [name for name in defaults if not name.startswith(f"{role.name}_")] == []


def test_internal_variables_are_named_after_the_role(role: Path) -> None:
    names = {name for text in texts(role).values() for name in re.findall(r"\b__[a-z]\w*", text)}
    assert sorted(name for name in names if not name.startswith(f"__{role.name}_")) == []


def test_every_public_variable_is_used(role: Path) -> None:
    used = "\n".join(text for path, text in texts(role).items())
    defaults = load(role / "defaults/main.yml") or {}
    assert [name for name in defaults if len(re.findall(rf"\b{name}\b", used)) < 2] == []


def test_every_notified_handler_is_there_and_every_handler_is_notified(role: Path) -> None:
    handlers: list[dict[str, Any]] = load(role / "handlers/main.yml") or []
    known = {handler["name"] for handler in handlers} | {
        handler["listen"] for handler in handlers if "listen" in handler
    }
    notified: set[str] = set()

    def walk(tasks: list[dict[str, Any]]) -> None:
        for task in tasks:
            notice = task.get("notify", [])
            notified.update([notice] if isinstance(notice, str) else notice)
            for part in ("block", "rescue", "always"):
                walk(task.get(part, []))

    for path in role.glob("tasks/*.yml"):
        walk(load(path) or [])
    walk(handlers)
    assert notified <= known
    assert [handler["name"] for handler in handlers if not {handler["name"], handler.get("listen")} & notified] == []


def test_readme_is_short_and_shows_an_example(role: Path) -> None:
    readme = (role / "README.md").read_text()
    assert readme.startswith(f"# {role.name}\n")
    assert "```yaml" in readme
    assert len(readme.splitlines()) <= 60


def test_environments_name_the_same_secrets() -> None:
    names = {}
    for environment in ("lab", "production"):
        names[environment] = set(load(ROOT / f"inventory/{environment}/group_vars/all/secrets.yml")) - {
            "secret_store",
            "secret_shape",
        }
    assert names["lab"] == names["production"]


def test_tasks_that_touch_secrets_log_nothing() -> None:
    """A task that names a secret, or a role variable whose default is one, carries no_log."""
    playbooks = sorted((ROOT / "playbooks").glob("*.yml"))
    secrets = {r"secret_\w+"}
    for role in ROLES:
        for name, value in (load(role / "defaults/main.yml") or {}).items():
            if "secret_" in str(value):
                secrets.add(name)
    pattern = re.compile(rf"\b(?:{'|'.join(sorted(secrets))})\b")
    loud: list[str] = []

    def walk(tasks: list[dict[str, Any]], where: str, quiet: bool) -> None:
        for task in tasks:
            silent = quiet or bool(task.get("no_log"))
            parts = [part for part in ("block", "rescue", "always") if part in task]
            for part in parts:
                walk(task[part], where, silent)
            # The text of a message names the variable without showing its value.
            body = {key: value for key, value in task.items() if key not in {*parts, "name", "no_log", "vars"}}
            body.pop("ansible.builtin.assert", None)
            if pattern.search(str(body)) and not silent:
                loud.append(f"{where}: {task.get('name')}")

    for path in [*playbooks, *(file for role in ROLES for file in role.glob("tasks/*.yml"))]:
        content = load(path) or []
        for entry in content:
            if "hosts" in entry:
                walk(entry.get("tasks", []), path.name, quiet=False)
            elif not any(key.startswith("ansible.builtin.import_playbook") for key in entry):
                walk([entry], str(path.relative_to(ROOT)), quiet=False)
    assert loud == []


def test_units_that_speak_to_the_broker_are_those_that_a_switch_stops() -> None:
    policy = load(ROOT / "network/policy.yml")
    flows = {flow["id"] for flow in policy["flows"] if "broker" in flow["service"]}
    found = set()
    for role in ROLES:
        for task in load(role / "tasks/run.yml") or []:
            for unit in task.get("vars", {}).get("python_service_units", []):
                named = str(unit["flows"])
                if "{{" in named:
                    # Which it is depends on a choice; the role's variables name them all.
                    named += (role / "vars/main.yml").read_text()
                if flows & set(re.findall(r"[a-z][a-z-]+", named)):
                    found.add(f"sallyport-{unit['name']}.service")
    told = load(ROOT / "playbooks/vars/broker.yml")
    assert found
    hinting = {"sallyport-main.service"}
    assert found == {*told["broker_publishers"], *told["broker_clients"]} | hinting
    assert set(told["broker_kinds"]) == set(policy["services"]["broker"])


def test_a_switch_reads_the_relays_way_from_its_unit_and_waits_for_the_topic_of_jobs(tmp_path: Path) -> None:
    program, option, script, path = shlex.split(
        load(ROOT / "playbooks/vars/probes.yml")["host_probes"]["relay_transport"]
    )
    assert (program, option, path) == ("sed", "-n", "/etc/systemd/system/sallyport-relay.service")
    template = (ROOT / "roles/python_service/templates/unit.service.j2").read_text("utf-8")
    assert "\nEnvironment={{ quote(name ~ '=' ~ value) }}\n" in template
    unit = tmp_path / "unit"
    unit.write_text('Environment="SP_BROKER_KIND=redis"\nEnvironment="SP_TRANSPORT=broker"\n', "utf-8")
    found = subprocess.run([program, option, script, str(unit)], check=True, capture_output=True, text=True)
    assert found.stdout == "broker\n"
    assert 'TOPIC = "jobs"' in (ROOT / "services/hand_over/event.py").read_text("utf-8")
    drain = (ROOT / "playbooks/tasks/drain-jobs.yml").read_text("utf-8")
    assert re.findall(r"selectattr\('topic', 'eq', '(\w+)'\)", drain) == ["jobs"] * 3
