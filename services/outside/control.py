"""For the operator of the lab, on the loopback interface only: what was received, and what the stand-ins do wrong."""

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services import problem
from services.outside.faults import Channel, Deed, Fault, Faults
from services.outside.received import Received
from services.transport import BodyLimit, Envelope


class FaultShape(BaseModel):
    """A fault, as services/outside/faults.py describes it."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    deed: Deed
    times: int | None = Field(default=None, ge=1)
    taken: bool = False
    retry_after: int = Field(default=1, ge=0, le=3600)
    to: str | None = None


def build(received: Received, faults: Faults) -> FastAPI:
    app = FastAPI(title="Outside, control", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    problem.install(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(Envelope)

    @app.get("/received")
    async def get_received() -> dict[str, list[dict[str, object]]]:
        """What was taken, oldest first."""
        return {
            "received": [
                {"number": each.number, "at": each.at, "channel": each.channel, "to": each.to, "text": each.text}
                for each in received
            ]
        }

    @app.get("/faults")
    async def get_faults() -> dict[Channel, FaultShape]:
        return {channel: FaultShape.model_validate(fault) for channel, fault in faults.all().items()}

    @app.put("/faults/{channel}", status_code=204, response_class=Response)
    async def put_fault(channel: Channel, fault: FaultShape) -> None:
        """Do this wrong from now on."""
        faults.set(channel, Fault(**fault.model_dump()))

    @app.delete("/faults/{channel}", status_code=204, response_class=Response)
    async def delete_fault(channel: Channel) -> None:
        """Do everything right again."""
        faults.mend(channel)

    return app
