// ASEMB: health, metrics, administration and search over PostgreSQL with pgvector and Redis.
//
// Variables: POSTGRES, REDIS, JWT_SECRET, LIMIT (requests a minute), LOG_FILE, BREAK_FILE (its words,
// separated by commas, are ways to be broken; it is read at every request), STYLE (comma list of
// legitimate ways to be different). Prints tokens of an administrator and of a user at the start.
const crypto = require("node:crypto");
const fs = require("node:fs");
const express = require("express");
const cors = require("cors");
const helmet = require("helmet");
const { rateLimit } = require("express-rate-limit");
const metrics = require("prom-client");
const { Pool } = require("pg");
const redis = require("redis");

const env = process.env;
const style = new Set((env.STYLE || "").split(","));
const broken = (word) => fs.readFileSync(env.BREAK_FILE, "utf8").trim().split(",").includes(word);

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const mac = (text) => crypto.createHmac("sha256", env.JWT_SECRET).update(text).digest("base64url");
const signed = (claims) => {
  const text = `${encoded({ alg: "HS256", typ: "JWT" })}.${encoded(claims)}`;
  return `${text}.${mac(text)}`;
};
const claimsOf = (token) => {
  const [head, body, signature] = token.split(".");
  const read = (part) => JSON.parse(Buffer.from(part, "base64url"));
  if (broken("any-token") && token) return { role: "admin" };
  if (!body) return null;
  if (broken("alg-none") && read(head).alg === "none") return read(body);
  return signature === mac(`${head}.${body}`) ? read(body) : null;
};

const pool = new Pool({ connectionString: env.POSTGRES, connectionTimeoutMillis: 2000, max: 4 });
pool.on("error", () => {});
const cache = redis.createClient({ url: env.REDIS, disableOfflineQueue: true });
cache.on("error", () => {});

const registry = new metrics.Registry();
if (!style.has("few-metrics")) metrics.collectDefaultMetrics({ register: registry });
const requests = new metrics.Histogram({ name: "http_request_duration_seconds", help: "Requests.", labelNames: ["method", "status"], registers: [registry] });
const lookups = style.has("labelled-cache")
  ? new metrics.Counter({ name: "cache_requests_total", help: "Lookups.", labelNames: ["result"], registers: [registry] })
  : null;
const hits = lookups ? null : new metrics.Counter({ name: "asemb_cache_hits_total", help: "Hits.", registers: [registry] });
const misses = lookups ? null : new metrics.Counter({ name: "asemb_cache_misses_total", help: "Misses.", registers: [registry] });
lookups?.inc({ result: "hit" }, 0);
lookups?.inc({ result: "miss" }, 0);

const log = (fields) => {
  if (!env.LOG_FILE) return;
  const time = new Date().toISOString();
  const line = style.has("plain-log") ? `${time} ${fields.method} ${fields.path} ${fields.status}` : JSON.stringify({ time, level: "info", ...fields });
  fs.appendFileSync(env.LOG_FILE, `${line}\n`);
};

log({ method: "-", path: "-", status: 0 });
const app = express();
app.disable("etag");
app.use(helmet(), cors({ origin: "https://asemb.example.com" }), express.json());
app.use((request, response, next) => {
  const started = process.hrtime.bigint();
  response.on("finish", () => {
    requests.observe({ method: request.method, status: response.statusCode }, Number(process.hrtime.bigint() - started) / 1e9);
    log({ method: request.method, path: request.path, status: response.statusCode });
    if (broken("token-in-log")) log({ method: request.method, path: request.path, status: response.statusCode, authorization: `Bearer ${signed({ sub: "1" })}` });
  });
  next();
});

const states = async () => {
  const ask = async (question) => {
    try {
      await question;
      return style.has("words") ? "up" : style.has("flags") ? true : { status: "connected" };
    } catch {
      return style.has("words") ? "down" : style.has("flags") ? false : { status: "disconnected" };
    }
  };
  return { postgres: await ask(pool.query("select 1")), redis: await ask(cache.ping()) };
};
const fine = (state) => state === true || state === "up" || state.status === "connected";

