//! The one table of the functions: a line here, a file in `api/`, its `[[bin]]`; a test compares them.

use super::{
    Routes, credentials, hooks, ping, run, run_part, scheduler, tenant, workflow, workflow_part, workflows,
};

/// A function: in a deployment a program of its own, which answers on the paths of one pattern.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// Its program: the name of its `[[bin]]` in the root `Cargo.toml`.
    pub program: &'static str,
    /// Its file, from the root. Vercel routes by it, and the time limits of `vercel.json` name it.
    pub file: &'static str,
    /// Its paths, such as `/api/v1/runs/{id}`.
    pub path: &'static str,
    /// Further ones, which `rewrites` of `vercel.json` lead to it; their parts are handed on in the query.
    pub more: &'static [&'static str],
    /// What it does.
    pub routes: fn() -> Routes,
}

/// Every function.
#[rustfmt::skip]
pub const FUNCTIONS: &[Function] = &[
    function("ping",              "api/v1/ping.rs",                "/api/v1/ping",                ping::router),
    function("workflows-index",   "api/v1/workflows/index.rs",     "/api/v1/workflows",           workflows::router),
    function("workflows-id",      "api/v1/workflows/[id].rs",      "/api/v1/workflows/{id}",      workflow::router),
    function("workflows-id-part", "api/v1/workflows/[id]/[part].rs", "/api/v1/workflows/{id}/{part}", workflow_part::router),
    function("runs-id",           "api/v1/runs/[id].rs",           "/api/v1/runs/{id}",           run::router),
    function("runs-id-part",      "api/v1/runs/[id]/[part].rs",    "/api/v1/runs/{id}/{part}",    run_part::router),
    function("hooks-token",       "api/v1/hooks/[token].rs",       "/api/v1/hooks/{token}",       hooks::router),
    function("tenant-view",       "api/v1/tenant/[view].rs",       "/api/v1/tenant/{view}",       tenant::router),
    function("credentials",       "api/v1/credentials.rs",         "/api/v1/credentials",         credentials::router)
        .and(&["/api/v1/credentials/{id}", "/api/v1/credentials/{id}/{part}"]),
    function("scheduler-kind",    "api/v1/scheduler/[kind].rs",    "/api/v1/scheduler/{kind}",    scheduler::router),
];

const fn function(
    program: &'static str,
    file: &'static str,
    path: &'static str,
    routes: fn() -> Routes,
) -> Function {
    Function { program, file, path, more: &[], routes }
}

impl Function {
    const fn and(self, more: &'static [&'static str]) -> Self {
        Self { more, ..self }
    }
}
