from pathlib import Path

from network.lab.provision import Story

PLAY = {"event": "play", "name": "Data"}


def task(name: str) -> dict[str, str]:
    return {"event": "task", "name": name}


def result(host: str, name: str, outcome: str, cause: str = "") -> dict[str, str]:
    return {"event": "result", "host": host, "task": name, "outcome": outcome, "cause": cause}


def told(*events: dict[str, str]) -> Story:
    """Return the story of events that are one second apart."""
    story = Story()
    for second, event in enumerate(events):
        story.hear(event, float(second))
    story.close(float(len(events)))
    return story


def test_tasks_have_their_time_and_plays_their_sum() -> None:
    story = told(PLAY, task("a"), result("db1", "a", "ok"), task("b"), {"event": "play", "name": "App"}, task("c"))
    assert [(item.name, item.play, item.seconds) for item in story.tasks] == [
        ("a", "Data", 2.0),
        ("b", "Data", 1.0),
        ("c", "App", 1.0),
    ]
    assert story.play_seconds() == {"Data": 3.0, "App": 1.0}


def test_summary_counts_hosts_and_what_is_noteworthy() -> None:
    story = told(
        PLAY, task("a"), result("db1", "a", "changed"), result("web1", "a", "ok"), result("edge1", "a", "skipped")
    )
    assert story.tasks[0].summary() == "2 hosts, 1 changed"
    assert story.changed == [("db1", "a")]


def test_only_what_is_notable_is_told() -> None:
    story = told(
        PLAY,
        task("quick"),
        result("db1", "quick", "ok"),
        task("change"),
        result("db1", "change", "changed"),
        task("long"),
        result("db1", "long", "ok"),
        result("web1", "long", "ok"),
    )
    assert [item.name for item in story.tasks if item.notable] == ["change", "long"]
    assert story.play_summary("Data") == "3 tasks, 1 changed, 7.0 s"


def test_same_failure_on_several_hosts_is_one_problem() -> None:
    story = told(
        PLAY,
        task("Install"),
        result("web1", "Install", "failed", "no package"),
        result("db1", "Install", "failed", "no package"),
    )
    (problem,) = story.problems(Path("/log"))
    assert (problem.where, problem.found) == ("db1, web1: Install", "no package")
    assert "./sallyport ssh db1" in problem.remedy
    assert "/log" in problem.remedy


def test_many_failures_are_cut_short() -> None:
    story = told(PLAY, task("a"), *(result(f"h{number}", "a", "failed", f"cause {number}") for number in range(8)))
    problems = story.problems(Path("/log"))
    assert len(problems) == 6
    assert problems[-1].found == "3 further failures"


def test_ignored_failures_are_no_failures() -> None:
    assert told(PLAY, task("a"), result("db1", "a", "ignored", "x")).failures == []


def test_result_before_any_task_is_left_out() -> None:
    assert told(result("db1", "a", "ok")).tasks == []
