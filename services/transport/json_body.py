"""JSON bodies, read after the guards have passed: whoever may not come in learns nothing of what is expected inside."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from services.problem import Problem
from services.problem.handlers import invalid_fields

Model = TypeVar("Model", bound=BaseModel)


async def read_json(request: Request, model: type[Model]) -> Model:
    """The body as `model`. 415 when not declared as JSON, 400 when it is not JSON, 422 when its fields are wrong."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Problem(415, detail="Send application/json.")
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False, include_context=False)
        if faults[0]["type"] == "json_invalid":
            raise Problem(400, "not-json") from None
        raise invalid_fields(dict(fault) for fault in faults) from None


def request_body(model: type[BaseModel]) -> dict[str, Any]:
    """What the OpenAPI document says of a body that is read by `read_json`."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    return {
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
    }
