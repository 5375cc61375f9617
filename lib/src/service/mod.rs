//! Use cases: what the routes do, without HTTP.
