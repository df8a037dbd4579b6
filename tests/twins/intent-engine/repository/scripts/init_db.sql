CREATE EXTENSION IF NOT EXISTS vector;

CREATE TABLE IF NOT EXISTS intent_catalog (
    id text PRIMARY KEY,
    description text NOT NULL,
    embedding vector(384)
);
CREATE INDEX IF NOT EXISTS intent_catalog_embedding ON intent_catalog USING hnsw (embedding vector_cosine_ops);
CREATE TABLE IF NOT EXISTS tenants (
    tenant_id text PRIMARY KEY,
    name text NOT NULL,
    api_key_hash text NOT NULL UNIQUE,
    tier text NOT NULL DEFAULT 'professional'
);
CREATE TABLE IF NOT EXISTS conversations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id text NOT NULL,
    event jsonb NOT NULL
);
