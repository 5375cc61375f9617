//! A problem document (`application/problem+json`), shown to people.

use std::fmt;

use serde::Deserialize;

/// What the API says when it refuses.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// For programs: `workflow_not_found`, `version_conflict`, ….
    pub code: String,
    /// The kind of problem, in a few words.
    pub title: String,
    /// What is wrong here and what to do.
    #[serde(default)]
    pub detail: Option<String>,
    /// What to name when somebody asks for help.
    #[serde(default)]
    pub request_id: Option<String>,
    /// All that is wrong with a document.
    #[serde(default)]
    pub violations: Vec<Violation>,
}

/// One thing that is wrong with a document. Its code is text: a newer server may know codes that this program does not.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Violation {
    /// Where, as a path into the document.
    pub path: String,
    /// What kind of mistake.
    pub code: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} {})", self.title, self.status, self.code)?;
        if let Some(detail) = &self.detail {
            write!(f, "\n  {detail}")?;
        }
        for Violation { path, code, message } in &self.violations {
            write!(f, "\n  • {path}: {message} ({code})")?;
        }
        if let Some(step) = next_step(self.status) {
            write!(f, "\n  → {step}")?;
        }
        if let Some(request) = self.request_id.as_deref().filter(|_| self.status >= 500) {
            write!(f, "\n  request {request}")?;
        }
        Ok(())
    }
}

const fn next_step(status: u16) -> Option<&'static str> {
    match status {
        401 => Some("get a fresh token: export MINIREIPAZ_TOKEN=$(minireipaz token)"),
        403 => Some("use a token with the scope it names: minireipaz token --scopes …"),
        412 => Some("somebody saved a newer version: get it, merge, and update again"),
        429 | 503 => Some("try again in a moment"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_violation_has_a_line_of_its_own() {
        let problem: Problem = serde_json::from_value(serde_json::json!({
            "type": "about:blank", "title": "The workflow is not valid", "status": 422, "code": "invalid_workflow",
            "detail": "2 violations", "request_id": "r1",
            "violations": [
                {"path": "nodes[0].type", "code": "unknown_kind", "message": "no such kind"},
                {"path": "edges[1].target", "code": "dangling_edge", "message": "no such node"}
            ]
        }))
        .unwrap();
        assert_eq!(
            problem.to_string(),
            "The workflow is not valid (422 invalid_workflow)\n  2 violations\n  \
             • nodes[0].type: no such kind (unknown_kind)\n  • edges[1].target: no such node (dangling_edge)"
        );
    }

    #[test]
    fn a_refused_token_comes_with_the_next_step() {
        let problem: Problem = serde_json::from_value(serde_json::json!({
            "title": "Who are you?", "status": 401, "code": "token_expired"
        }))
        .unwrap();
        assert!(problem.to_string().ends_with("$(minireipaz token)"));
    }
}
