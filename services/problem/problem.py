"""One problem, as an exception that knows how to answer."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import JSONResponse

from services.journal import correlation_id

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """An answer of the kind RFC 9457 describes.

    `kind` names the rule that was broken (`type` is `urn:sallyport:problem:<kind>`), or is None where the status says
    all (`type` is then `about:blank` and the title the status's own phrase, as section 4.2.1 asks).
    """

    def __init__(
        self,
        status: int,
        kind: str | None = None,
        detail: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(f"{status} {kind or ''} {detail}")
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = dict(members or {})

    def response(self) -> JSONResponse:
        phrase = HTTPStatus(self.status).phrase
        content: dict[str, object] = {
            "type": f"urn:sallyport:problem:{self.kind}" if self.kind else "about:blank",
            "title": self.kind.replace("-", " ").capitalize() if self.kind else phrase,
            "status": self.status,
        }
        if self.detail:
            content["detail"] = self.detail
        if found := correlation_id():
            content["request_id"] = found
        return JSONResponse(content | self.members, self.status, self.headers, MEDIA_TYPE)
