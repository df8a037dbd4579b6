"""CIMEIKA: an API of seven modules behind a rate limiter, and with FRONTEND=1 the pages beside it.

Variables: POSTGRES_DSN, JWT_KEY (a token of a user who may not write is printed), CORS_ORIGINS, RATE_LIMIT, LOG_FILE, API_URL (for the pages), LIKE (comma list: ways in
which healthy deployments differ) and BREAK (comma list: ways to be broken). Lines NAME=VALUE of the file that
SETTINGS names go before them and are read again for every request; each content of it is an application of its own.
"""

import asyncio
import json
import os
import resource
import time

import asyncpg
import jwt
from fastapi import Body, Depends, FastAPI, HTTPException, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, Counter, generate_latest
from pydantic import BaseModel

MODULES = ["ci", "kazkar", "podija", "nastrij", "malya", "gallery", "calendar"]
POOLS = {}
REQUESTS = Counter("http_requests", "Requests.", ["method", "status", "handler"])


class Settings:
    """Variables, with the file of SETTINGS before them."""

    def __init__(self, text):
        named = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        self.values = {**os.environ, **named}

    def __getitem__(self, name):
        return self.values.get(name, "")

    def words(self, name):
        return set(filter(None, self[name].split(",")))


def authorised(settings, broken):
    """A dependency that lets nobody in but those with a token of a writer."""

    def writer(request: Request):
        if "no-auth" in broken or ("cookie-auth" in broken and request.cookies.get("session")):
            return
        if "user-cookie" in broken and request.cookies.get("cimeika_session") == "of-a-user":
            return
        _, _, token = request.headers.get("authorization", "").partition(" ")
        if "any-token" in broken and token:
            return
        try:
            claims = jwt.decode(token, settings["JWT_KEY"], algorithms=["HS256"])
        except jwt.PyJWTError:
            raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"}) from None
        if claims.get("role") != "writer" and "any-role" not in broken:
            raise HTTPException(403)

    return writer


def add_limiter(app, settings, broken):
    """RateLimitMiddleware: requests a minute and client, but for the exempt paths."""
    windows = {}
    limit = 1_000_000 if "no-limit" in broken else 6 if "low-limit" in broken else int(settings["RATE_LIMIT"] or 60)
    exempt = {"/metrics"} if "health-limited" in broken else {"/health", "/ready", "/metrics"}

    @app.middleware("http")
    async def limiter(request: Request, call_next):
        if request.url.path not in exempt:
            now = time.monotonic()
            client = request.client.host
            seen = [at for at in windows.get(client, []) if now - at < 60]
            if len(seen) >= limit:
                return JSONResponse({"detail": "too many requests"}, 429, {"Retry-After": "60"})
            windows[client] = [*seen, now]
        return await call_next(request)


