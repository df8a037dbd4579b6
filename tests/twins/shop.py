"""A shop whose document FastAPI makes, and whose answers keep to it.

Variables: TOKEN (of those who may see orders), BREAK (comma list: ways not to keep to it).
"""

import os
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict

BREAK = set(filter(None, os.environ.get("BREAK", "").split(",")))
app = FastAPI(title="Shop", version="1.4.0")
bearer = HTTPBearer(auto_error=False)


class Item(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: int
    name: str
    note: str | None = None
    parent: "Item | None" = None


class Problem(BaseModel):
    title: str
    status: int


ITEMS = [Item(id=n, name=f"item {n}") for n in range(1, 6)]


def user(credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]):
    if "open" not in BREAK and (credentials is None or credentials.credentials != os.environ["TOKEN"]):
        raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})


@app.middleware("http")
async def faults(request: Request, call_next):
    path = request.url.path
    if "gone" in BREAK and path == "/items":
        return JSONResponse({"detail": "Not Found"}, 404)
    if "html" in BREAK and path == "/items":
        return HTMLResponse("<html></html>")
    if "login" in BREAK and path == "/items":
        return JSONResponse({"detail": "Not authenticated"}, 401)
    if "accepted" in BREAK and path == "/items":
        return JSONResponse([], 202)
    return await call_next(request)


@app.get("/health")
async def health() -> dict[str, str]:
    if "error" in BREAK:
        raise HTTPException(500)
    return {"status": "ok"}


@app.get("/items", response_model=list[Item])
async def items(limit: Annotated[int, Query(ge=1, le=3)] = 2):
    if "no-name" in BREAK:
        return JSONResponse([{"id": 1, "note": "canary-9d8f"}])
    if "null" in BREAK:
        return JSONResponse([{"id": None, "name": "a"}])
    if "extra" in BREAK:
        return JSONResponse([{"id": 1, "name": "a", "price": 3}])
    if "page" in BREAK:
        return ITEMS
    return ITEMS[:limit]


@app.post("/items", status_code=201)
async def new(item: Item) -> Item:
    raise SystemExit("a probe must never write")


@app.delete("/items/{item_id}", status_code=204)
async def remove(item_id: int):
    raise SystemExit("a probe must never write")


PROBLEM = {404: {"content": {"application/problem+json": {"schema": Problem.model_json_schema()}}, "description": "none"}}


@app.get("/items/{item_id}", responses=PROBLEM)
async def item(item_id: int) -> Item:
    found = [item for item in ITEMS if item.id == item_id]
    if not found:
        kind = "application/json" if "plain-error" in BREAK else "application/problem+json"
        return JSONResponse({"title": "no such item", "status": 404}, 404, media_type=kind)
    return found[0]


@app.get("/orders", dependencies=[Depends(user)])
async def orders() -> list[str]:
    return ["canary-order"]


@app.post("/orders", dependencies=[Depends(user)])
async def order() -> None:
    raise SystemExit("a probe must never write")


@app.get("/logout")
async def logout() -> None:
    raise SystemExit("a probe must never log out")
