CREATE INDEX documents_owner ON documents (owner);
CREATE INDEX documents_metadata ON documents USING gin (metadata);
CREATE INDEX embeddings_document ON embeddings (document);
CREATE INDEX embeddings_chunk ON embeddings USING gin (chunk gin_trgm_ops);
CREATE INDEX embeddings_vector ON embeddings USING hnsw (embedding vector_cosine_ops);
CREATE INDEX chunks_cache_vector ON chunks_cache
  USING hnsw (embedding vector_cosine_ops);
