-- An index made by hand is lost: vector indexes are made here and USING ivfflat nowhere else.
CREATE EXTENSION IF NOT EXISTS vector;
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE users (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL
);

CREATE TABLE documents (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  owner bigint NOT NULL REFERENCES users (id),
  title text NOT NULL,
  metadata jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE embeddings (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  document bigint NOT NULL REFERENCES documents (id),
  chunk text NOT NULL,
  embedding vector(1536) NOT NULL
);

CREATE TABLE chunks_cache (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  content_hash text NOT NULL UNIQUE,
  embedding vector(1536) NOT NULL
);
