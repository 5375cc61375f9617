//! A deployment without the Vercel CLI: programs as cargo builds them, and the routes that the CLI would write for
//! the project's `vercel.json` and the `[[bin]]` table of its `Cargo.toml`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use serde::Deserialize;

use super::{
    Deployment,
    files::Files,
    function::{DEFAULT_MAX_DURATION, Function},
    output::json,
    routes::{Entry, Phase, Table},
};

/// What of `vercel.json` matters here. Anything else that would change routes is refused.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Vercel {
    #[serde(rename = "$schema")]
    _schema: Option<serde_json::Value>,
    #[serde(rename = "regions")]
    _regions: Option<serde_json::Value>,
    #[serde(rename = "framework")]
    _framework: Option<serde_json::Value>,
    #[serde(rename = "buildCommand")]
    _build_command: Option<serde_json::Value>,
    #[serde(rename = "crons")]
    _crons: Option<serde_json::Value>,
    output_directory: Option<PathBuf>,
    #[serde(default)]
    functions: BTreeMap<String, Limits>,
    #[serde(default)]
    headers: Vec<Headers>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Limits {
    max_duration: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Headers {
    source: String,
    headers: Vec<Header>,
}

#[derive(Debug, Deserialize)]
struct Header {
    key: String,
    value: String,
}

#[derive(Debug, Deserialize)]
struct Manifest {
    #[serde(default)]
    bin: Vec<Bin>,
}

#[derive(Debug, Clone, Deserialize)]
struct Bin {
    name: String,
    path: Option<String>,
}

/// Reads a project and finds its programs.
///
/// # Errors
/// When a program is not there, or `vercel.json` has something that this program does not do.
pub(super) fn deployment(project: &Path, programs: &Path) -> anyhow::Result<Deployment> {
    let vercel: Vercel = json(&project.join("vercel.json"))?;
    let manifest = project.join("Cargo.toml");
    let text =
        fs::read_to_string(&manifest).with_context(|| format!("{} cannot be read", manifest.display()))?;
    let manifest: Manifest =
        toml::from_str(&text).with_context(|| format!("{} cannot be understood", manifest.display()))?;
    let bins = functions_of(manifest);
    let table = Table::new(&entries(&vercel, &bins)?).context("the routes of vercel.json and Cargo.toml")?;
    let functions =
        bins.iter().map(|(file, name)| function(&vercel, programs, file, name)).collect::<Result<_, _>>()?;
    let public = project.join(vercel.output_directory.as_deref().unwrap_or(Path::new("public")));
    let files = if public.is_dir() { Files::of(&public)? } else { Files::default() };
    Ok(Deployment { origin: programs.display().to_string(), table, files, functions })
}

/// Files below `api/` (`api/v1/runs/[id].rs`) and the names of their programs.
fn functions_of(manifest: Manifest) -> Vec<(String, String)> {
    let bins = manifest.bin.into_iter().filter_map(|bin| Some((bin.path?, bin.name)));
    bins.filter(|(file, _)| file.starts_with("api/") && file.ends_with(".rs")).collect()
}

fn function(vercel: &Vercel, programs: &Path, file: &str, name: &str) -> anyhow::Result<Function> {
    let program = programs.join(name);
    let program = program.canonicalize().with_context(|| {
        format!("there is no {}: `cargo build -p api-service` makes it", program.display())
    })?;
    let limit = vercel.functions.iter().find(|(glob, _)| matches(glob, file));
    let seconds = limit.and_then(|(_, limits)| limits.max_duration);
    Ok(Function {
        path: format!("/{}", file.trim_end_matches(".rs")),
        program,
        max_duration: seconds.map_or(DEFAULT_MAX_DURATION, Duration::from_secs),
        environment: BTreeMap::new(),
    })
}

/// The routes, in the order in which the CLI (64.0) writes them.
fn entries(vercel: &Vercel, bins: &[(String, String)]) -> anyhow::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for rule in &vercel.headers {
        entries.push(Entry {
            src: Some(pattern(&rule.source)?),
            headers: rule.headers.iter().map(|header| (header.key.clone(), header.value.clone())).collect(),
            r#continue: true,
            ..Entry::default()
        });
    }
    let mark = |phase| Entry { handle: Some(phase), ..Entry::default() };
    let status = |src: &str, dest: Option<&str>| Entry {
        src: Some(src.to_owned()),
        dest: dest.map(str::to_owned),
        status: Some(404),
        ..Entry::default()
    };
    entries.push(mark(Phase::Filesystem));
    let mut dynamic: Vec<_> =
        bins.iter().map(|(file, _)| file.as_str()).filter(|file| file.contains('[')).collect();
    dynamic.sort_by_key(|file| (std::cmp::Reverse(file.matches('/').count()), *file));
    entries.extend(dynamic.into_iter().map(dynamic_route));
    entries.push(status("^/api(/.*)?$", None));
    entries.push(mark(Phase::Error));
    entries.push(status("^(?!/api).*$", Some("/404.html")));
    entries.push(mark(Phase::Miss));
    entries.push(Entry {
        src: Some(r"^/api/(.+)(?:\.(?:rs))$".to_owned()),
        dest: Some("/api/$1".to_owned()),
        check: true,
        ..Entry::default()
    });
    Ok(entries)
}

