//! Rules of the house that a reader cannot see: functions, routes and settings agree; files stay small.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use globset::GlobBuilder;
use minireipaz::http::routes::{FUNCTIONS, Function};
use serde_json::Value;

/// The crates, the root's aside.
const CRATES: [&str; 8] =
    ["domain", "private_files", "files", "http_server", "lib", "workers", "bridge", "cli"];

/// Files that may be longer than the limit, and why.
const LONG: [(&str, &str); 0] = [];
const MAX_LINES: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Files below a folder with that ending, as paths from the root.
fn files(folder: &str, ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path.strip_prefix(root()).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

fn manifest(folder: &str) -> toml::Table {
    read(&Path::new(folder).join("Cargo.toml").to_string_lossy()).parse().unwrap()
}

#[test]
fn every_function_of_the_table_has_its_file_and_its_bin_and_the_reverse() {
    let table: BTreeSet<_> = FUNCTIONS.iter().map(|function| (function.program, function.file)).collect();
    let manifest = manifest("");
    let bins = manifest["bin"].as_array().unwrap().iter();
    let bins: BTreeSet<_> =
        bins.map(|bin| (bin["name"].as_str().unwrap(), bin["path"].as_str().unwrap())).collect();
    assert_eq!(table, bins);
    let files = files("api", ".rs");
    assert_eq!(
        table.iter().map(|(_, file)| *file).collect::<BTreeSet<_>>(),
        files.iter().map(String::as_str).collect()
    );
    assert!(table.len() <= 12, "the smallest plan takes 12 functions");
    for file in files {
        assert!(read(&file).lines().count() <= 15, "{file} is more than a door");
    }
}

/// A deployment leaves tests and benches out (`.vercelignore`), and cargo looks for every target without a path.
#[test]
fn every_target_of_a_manifest_has_its_path() {
    for folder in CRATES.iter().chain(&[""]) {
        let manifest = manifest(folder);
        for kind in ["bin", "test", "bench", "example"] {
            for target in manifest.get(kind).and_then(toml::Value::as_array).into_iter().flatten() {
                assert!(target.get("path").is_some(), "{folder}: a {kind} without a path: {target:?}");
            }
        }
    }
}

#[test]
fn every_function_serves_its_path_and_the_document_has_no_other() {
    let paths = |document: Value| -> BTreeSet<String> {
        document["paths"].as_object().unwrap().keys().cloned().collect()
    };
    for function in FUNCTIONS {
        let (_, document) = (function.routes)().split_for_parts();
        let served = paths(serde_json::to_value(document).unwrap());
        assert!(!served.is_empty() && served.iter().all(|path| serves(function, path)), "{served:?}");
        let file = function.file.trim_end_matches(".rs").trim_end_matches("/index");
        assert_eq!(function.path, format!("/{}", file.replace('[', "{").replace(']', "}")));
    }
    let served = paths(serde_json::to_value(minireipaz::http::openapi()).unwrap());
    assert!(served.iter().all(|path| FUNCTIONS.iter().any(|function| serves(function, path))), "{served:?}");
}

/// Whether a function answers at a path, or at one that is led to it.
fn serves(function: &Function, path: &str) -> bool {
    [function.path].iter().chain(function.more).any(|pattern| is_at(path, pattern))
}

/// Whether a path is the pattern, or has a word in the place of the `{part}` at its end.
fn is_at(path: &str, pattern: &str) -> bool {
    let before = pattern.strip_suffix('}').and_then(|pattern| pattern.rsplit_once('{'));
    let word = before.and_then(|(before, _)| path.strip_prefix(before));
    path == pattern || word.is_some_and(|word| !word.contains(['/', '{']))
}

#[test]
fn every_further_path_of_a_function_is_led_to_it_by_a_rewrite_and_the_reverse() {
    let vercel: Value = serde_json::from_str(&read("vercel.json")).unwrap();
    let rewrites: BTreeSet<_> = vercel["rewrites"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| {
            (rule["source"].as_str().unwrap().to_owned(), rule["destination"].as_str().unwrap().to_owned())
        })
        .collect();
    let expected: BTreeSet<_> = FUNCTIONS
        .iter()
        .flat_map(|function| function.more.iter().map(move |more| (function.path, *more)))
        .map(|(path, more)| {
            let names = more.split(['{', '}']).skip(1).step_by(2);
            let query: Vec<_> = names.map(|name| format!("{name}=:{name}")).collect();
            (more.replace('{', ":").replace('}', ""), format!("{path}?{}", query.join("&")))
        })
        .collect();
    // What follows a webhook's address is its sender's.
    let hooks = ("/api/v1/hooks/(.*)".to_owned(), "/api/v1/hooks/[token]?token=$1".to_owned());
    assert_eq!(rewrites, expected.into_iter().chain([hooks]).collect());
}

#[test]
fn every_function_has_exactly_one_time_limit_in_vercel_json() {
    let vercel: Value = serde_json::from_str(&read("vercel.json")).unwrap();
    let globs = vercel["functions"].as_object().unwrap();
    let mut used = BTreeSet::new();
    // To the platform brackets are a class of characters: such a pattern matches nothing, and nothing is deployed.
    assert!(globs.keys().all(|glob| !glob.contains('[')), "{globs:?}");
    for function in FUNCTIONS {
        let matching: Vec<_> = globs.keys().filter(|glob| matches(glob, function.file)).collect();
        assert_eq!(matching.len(), 1, "{}: {matching:?}", function.file);
        used.extend(matching);
    }
    assert_eq!(used.len(), globs.len(), "a glob that matches nothing does not deploy");
    let streams = globs["api/v1/runs/*.rs"]["maxDuration"].as_u64().unwrap();
    let config = minireipaz::http::HttpConfig::default();
    assert!(config.stream_limit.as_secs() + 15 <= streams, "a stream must end before its function does");
    assert!(root().join("public/index.html").exists(), "without public/ the sources would be published");
}

/// Whether a glob of vercel.json matches: `*` within a folder, `**/` any folders, `[id]` as it stands.
fn matches(glob: &str, path: &str) -> bool {
    let glob = glob.replace('[', r"\[").replace(']', r"\]");
    GlobBuilder::new(&glob).literal_separator(true).build().unwrap().compile_matcher().is_match(path)
}

#[test]
fn the_published_document_is_the_one_of_the_handlers() {
    let now = minireipaz::http::openapi().to_pretty_json().unwrap();
    let published = read("public/openapi.json");
    assert!(
        published.trim_end() == now.trim_end(),
        "public/openapi.json is not what the handlers say: run `make openapi_http` and look at its changes"
    );
}

#[test]
fn every_operation_documents_its_problems_and_has_its_own_name() {
    let document = serde_json::to_value(minireipaz::http::openapi()).unwrap();
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap().to_owned();
            assert!(names.insert(name), "{method} {path}: its name is taken");
            assert!(operation["summary"].is_string(), "{method} {path} says nothing");
            for (status, response) in operation["responses"].as_object().unwrap() {
                if status.starts_with(['4', '5']) {
                    let content = &response["content"];
                    // Pages for people tell in words what went wrong.
                    let is_told = ["application/problem+json", "text/html"]
                        .iter()
                        .any(|kind| content[kind].is_object());
                    assert!(is_told, "{method} {path} {status} is no problem document");
                }
            }
        }
    }
}

