//! A deployment without the Vercel CLI: programs as cargo builds them, on the paths of the table of the functions.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context as _;
use minireipaz::http::routes::{self as api, FUNCTIONS};

use super::{
    deployment::{Deployment, Function},
    files::Files,
    routes::{Entry, Phase, Table},
    vercel_json::VercelJson,
};

/// Finds the functions' programs; time limits and headers are those of the project's `vercel.json`.
///
/// # Errors
/// When a program is not there, or `vercel.json` has something that this program does not do.
pub(super) fn deployment(project: &Path, programs: &Path) -> anyhow::Result<Deployment> {
    let settings = VercelJson::of(project)?;
    let functions = FUNCTIONS.iter().map(|function| built(function, programs, &settings));
    let public = project.join(settings.output_directory.as_deref().unwrap_or(Path::new("public")));
    Ok(Deployment {
        origin: programs.display().to_string(),
        table: table(&settings)?,
        files: if public.is_dir() { Files::of(&public)? } else { Files::default() },
        functions: functions.collect::<Result<_, _>>()?,
    })
}

fn built(function: &api::Function, programs: &Path, settings: &VercelJson) -> anyhow::Result<Function> {
    let program = programs.join(function.program);
    Ok(Function {
        path: path(function),
        program: program.canonicalize().with_context(|| {
            format!("there is no {}: `cargo build -p api-service` makes it", program.display())
        })?,
        max_duration: settings.max_duration(function.file).context("vercel.json")?,
        environment: BTreeMap::new(),
    })
}

/// The path that the platform gives a function: `/api/v1/runs/[id]`.
fn path(function: &api::Function) -> String {
    function.path.replace('{', "[").replace('}', "]")
}

/// The headers, and a route to every function for what is no file.
fn table(settings: &VercelJson) -> anyhow::Result<Table> {
    let mut entries = settings.header_routes()?;
    entries.push(Entry { handle: Some(Phase::Filesystem), ..Entry::default() });
    entries.extend(settings.rewrite_routes()?);
    entries.extend(FUNCTIONS.iter().map(route));
    Ok(Table::new(&entries)?)
}

/// What a path has in the place of braces is handed on in the query, as the platform does it.
fn route(function: &api::Function) -> Entry {
    let names = function.path.split(['{', '}']).skip(1).step_by(2);
    let query: Vec<_> = names.map(|name| format!("{name}=${name}")).collect();
    // The platform takes a slash at the end of a word, and not of what stands for anything.
    let end = if function.path.ends_with('}') { "" } else { "/?" };
    Entry {
        src: Some(format!("{}{end}", function.path.replace('{', "(?<").replace('}', ">[^/]+)"))),
        dest: Some(format!("{}?{}", path(function), query.join("&"))),
        ..Entry::default()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use http::Method;
    use serde::Deserialize;

    use super::*;

    fn project() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    /// `fixtures/config.json` is what `vercel build` (64.0.2) wrote for this project.
    #[test]
    fn paths_lead_where_the_routes_that_the_vercel_cli_writes_lead() {
        #[derive(Deserialize)]
        struct Config {
            routes: Vec<Entry>,
        }
        let written: Config = serde_json::from_str(include_str!("fixtures/config.json")).unwrap();
        let written = Table::new(&written.routes).unwrap();
        let ours = table(&VercelJson::of(&project()).unwrap()).unwrap();
        let known: Vec<_> = FUNCTIONS.iter().map(path).chain(["/".to_owned()]).collect();
        let exists = |path: &str| known.iter().any(|known| known == path);
        for path in [
            "/",
            "/nothing",
            "/api",
            "/api/v1/nothing",
            "/api/v1/ping",
            "/api/v1/scheduler/events",
            "/api/v1/scheduler/tick",
            "/api/v1/tenant/triggers",
            "/api/v1/workflows",
            "/api/v1/workflows/7",
            "/api/v1/workflows/7/runs",
            "/api/v1/workflows/7/runs/x",
            "/api/v1/runs/7",
            "/api/v1/runs/a%2Fb",
            "/api/v1/runs/a&id=b+c",
            "/api/v1/runs/7/nothing",
            "/api/v1/hooks/abc",
            "/api/v1/hooks/test/abc/orders/7",
        ] {
            let [ours, written] = [&ours, &written].map(|table| table.resolve(&Method::GET, path, &exists));
            assert_eq!(ours.target, written.target, "{path}");
            assert_eq!((ours.query, ours.headers), (written.query, written.headers), "{path}");
        }
    }

    #[test]
    fn a_path_that_is_rewritten_leads_to_its_function_with_its_parts_in_the_query() {
        let table = table(&VercelJson::of(&project()).unwrap()).unwrap();
        let known: Vec<_> = FUNCTIONS.iter().map(path).collect();
        let exists = |path: &str| known.iter().any(|known| known == path);
        for (path, query) in [
            ("/api/v1/credentials", ""),
            ("/api/v1/credentials/7", "id=7"),
            ("/api/v1/credentials/7/test", "id=7&part=test"),
        ] {
            let found = table.resolve(&Method::GET, path, &exists);
            let expected = super::super::routes::Target::Found("/api/v1/credentials".to_owned());
            assert_eq!((found.target, found.query.as_str()), (expected, query), "{path}");
        }
    }

    #[test]
    fn a_program_that_is_not_built_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = deployment(&project(), folder.path()).unwrap_err();
        assert!(format!("{error:#}").contains("cargo build -p api-service"), "{error:#}");
    }
}
