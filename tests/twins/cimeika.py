"""CIMEIKA: an API of seven modules behind a rate limiter, and with FRONTEND=1 the pages beside it.

Variables: CORS_ORIGINS, POSTGRES_DSN, JWT_KEY, API_URL (for the pages), BREAK (comma list: ways to be broken).
"""

import asyncio
import os
import time

import asyncpg
import jwt
from fastapi import Body, Depends, FastAPI, HTTPException, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, Counter, generate_latest
from pydantic import BaseModel

MODULES = ["ci", "kazkar", "podija", "nastrij", "malya", "gallery", "calendar"]
BREAK = set(filter(None, os.environ.get("BREAK", "").split(",")))


def api():
    described = "undescribed" not in BREAK
    app = FastAPI(
        title="CIMEIKA",
        version="unknown" if "no-version" in BREAK else "1.2.0",
        docs_url=None if "no-docs" in BREAK else "/api/docs",
        openapi_url="/api/openapi.json",
    )
    requests = Counter("http_requests" if "plain-metrics" not in BREAK else "things", "Requests.", ["status"])
    windows = {}
    limit = 1_000_000 if "no-limit" in BREAK else 6 if "low-limit" in BREAK else 60
    exempt = set() if "health-limited" in BREAK else {"/health", "/ready", "/metrics"}
    kept = []

    @app.middleware("http")
    async def limiter(request: Request, call_next):
        if request.url.path not in exempt:
            now = time.monotonic()
            client = request.client.host
            seen = [at for at in windows.get(client, []) if now - at < 60]
            if len(seen) >= limit:
                return JSONResponse({"detail": "too many requests"}, 429, {"Retry-After": "60"})
            windows[client] = [*seen, now]
        answer = await call_next(request)
        requests.labels(str(answer.status_code)).inc()
        return answer

    @app.middleware("http")
    async def faults(request: Request, call_next):
        path = request.url.path
        if "slow-health" in BREAK and path == "/health":
            await asyncio.sleep(0.15)
        if "slow-api" in BREAK and path == "/api/v1/modules/":
            await asyncio.sleep(0.6)
        if "leak" in BREAK:
            kept.append(b"x" * 200_000)
        for module in MODULES:
            if f"no-{module}" in BREAK and path == f"/api/v1/{module}/":
                return JSONResponse({"detail": "broken"}, 500)
        return await call_next(request)

    origins = os.environ.get("CORS_ORIGINS", "").split(",")
    if "cors-nobody" in BREAK:
        origins = ["https://another.example"]
    if "cors-wildcard" in BREAK:
        origins = ["*"]
    pattern = "https?://.*" if "cors-echo" in BREAK else None
    app.add_middleware(
        CORSMiddleware, allow_origins=origins, allow_origin_regex=pattern,
        allow_credentials="cors-wildcard" not in BREAK, allow_methods=["GET", "POST"], allow_headers=["Authorization"],
    )

    @app.get("/health", summary="Is it alive?")
    async def health():
        if "health-error" in BREAK:
            raise HTTPException(503)
        return {"status": "starting" if "health-body" in BREAK else "ok"}

    @app.get("/ready", summary="Can it serve?")
    async def ready():
        if "ready-blind" in BREAK:
            return {"status": "ready"}
        state = "pass"
        try:
            database = await asyncpg.connect(os.environ["POSTGRES_DSN"], timeout=2)
            await database.fetchval("select 1")
            await database.close()
        except Exception:
            state = "fail"
        if "ready-failing" in BREAK:
            state = "fail"
        status = "ready" if state == "pass" or "ready-lies" in BREAK else "not_ready"
        code = 200 if status == "ready" or "ready-200" in BREAK else 503
        if "ready-lies" in BREAK:
            state = "fail"
        return JSONResponse({"status": status, "checks": {"database": {"status": state}}}, code)

    @app.get("/metrics", include_in_schema=False)
    async def metrics():
        if "no-metrics" in BREAK:
            raise HTTPException(404)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    @app.get("/", summary="What there is")
    async def root():
        answer = JSONResponse({"name": "CIMEIKA", "modules": MODULES[:6] if "short-root" in BREAK else MODULES})
        if "cookie" in BREAK:
            answer.set_cookie("session", "x")
        return answer

    @app.get("/api/v1/modules/", summary="The modules")
    async def modules():
        names = MODULES[1:] if "short-list" in BREAK else [*MODULES, "extra"] if "long-list" in BREAK else MODULES
        headers = {} if "uncached" in BREAK else {"Cache-Control": "max-age=60"}
        return JSONResponse({"modules": [{"id": name} for name in names]}, headers=headers)

    @app.get("/api/v1/modules/status", summary="How the modules are")
    async def status():
        states = {name: {"status": "active"} for name in MODULES}
        if "status-down" in BREAK:
            states["malya"]["status"] = "error"
        if "status-short" in BREAK:
            del states["malya"]
        return states

    class Story(BaseModel):
        title: str

    def writer(request: Request):
        if "no-auth" in BREAK or ("cookie-auth" in BREAK and request.cookies.get("session")):
            return
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if "any-token" in BREAK and token:
            return
        try:
            claims = jwt.decode(token, os.environ["JWT_KEY"], algorithms=["HS256"])
        except jwt.PyJWTError:
            raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"}) from None
        if claims.get("role") != "writer" and "any-role" not in BREAK:
            raise HTTPException(403)

    for module in MODULES:
        async def show(module=module):
            return {"module": module, "status": "active"}

        app.get(f"/api/v1/{module}/", summary="The module", include_in_schema=f"hidden-{module}" not in BREAK)(show)

    @app.post("/api/v1/kazkar/stories", status_code=201, summary="A new story", dependencies=[Depends(writer)])
    async def stories(story: Story = Body()):
        return {"title": story.title}

    if not described:
        document = app.openapi()
        document["paths"]["/api/v1/ci/"]["get"].pop("summary")

    @app.exception_handler(404)
    async def missing(request, error):
        if "debug" in BREAK:
            return PlainTextResponse('Traceback (most recent call last):\n  File "/app/main.py", line 3, in show\nKeyError: 1\n', 500)
        return JSONResponse({"detail": "not found"}, 404)

    return app


