//! What a program compiles: who does not run on a platform does not carry its runtime, and what is pure has none at all.

use std::{collections::BTreeSet, path::Path, process::Command};

/// What a package of the workspace is built from, a line each in this format; its own features only.
fn tree(package: &str, format: &str) -> String {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--edges", "normal", "--prefix", "none"])
        .args(["--format", format, "--package", package])
        .current_dir(workspace)
        .output()
        .unwrap();
    assert!(tree.status.success(), "{package}: {}", String::from_utf8_lossy(&tree.stderr));
    String::from_utf8(tree.stdout).unwrap()
}

/// The crates that it is built from.
fn crates(package: &str) -> BTreeSet<String> {
    let text = tree(package, "{p}");
    let crates: BTreeSet<_> =
        text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    assert!(crates.contains(package) && crates.contains("serde"), "{package}: {crates:?}");
    crates
}

fn without(package: &str, unwanted: &[&str]) {
    let crates = crates(package);
    let found: Vec<_> = unwanted.iter().filter(|name| crates.contains(**name)).collect();
    assert!(
        found.is_empty(),
        "{package} depends on {found:?}: see it with `cargo tree -p {package} -i NAME`"
    );
}

#[test]
fn only_functions_carry_the_runtimes_of_their_platforms() {
    for package in ["workers", "cli"] {
        without(package, &["vercel_runtime", "lambda_http", "lambda_runtime"]);
    }
    let functions = crates("api-service");
    assert!(["vercel_runtime", "lambda_http"].iter().all(|name| functions.contains(*name)), "{functions:?}");
}

#[test]
fn functions_do_not_carry_what_nodes_work_with() {
    let formats = ["scraper", "html5ever", "quick-xml", "pulldown-cmark", "sha3", "hmac"];
    // Clouds answer in XML.
    let of_nodes: Vec<_> = formats.into_iter().filter(|name| *name != "quick-xml").collect();
    without("api-service", &of_nodes);
    without("domain", &formats);
    let worker = crates("workers");
    assert!(formats.iter().all(|name| worker.contains(*name)), "{worker:?}");
}

#[test]
fn a_worker_checks_no_tokens_and_has_no_routes() {
    without("workers", &["jsonwebtoken", "utoipa-axum"]);
}

#[test]
fn the_pure_core_has_no_runtime_and_no_network() {
    without("domain", &["tokio", "axum", "hyper", "reqwest", "klickhouse", "redb"]);
}

#[test]
fn no_program_dies_at_a_crash_point() {
    for program in ["workers", "cli"] {
        let built = tree(program, "{p} has {f}.");
        let worker = built.lines().find(|line| line.starts_with("workers ")).unwrap();
        assert!(worker.contains(" has ") && !worker.contains("crash-points"), "{program}: {worker}");
    }
}
