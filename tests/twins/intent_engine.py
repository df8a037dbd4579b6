"""The Intent Reasoning Engine: an API for tenants, with keys, a token bucket in Redis, a batch queue and a WebSocket.

Variables: DATABASE_URL, REDIS_URL, API_KEY, ADMIN_API_KEY, CORS_ORIGINS, TENANT_STORE_BACKEND, LOG_FILE, RATE_LIMIT_RPM,
RATE_LIMIT_BURST, VARIANT (comma list: ways to differ and be healthy), BREAK_FILE (a file with words: ways to be broken,
read again for each request).
"""

import asyncio
import json
import os
import re
import time
from contextlib import asynccontextmanager

import asyncpg
from fastapi import Body, Depends, FastAPI, HTTPException, Request, WebSocket
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, generate_latest
from pydantic import BaseModel
from redis.asyncio import Redis
from starlette.datastructures import Headers

VARIANT = set(filter(None, os.environ.get("VARIANT", "").split(",")))
KEY = os.environ["API_KEY"]
ADMIN_KEY = os.environ.get("ADMIN_API_KEY", "")
STORE = os.environ.get("TENANT_STORE_BACKEND", "memory")
ORIGINS = re.findall(r"https?://[^\s,\"\]]+", os.environ.get("CORS_ORIGINS", ""))
RPM = int(os.environ.get("RATE_LIMIT_RPM", "60"))
BURST = int(os.environ.get("RATE_LIMIT_BURST", "10"))


def broken(word):
    try:
        with open(os.environ["BREAK_FILE"]) as words:
            return word in words.read().split(",")
    except (KeyError, FileNotFoundError):
        return False


