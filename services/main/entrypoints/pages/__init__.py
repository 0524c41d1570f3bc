"""The pages. Forms work without scripts: they are sent with POST, and answered with 303 to the page to look at next.

Scripts in `static/` only spare a reload, and show what arrives meanwhile.
"""

from fastapi import APIRouter

from services.main.entrypoints.guards import FromHere
from services.main.entrypoints.pages import accounts, catalogue, chat, drafts, preferences, requests, statistics

router = APIRouter(include_in_schema=False, dependencies=[FromHere])
for module in (accounts, catalogue, chat, drafts, preferences, requests, statistics):
    router.include_router(module.router)