PAGE = """<!doctype html><html lang="uk" data-theme="{theme}"><head><meta charset="utf-8"><title>{name}</title>
<meta name="viewport" content="width=device-width"><script type="module" src="/assets/index-0a1b2c.js"></script></head>
<body><div id="root">{body}</div></body></html>"""


def pages():
    app = FastAPI(docs_url=None, openapi_url=None)
    host = {} if "no-cdn" in BREAK else {"X-Cache": "HIT"}

    @app.middleware("http")
    async def faults(request: Request, call_next):
        if "slow-page" in BREAK and request.url.path.startswith("/assets/"):
            await asyncio.sleep(3.5)
        answer = await call_next(request)
        answer.headers.update(host)
        return answer

    @app.get("/")
    async def home():
        return HTMLResponse(PAGE.format(theme="day", name="home", body="Home")) if "no-redirect" in BREAK else RedirectResponse("/ci")

    @app.get("/favicon.ico")
    async def icon():
        return Response(status_code=204)

    @app.get("/assets/index-0a1b2c.js")
    async def script():
        call = "" if "no-call" in BREAK else f'fetch("{os.environ["API_URL"]}/api/v1/" + location.pathname.slice(1) + "/");'
        headers = {} if "no-cache" in BREAK else {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(call, media_type="text/javascript", headers=headers)

    @app.get("/{module}")
    async def module(module: str):
        if module not in MODULES or f"no-{module}" in BREAK:
            raise HTTPException(404)
        night = (module == "kazkar") != ("no-night" in BREAK and module == "kazkar") or ("all-night" in BREAK)
        body = "" if f"blank-{module}" in BREAK else f"<h1>{module}</h1>"
        return HTMLResponse(PAGE.format(theme="night" if night else "day", name=module, body=body))

    return app


app = pages() if os.environ.get("FRONTEND") else api()
