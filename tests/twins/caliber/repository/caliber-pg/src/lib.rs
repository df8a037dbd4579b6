//! The extension. Only `cargo pgrx` can build it.

compile_error!("build caliber-pg with cargo pgrx");
