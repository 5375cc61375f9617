//! The HTTP edge: routers, extractors, problems, and `serve` for every platform.
