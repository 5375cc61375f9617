//! The output of `vercel build`: the Build Output API, version 3.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use serde::Deserialize;

use super::{
    deployment::{DEFAULT_MAX_DURATION, Deployment, Function, read_json},
    files::Files,
    routes::{Entry, Table},
};

const VERSION: u32 = 3;

#[derive(Deserialize)]
struct Config {
    version: u32,
    #[serde(default)]
    routes: Vec<Entry>,
    #[serde(default)]
    overrides: BTreeMap<String, serde_json::Value>,
}

/// `.vc-config.json` of a function.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FunctionConfig {
    handler: String,
    runtime: String,
    #[serde(default)]
    max_duration: Option<u64>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    /// Files of the function that are not in its folder, by the names they have there; from the project's folder.
    #[serde(default)]
    file_path_map: BTreeMap<String, PathBuf>,
}

/// Reads a deployment.
///
/// # Errors
/// When there is none, or it has something that this program does not serve.
pub(crate) fn deployment(output: &Path) -> anyhow::Result<Deployment> {
    let config = output.join("config.json");
    if !config.is_file() {
        anyhow::bail!(
            "there is no {}: `make vercel-build` makes it. Where the Vercel CLI cannot be had: cargo build -p \
             api-service && minireipaz serve --functions target/debug",
            config.display()
        );
    }
    let config: Config = read_json(&config)?;
    if config.version != VERSION {
        anyhow::bail!("{} has version {}; version {VERSION} can be served", output.display(), config.version);
    }
    if let Some(path) = config.overrides.keys().next() {
        anyhow::bail!("config.json overrides `{path}`, which this program does not do");
    }
    let table = Table::new(&config.routes).context("config.json")?;
    let folder = output.join("static");
    let files = if folder.is_dir() { Files::of(&folder)? } else { Files::default() };
    Ok(Deployment { origin: output.display().to_string(), table, files, functions: functions(output)? })
}

fn functions(output: &Path) -> anyhow::Result<Vec<Function>> {
    // `<project>/.vercel/output`
    let project = output.canonicalize()?.ancestors().nth(2).unwrap_or(Path::new("/")).to_owned();
    let mut found = Vec::new();
    let mut open = vec![(output.join("functions"), String::new())];
    while let Some((folder, path)) = open.pop() {
        for entry in subfolders(&folder)? {
            let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match name.strip_suffix(".func") {
                Some(name) => found.push(function(&project, &entry, format!("{path}/{name}"))?),
                None => open.push((entry, format!("{path}/{name}"))),
            }
        }
    }
    Ok(found)
}

fn subfolders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut folders = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    Ok(folders)
}

fn function(project: &Path, folder: &Path, path: String) -> anyhow::Result<Function> {
    let config: FunctionConfig = read_json(&folder.join(".vc-config.json"))?;
    if config.runtime != "executable" {
        anyhow::bail!("{path} has the runtime `{}`; only `executable` can be served", config.runtime);
    }
    let program = match config.file_path_map.get(&config.handler) {
        Some(file) => project.join(file),
        None => folder.join(&config.handler),
    };
    if !program.is_file() {
        anyhow::bail!(
            "{path}: its program {} is gone; `make vercel-build` makes it again",
            program.display()
        );
    }
    Ok(Function {
        path,
        program: program.canonicalize()?,
        max_duration: config.max_duration.map_or(DEFAULT_MAX_DURATION, Duration::from_secs),
        environment: config.environment,
    })
}
