"""What the server alone can do: takes a message, answers 202, and keeps nothing. The reference of the bench."""

import uvloop
from fastapi import FastAPI
from starlette.requests import Request

from services.settings import Source, load
from services.transport import BodyLimit, Listener, serve


def build() -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(BodyLimit)

    @app.post("/messages", status_code=202)
    async def post_message(request: Request) -> dict[str, int]:
        return {"length": len(await request.body())}

    @app.get("/health/ready")
    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    return app


def read(source: Source) -> Listener:
    return Listener.tls(source, 3001)


if __name__ == "__main__":
    uvloop.run(serve(build(), load(read)))
