//! The faults this kind finds.

use crate::kinds::FaultDoc;

/// In the order of the catalogue.
pub(super) const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "VEC-01",
        "pgvector not installed",
        "Nothing that stores embeddings works.",
        "Install the pgvector package for the server's major version.",
    ),
    FaultDoc::caught(
        "VEC-02",
        "pgvector not created",
        "Extensions are created in each database; this one does not have it.",
        "CREATE EXTENSION vector in this database.",
    ),
    FaultDoc::caught(
        "VEC-03",
        "pgvector out of reach",
        "Operators outside of the search path are not found although the extension exists.",
        "Put its schema on the role's search_path and GRANT USAGE.",
    ),
    FaultDoc::caught(
        "VEC-04",
        "pgvector too old",
        "The application needs a type or index this version does not have.",
        "Update the package, then ALTER EXTENSION vector UPDATE.",
    ),
    FaultDoc::caught(
        "VEC-05",
        "version with known faults",
        "These versions can corrupt indexes or crash.",
        "Update the package, reconnect, ALTER EXTENSION vector UPDATE, and reindex what the finding names.",
    ),
    FaultDoc::caught(
        "VEC-06",
        "update not applied",
        "The package was updated, the database still has the old functions.",
        "ALTER EXTENSION vector UPDATE.",
    ),
    FaultDoc::caught(
        "VEC-07",
        "embedding column missing",
        "The schema is not the one the application needs.",
        "Run the migrations; see the search_path of the DSN.",
    ),
    FaultDoc::caught(
        "VEC-08",
        "dimensions do not fit",
        "Inserts of the model's vectors fail, or the column cannot be indexed.",
        "ALTER the column's type to the model's dimensions and embed again.",
    ),
    FaultDoc::caught(
        "VEC-09",
        "no index",
        "Every search reads the whole table.",
        "CREATE INDEX CONCURRENTLY … USING hnsw.",
    ),
    FaultDoc::caught(
        "VEC-10",
        "too many dimensions for an index",
        "A vector index takes at most 2000 dimensions, halfvec 4000.",
        "Index the expression embedding::halfvec(n), or use fewer dimensions.",
    ),
    FaultDoc::caught(
        "VEC-11",
        "index serves another distance",
        "An index is only used for the distance of its operator class; other searches read the whole table without a word.",
        "Create the index with the operator class of the application's operator, for example vector_cosine_ops for <=>.",
    ),
    FaultDoc::caught(
        "VEC-12",
        "index invalid",
        "A failed CREATE INDEX CONCURRENTLY left it behind; it is not used.",
        "REINDEX INDEX CONCURRENTLY.",
    ),
    FaultDoc::caught(
        "VEC-13",
        "lists do not fit",
        "An IVFFlat index built on little data finds the wrong neighbours.",
        "Rebuild it now that the data is there, with lists of about rows / 1000; or use HNSW.",
    ),
    FaultDoc::caught(
        "VEC-14",
        "searches look too briefly",
        "HNSW returns at most ef_search rows; IVFFlat with one probe misses neighbours.",
        "Set hnsw.ef_search to at least the LIMIT, ivfflat.probes to about the root of lists.",
    ),
    FaultDoc::caught(
        "VEC-15",
        "filtered searches return too little",
        "The filter comes after the index, so most candidates fall out.",
        "Set hnsw.iterative_scan = relaxed_order (pgvector 0.8).",
    ),
    FaultDoc::caught(
        "VEC-16",
        "embeddings missing or malformed",
        "NULL and zero vectors are never found; inner product needs normalised vectors.",
        "Embed the rows again.",
    ),
    FaultDoc::caught(
        "VEC-17",
        "different models in one column",
        "Distances between vectors of different models mean nothing.",
        "One column, or one partial index, a model.",
    ),
    FaultDoc::caught(
        "VEC-18",
        "pgvector does not work",
        "It is created, yet a distance cannot be computed.",
        "See the server's message; reinstall the package for the server's version.",
    ),
    FaultDoc::caught(
        "VEC-23",
        "recall too low",
        "Searches miss true neighbours.",
        "Raise hnsw.ef_search or ivfflat.probes, or rebuild the index with better parameters.",
    ),
    FaultDoc::caught(
        "VEC-51",
        "too few rows",
        "Embeddings that must be seeded are not there.",
        "Run the import.",
    ),
    FaultDoc::caught(
        "VEC-52",
        "search too slow",
        "Users wait for each search.",
        "See whether the index is used (EXPLAIN), and whether it fits into memory.",
    ),
];
