//! Rules of the house that a reader cannot see: functions, routes and settings agree; files stay small.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

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
        for entry in fs::read_dir(&folder).into_iter().flatten() {
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

/// The functions as `[[bin]]` entries name them.
fn bins() -> BTreeSet<String> {
    let manifest = read("Cargo.toml");
    manifest
        .split("[[bin]]")
        .skip(1)
        .filter_map(|bin| bin.split("path = \"").nth(1)?.split('"').next().map(str::to_owned))
        .collect()
}

#[test]
fn every_function_file_has_its_bin_and_is_a_door() {
    let functions: BTreeSet<_> = files("api", ".rs").into_iter().collect();
    assert_eq!(functions, bins());
    assert!(functions.len() <= 12, "the smallest plan takes 12 functions");
    for function in &functions {
        assert!(read(function).lines().count() <= 15, "{function} is more than a door");
    }
}

/// A deployment leaves tests and benches out (`.vercelignore`), and cargo looks for every target without a path.
#[test]
fn every_target_of_a_manifest_has_its_path() {
    for manifest in
        ["Cargo.toml", "lib/Cargo.toml", "workers/Cargo.toml", "bridge/Cargo.toml", "cli/Cargo.toml"]
    {
        let text = read(manifest);
        for target in text.split("\n[[").skip(1) {
            let own = target.split("\n[").next().unwrap_or_default();
            assert!(own.contains("\npath = "), "{manifest}: a target without a path: [[{own}");
        }
    }
}

#[test]
fn every_function_file_has_its_routes_and_the_reverse() {
    let document = serde_json::to_value(minireipaz::http::openapi()).unwrap();
    let routes: BTreeSet<_> = document["paths"].as_object().unwrap().keys().cloned().collect();
    let served: BTreeSet<_> = files("api", ".rs")
        .iter()
        .map(|file| {
            let path = file.trim_end_matches(".rs").trim_end_matches("/index");
            format!("/{}", path.replace('[', "{").replace(']', "}"))
        })
        .collect();
    assert_eq!(routes, served);
}

#[test]
fn every_function_has_exactly_one_time_limit_in_vercel_json() {
    let vercel: Value = serde_json::from_str(&read("vercel.json")).unwrap();
    let globs: Vec<_> = vercel["functions"].as_object().unwrap().keys().cloned().collect();
    let mut used = BTreeSet::new();
    for function in bins() {
        let matching: Vec<_> = globs.iter().filter(|glob| matches(glob, &function)).collect();
        assert_eq!(matching.len(), 1, "{function}: {matching:?}");
        used.extend(matching.into_iter().cloned());
    }
    assert_eq!(used.len(), globs.len(), "a glob that matches nothing does not deploy");
    let streams = vercel["functions"]["api/v1/runs/*.rs"]["maxDuration"].as_u64().unwrap();
    let config = minireipaz::http::HttpConfig::default();
    assert!(config.stream_limit.as_secs() + 15 <= streams, "a stream must end before its function does");
    assert!(root().join("public/index.html").exists(), "without public/ the sources would be published");
}

/// Whether a glob of vercel.json matches: `*` within a folder, `**/` any folders.
fn matches(glob: &str, path: &str) -> bool {
    match glob.find('*') {
        None => glob == path,
        Some(at) => {
            let Some(rest) = path.strip_prefix(&glob[..at]) else { return false };
            if let Some(glob) = glob[at..].strip_prefix("**/") {
                return (0..=rest.len())
                    .filter(|&i| i == 0 || rest[..i].ends_with('/'))
                    .any(|i| matches(glob, &rest[i..]));
            }
            let end = rest.find('/').unwrap_or(rest.len());
            (0..=end).any(|i| matches(&glob[at + 1..], &rest[i..]))
        }
    }
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
                    let content = &response["content"]["application/problem+json"];
                    assert!(content.is_object(), "{method} {path} {status} is no problem document");
                }
            }
        }
    }
}

#[test]
fn no_file_is_longer_than_the_limit() {
    let folders = ["api", "lib", "workers", "bridge", "cli", "tests"];
    let long: Vec<_> = folders
        .iter()
        .flat_map(|folder| files(folder, ".rs"))
        .filter(|file| !LONG.iter().any(|(allowed, _)| allowed == file))
        .map(|file| (read(&file).lines().count(), file))
        .filter(|(lines, _)| *lines > MAX_LINES)
        .collect();
    assert!(long.is_empty(), "split by purpose: {long:?}");
}

#[test]
fn what_is_to_be_pure_knows_no_runtime_and_no_outside() {
    for folder in ["lib/src/domain", "workers/src/engine"] {
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