#[test]
fn no_file_is_longer_than_the_limit() {
    let long: Vec<_> = CRATES
        .iter()
        .chain(&["api", "tests"])
        .flat_map(|folder| files(folder, ".rs"))
        .filter(|file| !LONG.iter().any(|(allowed, _)| allowed == file))
        .map(|file| (read(&file).lines().count(), file))
        .filter(|(lines, _)| *lines > MAX_LINES)
        .collect();
    assert!(long.is_empty(), "split by purpose: {long:?}");
}

#[test]
fn every_socket_is_served_with_deadlines() {
    let sources = CRATES.iter().flat_map(|folder| files(&format!("{folder}/src"), ".rs"));
    // What tests start is theirs.
    for file in sources.filter(|file| !file.contains("/tests") && !file.ends_with("/fake.rs")) {
        assert!(
            !read(&file).contains("axum::serve("),
            "{file}: use http_server::serve, which nobody holds up"
        );
    }
}

#[test]
fn what_is_to_be_pure_knows_no_runtime_and_no_outside() {
    for folder in ["domain/src", "workers/src/engine"] {
        for file in files(folder, ".rs") {
            let text = read(&file);
            for forbidden in ["tokio", "axum", "klickhouse", "reqwest", "redb", "std::fs", "std::net"] {
                let used = text.lines().any(|line| {
                    let code = line.split("//").next().unwrap_or_default();
                    code.contains(&format!("{forbidden}::"))
                });
                assert!(!used, "{file} uses {forbidden}");
            }
        }
    }
}