def log(level, message, **fields):
    if path := os.environ.get("LOG_FILE"):
        entry = {"timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "level": level, "event": message, **fields}
        if "standard-logger" in VARIANT:
            entry["message"] = entry.pop("event")
            entry["levelname"] = entry.pop("level").upper()
        line = json.dumps(entry)
        with open(path, "a") as file:
            file.write(line + "\n")


@asynccontextmanager
async def lifespan(app):
    log("info", "Starting Intent Engine", environment="production", tenant_dev_mode=False)
    log("info", "Registered the tenant of API_KEY as default")
    yield


described = {} if "documented" in VARIANT else {"docs_url": None, "redoc_url": None, "openapi_url": None}
app = FastAPI(title="Intent Reasoning Engine", lifespan=lifespan, **described)
registry = CollectorRegistry() if "several-processes" in VARIANT else None
requests = Counter("http_requests", "Requests.", ["status"], **({"registry": registry} if registry else {}))
requests.labels("200")
redis = Redis.from_url(os.environ["REDIS_URL"], socket_timeout=2, socket_connect_timeout=2)

BUCKET = """
local at, left = tonumber(ARGV[1]), tonumber(ARGV[3])
local before = redis.call('HMGET', KEYS[1], 'left', 'at')
if before[1] then left = math.min(left, tonumber(before[1]) + (at - tonumber(before[2])) * tonumber(ARGV[2]) / 60) end
local passes = left >= 1
if passes then left = left - 1 end
redis.call('HSET', KEYS[1], 'left', left, 'at', at)
redis.call('EXPIRE', KEYS[1], 600)
return passes and 1 or 0
"""


def sent(headers):
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" and token else headers.get("x-api-key", "")


def known(key):
    if broken("dev-mode"):
        return bool(key)
    return (key == KEY and not broken("key-lost")) or (broken("example-key") and key == "dev-api-key")


async def limited(tenant):
    if "unlimited" in VARIANT or broken("no-limit"):
        return False
    passes = await redis.eval(BUCKET, 1, f"rate_limit:{tenant}:tokens", time.time(), RPM, BURST)
    return not passes


async def admit(request: Request):
    if not known(sent(request.headers)):
        log("warning", "Invalid API key", path=request.url.path)
        raise HTTPException(401, "invalid API key", {"WWW-Authenticate": "Bearer"})
    if await limited("default"):
        raise HTTPException(429, "rate limit exceeded", {"Retry-After": "1"})


class Faulty:
    """Answers as a broken service would, and adds the security headers around everything else."""

    def __init__(self, app):
        self.app = app
        self.open = CORSMiddleware(app, allow_origins=["*"], allow_credentials=True, allow_methods=["*"], allow_headers=["*"])
        self.local = CORSMiddleware(app, allow_origins=[*ORIGINS, "http://localhost:3000"], allow_methods=["GET", "POST"], allow_headers=["*"])
        self.nobody = CORSMiddleware(app, allow_origins=[])

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        status = 0

        async def answer(message):
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                bare = broken("no-headers") or (broken("bare-errors") and status >= 400)
                if not bare:
                    message["headers"] += [(b"x-content-type-options", b"nosniff"), (b"x-frame-options", b"DENY")]
            await send(message)

        inner = self.open if broken("cors-open") else self.local if broken("cors-local") else self.nobody if broken("cors-nobody") else self.app
        await inner(scope, receive, answer)
        requests.labels(str(status)).inc()
        log("info", "request", path=scope["path"], status=status)


class Gate:
    """Authentication in front of routing, as some deployments have it."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        guarded = scope["type"] == "http" and scope["path"].startswith("/v1/") and not scope["path"].startswith("/v1/admin")
        if guarded and scope["method"] != "OPTIONS" and not known(sent(Headers(scope=scope))):
            return await JSONResponse({"detail": "invalid API key"}, 403)(scope, receive, send)
        await self.app(scope, receive, send)


if "gate" in VARIANT:
    app.add_middleware(Gate)
methods = ["GET", "POST", "OPTIONS"]
app.add_middleware(CORSMiddleware, allow_origins=ORIGINS, allow_credentials=True, allow_methods=methods, allow_headers=["Authorization", "Content-Type", "X-API-Key"])
app.add_middleware(Faulty)


@app.get("/health")
async def health():
    if broken("health-down"):
        raise HTTPException(500)
    return {"status": "healthy", "version": "1.0.0"}


@app.get("/ready")
async def ready():
    checks = {"database": "ok", "redis": "ok"}
    if STORE == "db":
        checks["tenant_store"] = "ok"
    try:
        database = await asyncpg.connect(os.environ["DATABASE_URL"].replace("sslmode=verify-full", "sslmode=require").split("&sslrootcert")[0], timeout=2)
        await database.fetchval("select 1")
        await database.close()
    except Exception:
        checks["database"] = "error"
    try:
        await redis.ping()
    except Exception:
        checks["redis"] = "error"
    if broken("store-down"):
        checks["tenant_store"] = "error"
    if broken("ready-blind"):
        del checks["database"]
    if broken("ready-without-store"):
        del checks["tenant_store"]
    good = set(checks.values()) == {"ok"}
    code = 200 if good or broken("ready-200") else 503
    if "flat-ready" in VARIANT:
        return JSONResponse({"status": "ready" if good else "not_ready", **checks}, code)
    return JSONResponse({"status": "ready" if good else "not_ready", "checks": checks}, code)


@app.get("/metrics")
async def metrics():
    if broken("no-metrics") or "pushes-metrics" in VARIANT:
        raise HTTPException(404)
    if broken("bad-metrics"):
        return Response("http_requests_total 1\nhttp_requests_total 1\n", media_type=CONTENT_TYPE_LATEST)
    return Response(generate_latest(registry) if registry else generate_latest(), media_type=CONTENT_TYPE_LATEST)


class Intent(BaseModel):
    tenant_id: str
    request: dict


@app.post("/v1/intent/resolve", dependencies=[Depends(admit)])
async def resolve(intent: Intent = Body()):
    return {"tenant_id": intent.tenant_id, "intent": "order_status", "path": "fast"}


async def jobs():
    return {"jobs": []}


if "jobs-are-posted" in VARIANT:
    app.post("/v1/batch/jobs", dependencies=[Depends(admit)])(jobs)
else:
    app.get("/v1/batch/jobs", dependencies=[Depends(admit)])(jobs)

if "no-admin-api" not in VARIANT:

    @app.get("/v1/admin/tenants")
    async def tenants(request: Request):
        key = sent(request.headers)
        if broken("admin-open"):
            return {"tenants": []}
        if not ADMIN_KEY:
            raise HTTPException(503, "the admin API is not configured")
        if key != ADMIN_KEY and not (broken("admin-any-tenant") and key == KEY):
            raise HTTPException(403 if key else 401)
        if broken("admin-down"):
            raise HTTPException(500)
        return {"tenants": [{"tenant_id": "default"}]}


@app.websocket("/v1/ws")
async def ws(socket: WebSocket):
    if broken("no-ws") or not known(sent(socket.headers)):
        return await socket.close(1008)
    await socket.accept()
    while True:
        await socket.send_text(await socket.receive_text())