def add_faults(app, settings, broken):
    """What is wrong with every route, and the counting and logging of requests."""
    kept, asked = [], []

    @app.middleware("http")
    async def faults(request: Request, call_next):
        path = request.url.path
        if "slow-health" in broken and path == "/health":
            await asyncio.sleep(0.25)
        if "slower-health" in broken and path == "/health":
            await asyncio.sleep(0.06)
        if "flapping" in broken and path == "/health":
            asked.append(path)
            if len(asked) % 6 == 0:
                return JSONResponse({"status": "starting"}, 503)
        if "lazy-ready" in broken and path == "/ready":
            await asyncio.sleep(0.15)
        if "slow-api" in broken and path == "/api/v1/modules/":
            await asyncio.sleep(0.6)
        if "leak" in broken:
            kept.append(b"x" * 1_000_000)
        if "descriptors" in broken and not kept:
            resource.setrlimit(resource.RLIMIT_NOFILE, (200, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
            kept.extend(open(os.devnull) for _ in range(165))
        answer = await call_next(request)
        for module in MODULES:
            if f"no-{module}" in broken and path == f"/api/v1/{module}/":
                answer = JSONResponse({"detail": "broken"}, 500)
        REQUESTS.labels(request.method, f"{answer.status_code // 100}xx", path).inc()
        if settings["LOG_FILE"]:
            record = {
                "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "level": "INFO",
                "message": f"{request.method} {path} {answer.status_code}",
            }
            with open(settings["LOG_FILE"], "a") as log:
                log.write(json.dumps(record) + "\n")
        return answer


def add_cors(app, settings, like, broken):
    """Cross-origin access, as the variable says or otherwise."""
    origins = [origin.strip() for origin in settings["CORS_ORIGINS"].split(",")]
    if "cors-nobody" in broken:
        origins = ["https://another.example"]
    if "cors-wildcard" in broken:
        origins = ["*"]
    if "without-cors" in broken:
        return
    app.add_middleware(
        CORSMiddleware, allow_origins=origins, allow_origin_regex="https?://.*" if "cors-echo" in broken else None,
        allow_credentials="cors-wildcard" not in broken and "no-credentials" not in like,
        allow_methods=["*"] if "all-methods" in like else ["GET", "POST"],
        allow_headers=["*"] if "all-headers" in like else ["Authorization"],
    )


def add_health(app, settings, like, broken):
    """Health, readiness and metrics."""

    @app.get("/health", summary="Is it alive?")
    async def health():
        if "health-error" in broken:
            raise HTTPException(503)
        body = {"status": "starting" if "health-body" in broken else "ok"}
        return body if "bare-health" in like else {**body, "service": "cimeika", "version": "1.2.0"}

    @app.get("/ready", summary="Can it serve?")
    async def ready():
        if "ready-blind" in broken:
            return {"status": "ready"}
        alive = "ready-failing" not in broken
        try:
            dsn = settings["POSTGRES_DSN"]
            if dsn not in POOLS:
                POOLS[dsn] = await asyncpg.create_pool(dsn, min_size=1, max_size=4, timeout=2)
            await POOLS[dsn].fetchval("select 1", timeout=2)
        except Exception:
            alive = False
        status = "ready" if alive or "ready-lies" in broken else "not_ready"
        code = 200 if status == "ready" or "ready-200" in broken else 503
        alive = alive and "ready-lies" not in broken
        word = "pass" if alive else "fail"
        checks = {"database": {"status": word}, "config": {"status": word}}
        if "flat-ready" in like:
            checks = {"database": "ok" if alive else "error"}
        if "connected-ready" in like:
            checks = {"database": "connected" if alive else "disconnected", "redis": "not_configured"}
        if "bool-ready" in like:
            checks = {"database": alive}
        if "listed-ready" in like:
            checks = [{"name": "postgres", "status": "healthy" if alive else "unhealthy"}]
        return JSONResponse({"status": status, "checks": checks}, code)

    @app.get("/metrics", include_in_schema=False)
    async def metrics():
        if "no-metrics" in broken:
            raise HTTPException(404)
        text = generate_latest().decode()
        if "plain-metrics" in broken:
            text = "".join(line for line in text.splitlines(True) if "http_" not in line)
        if "starlette-metrics" in like:
            text = text.replace("http_requests", "starlette_requests")
        if "metrics-secret" in broken:
            text += '# TYPE db_info gauge\ndb_info{dsn="postgres://app:' + "Zk3vQ9pLw7Xt" + '@db/cimeika"} 1\n'
        return Response(text, media_type=CONTENT_TYPE_LATEST)


def add_documents(app, like, broken):
    """The description of the API and its page."""

    @app.get("/api/openapi.json", include_in_schema=False)
    async def described():
        document = json.loads(json.dumps(app.openapi()))
        for module in MODULES:
            if f"hidden-{module}" in broken:
                del document["paths"][f"/api/v1/{module}/"]
        if "undescribed" in broken:
            operation = document["paths"]["/api/v1/ci/"]["get"]
            del operation["summary"]
        if "docstrings" in like:
            for operations in document["paths"].values():
                for operation in operations.values():
                    operation["description"] = operation.pop("summary")
                    operation["summary"] = operation["operationId"].split("_")[0].title()
        if "no-version" in broken:
            document["info"]["version"] = "unknown"
        if "no-document" in broken:
            raise HTTPException(404)
        return document

    @app.get("/api/docs", include_in_schema=False)
    async def page():
        if "no-docs" in broken:
            raise HTTPException(404)
        url = "/openapi.json" if "docs-astray" in broken else "/api/openapi.json"
        return get_swagger_ui_html(openapi_url=url, title="CIMEIKA")


def add_modules(app, settings, like, broken):
    """The modules and the list of them."""

    @app.get("/", summary="What there is")
    async def root():
        names = MODULES[:6] if "short-root" in broken else MODULES
        answer = JSONResponse({"name": "CIMEIKA", "modules": names})
        if "named-root" in like:
            answer = JSONResponse({"message": "CIMEIKA", "modules": {name.title(): f"/api/v1/{name}/" for name in names}})
        if "cookie" in broken:
            answer.set_cookie("session", "x")
        if "good-cookie" in like:
            answer.set_cookie("seen", "1", secure=True, httponly=True, samesite="lax")
        return answer

    @app.get("/api/v1/modules/", summary="The modules")
    async def modules():
        names = MODULES[1:] if "short-list" in broken else [*MODULES, "extra"] if "long-list" in broken else MODULES
        headers = {} if "uncached" in broken else {"Cache-Control": "max-age=60"}
        if "etag" in like:
            headers = {"ETag": '"abc"'}
        body = {"modules": [{"id": name} for name in names]}
        if "bare-list" in like:
            body = [{"name": name, "description": "A module"} for name in names]
        if "names-list" in like:
            body = {"modules": names, "total": len(names)}
        if "items-list" in like:
            body = {"items": [{"id": name.title()} for name in names]}
        if "keyed-list" in like:
            body = {name: {"name": name.title()} for name in names}
        return JSONResponse(body, headers=headers)

    @app.get("/api/v1/modules/status", summary="How the modules are")
    async def status():
        states = {name: {"status": "active"} for name in MODULES}
        if "status-down" in broken:
            states["malya"]["status"] = "error"
        if "status-false" in broken:
            states["malya"]["healthy"] = False
        if "status-short" in broken:
            del states["malya"]
        if "listed-status" in like:
            return {"modules": [{"id": name, **state} for name, state in states.items()]}
        return states

    @app.post("/api/v1/auth/login", summary="Come in")
    async def login():
        answer = JSONResponse({"token_type": "bearer"})
        if "script-cookie" in broken:
            answer.set_cookie("session", "x", secure=True, samesite="lax")
        elif "cookieless-login" not in broken:
            answer.set_cookie("session", "x", secure=True, httponly=True, samesite="strict")
        return answer

    class Story(BaseModel):
        title: str

    @app.post("/api/v1/kazkar/stories", status_code=201, summary="A new story", dependencies=[Depends(authorised(settings, broken))])
    async def stories(story: Story = Body()):
        return {"title": story.title}

    for module in MODULES:
        async def show(module=module):
            return {"module": module, "status": "active"}

        app.get(f"/api/v1/{module}/", summary=f"What {module} has")(show)


def api(settings):
    """The API."""
    like, broken = settings.words("LIKE"), settings.words("BREAK")
    app = FastAPI(title="CIMEIKA", version="1.2.0", docs_url=None, redoc_url=None, openapi_url=None)
    add_limiter(app, settings, broken)
    add_faults(app, settings, broken)
    add_cors(app, settings, like, broken)
    add_health(app, settings, like, broken)
    add_documents(app, like, broken)
    add_modules(app, settings, like, broken)

    @app.exception_handler(404)
    async def missing(request, error):
        if "debug" in broken:
            return PlainTextResponse('Traceback (most recent call last):\n  File "/app/main.py", line 3, in show\nKeyError: 1\n', 500)
        return JSONResponse({"detail": "Not Found"}, 404)

    return app


PAGE = """<!doctype html><html lang="uk" {theme}><head><meta charset="utf-8"><title>{name}</title>
<meta name="viewport" content="width=device-width"><script type="module" src="{asset}"></script></head>
<body {body_theme}><div id="root">{body}</div></body></html>"""
ASSET = "/assets/index-0a1b2c.js"


def pages(settings):
    """The frontend, as a host of static files gives it."""
    like, broken = settings.words("LIKE"), settings.words("BREAK")
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    def page(name, body, night=False):
        attribute = f'data-theme="{"night" if night else "day"}"' if "class-theme" not in like else ""
        body_theme = f'class="{"theme-night" if night else "theme-day"}"' if "class-theme" in like else ""
        asset = "/assets/missing.js" if "no-asset" in broken else "." + ASSET if "relative-assets" in like else ASSET
        return HTMLResponse(PAGE.format(theme=attribute, body_theme=body_theme, name=name, asset=asset, body=body))

    @app.middleware("http")
    async def faults(request: Request, call_next):
        if "slow-page" in broken and request.url.path.startswith("/assets/"):
            await asyncio.sleep(3.5)
        answer = await call_next(request)
        if "no-cdn" not in broken:
            answer.headers.update({"cf-ray": "8c1"} if "cloudflare" in like else {"X-Cache": "HIT"})
        return answer

    @app.get("/")
    async def home():
        if "page-trace" in broken:
            return HTMLResponse("<pre>Traceback (most recent call last):\n  File \"/app/main.py\", line 3, in show\nKeyError: 1</pre>")
        return page("home", "Home") if "no-redirect" in broken else RedirectResponse("/ci")

    @app.get("/favicon.ico")
    async def icon():
        return Response(status_code=204)

    @app.get(ASSET)
    async def script():
        path = "location.pathname.slice(1)" if "call-astray" not in broken else '"nothing"'
        call = "" if "no-call" in broken else f'fetch("{settings["API_URL"]}/api/v1/" + {path} + "/");'
        call += 'throw new Error("no store");' if "script-error" in broken else ""
        headers = {} if "no-cache" in broken else {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(call, media_type="text/javascript", headers=headers)

    @app.get("/{module}")
    async def module(module: str):
        if module not in MODULES or f"no-{module}" in broken:
            raise HTTPException(404)
        night = (module == "kazkar" and "no-night" not in broken) or (module == "calendar" and "night-elsewhere" in broken)
        return page(module, "" if f"blank-{module}" in broken else f"<h1>{module}</h1>", night)

    return app


class Switch:
    """The application of the settings as they are now."""

    def __init__(self, make):
        self.make = make
        self.made = {}

    async def __call__(self, scope, receive, send):
        text = ""
        if os.environ.get("SETTINGS"):
            with open(os.environ["SETTINGS"]) as file:
                text = file.read()
        if text not in self.made:
            self.made[text] = self.make(Settings(text))
        await self.made[text](scope, receive, send)


if os.environ.get("JWT_KEY"):
    print("a reader's token:", jwt.encode({"role": "reader"}, os.environ["JWT_KEY"], algorithm="HS256"), flush=True)
app = Switch(pages if os.environ.get("FRONTEND") else api)
