//! What a project's `vercel.json` says about how it is served.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use globset::GlobBuilder;
use serde::{Deserialize, de::IgnoredAny};

use super::{
    deployment::{DEFAULT_MAX_DURATION, read_json},
    routes::Entry,
};

/// What means nothing here. Anything else that is not read would change what is served.
const MEANS_NOTHING: [&str; 5] = ["$schema", "regions", "framework", "buildCommand", "crons"];

/// `vercel.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VercelJson {
    /// The folder of the published files; `public` when it says nothing.
    pub(super) output_directory: Option<PathBuf>,
    /// By globs of the functions' files.
    #[serde(default)]
    functions: BTreeMap<String, Limits>,
    #[serde(default)]
    headers: Vec<HeaderRule>,
    #[serde(default)]
    rewrites: Vec<Rewrite>,
    #[serde(flatten)]
    others: BTreeMap<String, IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Limits {
    /// In seconds.
    max_duration: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderRule {
    source: String,
    headers: Vec<Header>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rewrite {
    source: String,
    destination: String,
}

#[derive(Debug, Deserialize)]
struct Header {
    key: String,
    value: String,
}

impl VercelJson {
    /// Reads a project's.
    ///
    /// # Errors
    /// When it has something that this program does not do.
    pub(super) fn of(project: &Path) -> anyhow::Result<Self> {
        let read: Self = read_json(&project.join("vercel.json"))?;
        if let Some(name) = read.others.keys().find(|name| !MEANS_NOTHING.contains(&name.as_str())) {
            anyhow::bail!("vercel.json has `{name}`, which this program does not do");
        }
        Ok(read)
    }

    /// How long a request to the function of this file may take.
    ///
    /// # Errors
    /// When a glob is not one.
    pub(super) fn max_duration(&self, file: &str) -> Result<Duration, globset::Error> {
        for (glob, limits) in &self.functions {
            if matches(glob, file)? {
                return Ok(limits.max_duration.map_or(DEFAULT_MAX_DURATION, Duration::from_secs));
            }
        }
        Ok(DEFAULT_MAX_DURATION)
    }

    /// Routes that only add the headers of answers.
    ///
    /// # Errors
    /// When a rule is for paths that this program cannot tell.
    pub(super) fn header_routes(&self) -> anyhow::Result<Vec<Entry>> {
        let routes = self.headers.iter().map(|HeaderRule { source, headers }| {
            Ok(Entry {
                src: Some(pattern(source)?),
                headers: headers.iter().map(|header| (header.key.clone(), header.value.clone())).collect(),
                r#continue: true,
                ..Entry::default()
            })
        });
        routes.collect()
    }

    /// Routes that lead paths elsewhere.
    ///
    /// # Errors
    /// When a rule is for paths that this program cannot tell.
    pub(super) fn rewrite_routes(&self) -> anyhow::Result<Vec<Entry>> {
        let routes = self.rewrites.iter().map(|Rewrite { source, destination }| {
            // A part by its name in the pattern: `=:id` of the file is `=$id` of the output.
            let dest = destination.replace("=:", "=$");
            Ok(Entry { src: Some(pattern(source)?), dest: Some(dest), check: true, ..Entry::default() })
        });
        routes.collect()
    }
}

/// The pattern of paths. This program can tell those of texts, `(.*)` for anything, and `:name` for one part.
fn pattern(source: &str) -> anyhow::Result<String> {
    let is_text = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let is_plain = |part: &str| part.replace("(.*)", "").chars().all(is_text);
    let part = |part: &str| match part.strip_prefix(':') {
        Some(name) if !name.is_empty() && name.chars().all(is_text) => Ok(format!("(?<{name}>[^/]+)")),
        None if is_plain(part) => Ok(part.to_owned()),
        _ => anyhow::bail!("vercel.json: the source `{source}` has more than text, `(.*)` and `:name`"),
    };
    let parts: Vec<_> = source.split('/').map(part).collect::<anyhow::Result<_>>()?;
    Ok(parts.join("/"))
}

/// Whether a glob is for a file, as Vercel means it: `*` is within a folder, `**/` any folders, and `[id]` stands for
/// itself.
fn matches(glob: &str, file: &str) -> Result<bool, globset::Error> {
    let literal_brackets = glob.replace('[', r"\[").replace(']', r"\]");
    let glob = GlobBuilder::new(&literal_brackets).literal_separator(true).build()?;
    Ok(glob.compile_matcher().is_match(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_served_otherwise_by_the_platform_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for (settings, said) in [
            (r#"{"redirects": []}"#, "`redirects`"),
            (r#"{"rewrites": [{"source": "/a/:b*", "destination": "/"}]}"#, "`/a/:b*`"),
            (r#"{"headers": [{"source": "/:path*", "headers": []}]}"#, "`/:path*`"),
        ] {
            std::fs::write(folder.path().join("vercel.json"), settings).unwrap();
            let read = VercelJson::of(folder.path());
            let error =
                read.and_then(|read| Ok((read.header_routes()?, read.rewrite_routes()?))).unwrap_err();
            assert!(format!("{error:#}").contains(said), "{error:#}");
        }
    }

    #[test]
    fn a_time_limit_is_found_by_its_glob() {
        for (glob, path, expected) in [
            ("api/v1/*.rs", "api/v1/ping.rs", true),
            ("api/v1/*.rs", "api/v1/runs/[id].rs", false),
            ("api/**/*.rs", "api/v1/runs/[id].rs", true),
            ("api/**/*.rs", "api/ping.rs", true),
            ("api/v1/ping.rs", "api/v1/ping.rs", true),
            ("api/v1/runs/[id].rs", "api/v1/runs/[id].rs", true),
            ("api/v1/runs/[id].rs", "api/v1/runs/i.rs", false),
            ("api/v1/workflows/[id]/*.rs", "api/v1/workflows/[id]/runs.rs", true),
        ] {
            assert_eq!(matches(glob, path).unwrap(), expected, "{glob} {path}");
        }
    }
}