/// The route of a file with `[name]` in its path: each becomes a capture and a parameter of the query.
fn dynamic_route(file: &str) -> Entry {
    let path = file.trim_end_matches(".rs");
    let mut src = String::from("^");
    let mut query = Vec::new();
    let mut segments = path.split('/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        if let Some(name) = segment.strip_prefix('[').and_then(|segment| segment.strip_suffix(']')) {
            query.push(format!("{name}=${}", query.len() + 1));
            src.push_str("/([^/]+)");
        } else if !is_last {
            src.push_str(&format!("/{segment}"));
        } else if segment == "index" {
            src.push_str(r"(/|/index|/index\.rs)?");
        } else {
            src.push_str(&format!(r"/({segment}/|{segment}|{segment}\.rs)"));
        }
    }
    src.push('$');
    Entry {
        src: Some(src),
        dest: Some(format!("/{path}?{}", query.join("&"))),
        check: true,
        ..Entry::default()
    }
}

/// A `source` of `vercel.json` as a pattern: text and groups, of which one after a slash takes the slash with it.
fn pattern(source: &str) -> anyhow::Result<String> {
    if source.contains([':', '?', '*', '+', '{', '}']) && !source.contains("(.*)") || source.contains(':') {
        anyhow::bail!(
            "vercel.json: the source `{source}` has parameters; only text and `(.*)` can be served"
        );
    }
    let escaped: Vec<_> = source.split("(.*)").map(|text| fancy_regex::escape(text).into_owned()).collect();
    Ok(format!("^{}$", escaped.join("(.*)").replace("/(.*)", "(?:/(.*))")))
}

/// Whether a glob of vercel.json matches: `*` within a folder, `**/` any folders.
fn matches(glob: &str, path: &str) -> bool {
    let Some(at) = glob.find('*') else { return glob == path };
    let Some(rest) = path.strip_prefix(&glob[..at]) else { return false };
    if let Some(glob) = glob[at..].strip_prefix("**/") {
        return (0..=rest.len())
            .filter(|&i| rest.is_char_boundary(i) && (i == 0 || rest[..i].ends_with('/')))
            .any(|i| matches(glob, &rest[i..]));
    }
    let end = rest.find('/').unwrap_or(rest.len());
    (0..=end).filter(|&i| rest.is_char_boundary(i)).any(|i| matches(&glob[at + 1..], &rest[i..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    /// `fixtures/config.json` is what `vercel build` (64.0.2) wrote for this project.
    #[test]
    fn the_routes_are_those_that_the_vercel_cli_writes() {
        #[derive(Deserialize)]
        struct Config {
            routes: Vec<Entry>,
        }
        let written: Config = serde_json::from_str(include_str!("fixtures/config.json")).unwrap();
        let vercel: Vercel = json(&project().join("vercel.json")).unwrap();
        let manifest = toml::from_str(&fs::read_to_string(project().join("Cargo.toml")).unwrap()).unwrap();
        assert_eq!(entries(&vercel, &functions_of(manifest)).unwrap(), written.routes);
    }

    #[test]
    fn a_program_that_is_not_built_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = deployment(&project(), folder.path()).unwrap_err();
        assert!(format!("{error:#}").contains("cargo build -p api-service"), "{error:#}");
    }

    #[test]
    fn a_time_limit_is_found_by_its_glob() {
        for (glob, path, expected) in [
            ("api/v1/*.rs", "api/v1/ping.rs", true),
            ("api/v1/*.rs", "api/v1/runs/[id].rs", false),
            ("api/**/*.rs", "api/v1/runs/[id].rs", true),
            ("api/v1/ping.rs", "api/v1/ping.rs", true),
        ] {
            assert_eq!(matches(glob, path), expected, "{glob} {path}");
        }
    }
}
