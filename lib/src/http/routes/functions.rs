//! The one table of the functions: a line here, a file in `api/`, its `[[bin]]`; a test compares them.

use super::{Routes, ping, run, run_part, scheduler, tenant, workflow, workflow_runs, workflows};

/// A function: in a deployment a program of its own, which answers on the paths of one pattern.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// Its program: the name of its `[[bin]]` in the root `Cargo.toml`.
    pub program: &'static str,
    /// Its file, from the root. Vercel routes by it, and the time limits of `vercel.json` name it.
    pub file: &'static str,
    /// Its paths, such as `/api/v1/runs/{id}`.
    pub path: &'static str,
    /// What it does.
    pub routes: fn() -> Routes,
}

/// Every function.
#[rustfmt::skip]
pub const FUNCTIONS: &[Function] = &[
    function("ping",              "api/v1/ping.rs",                "/api/v1/ping",                ping::router),
    function("workflows-index",   "api/v1/workflows/index.rs",     "/api/v1/workflows",           workflows::router),
    function("workflows-id",      "api/v1/workflows/[id].rs",      "/api/v1/workflows/{id}",      workflow::router),
    function("workflows-id-runs", "api/v1/workflows/[id]/runs.rs", "/api/v1/workflows/{id}/runs", workflow_runs::router),
    function("runs-id",           "api/v1/runs/[id].rs",           "/api/v1/runs/{id}",           run::router),
    function("runs-id-part",      "api/v1/runs/[id]/[part].rs",    "/api/v1/runs/{id}/{part}",    run_part::router),
    function("tenant-view",       "api/v1/tenant/[view].rs",       "/api/v1/tenant/{view}",       tenant::router),
    function("scheduler-kind",    "api/v1/scheduler/[kind].rs",    "/api/v1/scheduler/{kind}",    scheduler::router),
];

const fn function(
    program: &'static str,
    file: &'static str,
    path: &'static str,
    routes: fn() -> Routes,
) -> Function {
    Function { program, file, path, routes }
}
