//! Tables: what a page showed in, codes out.
