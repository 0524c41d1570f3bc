"""Ansible callback: tells each event as a line of JSON on the file descriptor that `sallyport up` gives.

The log keeps Ansible's own output; this is what the progress is drawn from. Results come here as Ansible shows them to
any callback: those of no_log tasks are censored already.
"""

import json
import os
from typing import Any

from ansible.plugins.callback import CallbackBase  # type: ignore[import-untyped]

DOCUMENTATION = r"""
name: sallyport_progress
type: notification
short_description: Events as lines of JSON on a file descriptor
description:
  - Writes one JSON object for each play, task and result to the descriptor that SALLYPORT_PROGRESS_FD names.
  - Does nothing where that is not set.
options: {}
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]  # Ansible has no types
    """Looked up by Ansible under this name."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "sallyport_progress"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        descriptor = os.environ.get("SALLYPORT_PROGRESS_FD")
        self.disabled = descriptor is None
        self._descriptor = int(descriptor or -1)

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Tell that a play begins."""
        self._tell(event="play", name=play.get_name())

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:  # noqa: ARG002 Ansible's signature
        """Tell that a task begins."""
        self._tell(event="task", name=task.get_name())

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        """Tell that a handler begins."""
        self._tell(event="task", name=task.get_name())

    def v2_runner_on_ok(self, result: Any) -> None:
        """Tell that a host is done with the task."""
        self._tell_result(result, "changed" if result._result.get("changed") else "ok")

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Tell that a host had nothing to do."""
        self._tell_result(result, "skipped")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Tell that the task failed on a host."""
        self._tell_result(result, "ignored" if ignore_errors else "failed", cause=_cause(result._result))

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Tell that a host could not be reached."""
        self._tell_result(result, "unreachable", cause=_cause(result._result))

    def _tell_result(self, result: Any, outcome: str, **more: str) -> None:
        self._tell(event="result", host=result._host.get_name(), task=result._task.get_name(), outcome=outcome, **more)

    def _tell(self, **event: str) -> None:
        try:
            os.write(self._descriptor, json.dumps(event).encode() + b"\n")
        except OSError:
            self.disabled = True


def _cause(result: dict[str, Any]) -> str:
    """Return the words that explain a failure: what the module said, what the program wrote, each failed item's own."""
    items = [_cause(item) for item in result.get("results", []) if isinstance(item, dict) and item.get("failed")]
    said = [str(result.get(name) or "").strip() for name in ("censored", "msg", "stderr", "reason")]
    if not any(said):
        said.append(str(result.get("stdout") or "").strip())
    return "\n".join(dict.fromkeys(text for text in (*said, *items) if text))[-4000:]
