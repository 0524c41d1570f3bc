"""Bodies of HTML forms, without files."""

from urllib.parse import parse_qsl

from starlette.requests import Request

from services.problem import Problem

# A draft of as many stocks as it can hold has one field each, and a few more.
MOST_FIELDS = 256


async def read_form(request: Request) -> dict[str, str]:
    """The fields of an `application/x-www-form-urlencoded` body; of those that are there twice, the last.

    415 when it is not declared as such, 400 when it cannot be read.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise Problem(415, detail="Send application/x-www-form-urlencoded.")
    try:
        text = (await request.body()).decode("ascii")
        fields = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Problem(400, "not-a-form") from None
    # A textarea sends its line breaks as CRLF.
    return {name: value.replace("\r\n", "\n") for name, value in fields}
