"""Any FastAPI service: health, readiness, metrics, flags, a structured log, traces that go out as they came in.

Variables: LOG_FILE, BREAK_FILE (a file with words: ways to be broken, read again for each request).
"""

import asyncio
import json
import os
import time
import uuid

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest

app = FastAPI(title="Orders", version="1.0.0")
requests = Counter("http_requests", "Requests.", ["method", "status"])
duration = Histogram("http_request_duration_seconds", "Time to answer.")
pool = Counter("db_pool_waits", "Waits for a connection.")


def broken():
    try:
        with open(os.environ["BREAK_FILE"]) as words:
            return set(words.read().split(","))
    except FileNotFoundError:
        return set()


def log(level, message, request_id, trace):
    entry = {
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "level": level,
        "message": message,
        "request_id": request_id,
        "trace_id": trace,
    }
    with open(os.environ["LOG_FILE"], "a") as file:
        file.write(json.dumps(entry) + "\n")


@app.middleware("http")
async def around(request: Request, call_next):
    begun = time.monotonic()
    words = broken()
    parent = request.headers.get("traceparent", "")
    trace = parent.split("-")[1] if parent.count("-") == 3 else uuid.uuid4().hex
    request_id = request.headers.get("x-request-id") or uuid.uuid4().hex
    if "failing" in words and uuid.uuid4().int % 20 == 0:
        response = JSONResponse({"error": {"code": "internal", "message": "failed", "request_id": request_id}}, 500)
    else:
        if "slow" in words and uuid.uuid4().int % 20 == 0:
            await asyncio.sleep(0.7)
        response = await call_next(request)
    if "no-trace" not in words:
        response.headers["traceparent"] = f"00-{trace}-{uuid.uuid4().hex[:16]}-01"
    response.headers["x-request-id"] = request_id
    requests.labels(request.method, str(response.status_code)).inc()
    duration.observe(time.monotonic() - begun)
    if request.url.path not in ("/health", "/metrics"):
        log("info", f"{request.method} {request.url.path} {response.status_code}", request_id, trace)
    return response


@app.get("/health")
async def health():
    return {"status": "ok"}


@app.get("/ready")
async def ready():
    if "not-ready" in broken():
        return JSONResponse({"status": "unavailable", "checks": {"database": "down"}}, 503)
    if "lying-ready" in broken():
        return {"status": "ok", "checks": {"database": "down"}}
    return {"status": "ok", "checks": {"database": "ok"}}


@app.get("/metrics")
async def metrics():
    words = broken()
    if "no-metrics" in words:
        return JSONResponse({"detail": "Not Found"}, 404)
    text = generate_latest().decode()
    if "plain-metrics" in words:
        text = "".join(line for line in text.splitlines(True) if "status=" not in line)
    if "no-pool" in words:
        text = "".join(line for line in text.splitlines(True) if "db_pool" not in line)
    if "metrics-secret" in words:
        text += '# TYPE build_info gauge\nbuild_info{dsn="postgres://app:Vq8mT2kXw9RzLb4n@db/app"} 1\n'
    return Response(text, media_type=CONTENT_TYPE_LATEST)


@app.get("/flags")
async def flags():
    words = broken()
    if "no-flags" in words:
        return JSONResponse({"detail": "Not Found"}, 404)
    return {} if "empty-flags" in words else {"new-checkout": True, "fast-search": False}