app.get("/health", async (_request, response) => {
  if (broken("slow-health")) await new Promise((done) => setTimeout(done, 700));
  const services = await states();
  const healthy = Object.values(services).every(fine);
  if (broken("health-lies")) services.redis = { status: "disconnected" };
  if (broken("health-without-redis")) delete services.redis;
  if (broken("health-leaks")) services.postgres.url = "postgres://asemb:hunter2hunter2@db:5432/asemb";
  response.status(healthy || broken("health-200") ? 200 : 503).json({ status: healthy ? "healthy" : "unhealthy", uptime: process.uptime(), services });
});
app.get(style.has("z-paths") ? "/healthz" : "/live", (_request, response, next) => {
  if (broken("no-live")) return next();
  style.has("bare") ? response.sendStatus(204) : style.has("words") ? response.type("text").send("OK") : response.json({ status: "alive" });
});
app.get(style.has("z-paths") ? "/readyz" : "/ready", async (_request, response, next) => {
  if (broken("no-ready")) return next();
  const ready = Object.values(await states()).every(fine) && !broken("not-ready") && !broken("not-ready-200");
  response.status(ready || broken("not-ready-200") ? 200 : 503).json(style.has("flags") ? { ready } : { status: ready ? "ready" : "not_ready" });
});
app.get("/metrics", async (request, response, next) => {
  if (env.METRICS_TOKEN && request.get("authorization") !== `Bearer ${env.METRICS_TOKEN}`) return response.sendStatus(401);
  if (broken("no-metrics")) return next();
  let page = await registry.metrics();
  if (broken("no-cache-metrics")) page = page.split("\n").filter((line) => !/cache/.test(line)).join("\n");
  if (broken("bad-metrics")) page += "\nbroken{ 1\n";
  response.type(registry.contentType).send(page);
});

const limiter = rateLimit({
  windowMs: style.has("long-window") ? 900_000 : 60_000,
  limit: () => (broken("no-limit") ? 1_000_000 : broken("high-limit") ? 180 : Number(env.LIMIT || 100)),
  standardHeaders: style.has("silent-limiter") ? false : "draft-7",
  legacyHeaders: false,
  skip: () => broken("no-limiter"),
  handler: (_request, response) => response.status(429).set("Cache-Control", "no-store").json({ error: "too many requests" }),
});
const caller = (request) => claimsOf((request.get("authorization") || "").replace(/^Bearer /, ""));
const administrators = (request, response, next) => {
  const area = request.baseUrl.split("/").pop();
  if (broken(`open-${area}`)) return next();
  let claims = null;
  try {
    claims = caller(request);
  } catch {}
  if (!claims) return response.status(401).json({ error: "unauthorized" });
  if (claims.role !== "admin" && !broken("any-role")) return response.status(403).json({ error: "forbidden" });
  next();
};
const per = style.has("route-auth");
const late = style.has("late-limiter");
if (!late) app.use("/api/v2", limiter);
const area = (name, routes) => {
  const router = express.Router();
  if (!per) router.use(administrators);
  if (late) router.use(limiter);
  for (const [path, answer] of routes) router.get(path, ...(per ? [administrators] : []), answer);
  app.use(`/api/v2/${name}`, router);
};
area("users", [["/", async (_request, response) => response.json((await pool.query("select id, name from users order by id limit 20")).rows)]]);
area("settings", [["/:key", (request, response) => response.json({ key: request.params.key, value: "1" })]]);
area("embeddings", [["/stats", async (_request, response) => response.json((await pool.query("select count(*)::int as rows from embeddings")).rows[0])]]);
area("migration", [["/status", (_request, response) => response.json({ state: "idle" })]]);

const search = async (request, response) => {
  if (!caller(request)) return response.status(401).json({ error: "unauthorized" });
  if (broken("slow-search")) await new Promise((done) => setTimeout(done, 1300));
  const key = `search:${request.query.q || request.body.q}`;
  let found = await cache.get(key);
  if (lookups) lookups.inc({ result: found ? "hit" : "miss" });
  else (found ? hits : misses).inc();
  if (!found) {
    const rows = await pool.query("select id, embedding <=> (select embedding from embeddings order by id limit 1) as distance from embeddings order by 2 limit 5");
    found = JSON.stringify(rows.rows);
    await cache.set(key, found, { EX: 300 });
  }
  response.type("json").send(found);
};
app.get("/search", search);
app.post("/search", search);
app.get("/items", async (request, response) => {
  if (broken("slow-api")) await new Promise((done) => setTimeout(done, 700));
  response.json((await pool.query("select id, title from documents order by id limit 20")).rows);
});
app.use((_request, response) => (broken("pages-for-all") ? response.type("html").send("<!doctype html><title>ASEMB</title>") : response.status(404).json({ error: "not found" })));
app.use((_error, _request, response, _next) => response.status(500).json({ error: "internal" }));

const start = async () => {
  await cache.connect();
  if (!style.has("no-consumer")) {
    const listener = cache.duplicate();
    listener.on("error", () => {});
    await listener.connect();
    await listener.subscribe("asemb:events", () => {});
  }
  app.listen(env.PORT, "127.0.0.1", () => {
    console.log(`administrator ${signed({ sub: "1", role: "admin" })}`);
    console.log(`user ${signed({ sub: "2", role: "user" })}`);
    console.log("listening");
  });
};
start();
