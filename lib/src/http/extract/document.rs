//! JSON into documents, with the place of whatever does not fit.

use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::super::problem::ApiError;
use domain::{
    violation::{Violation, ViolationCode, Violations},
    workflow::{EdgeDocument, NodeDocument, Settings, WorkflowDocument},
};

/// Reads JSON into `T`.
///
/// # Errors
/// 400 with line and column for what is not JSON; `misfit` for what is JSON and not a `T`.
pub(super) fn parse<T: DeserializeOwned>(
    bytes: &[u8],
    misfit: impl FnOnce(Vec<Violation>) -> ApiError,
) -> Result<T, ApiError> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        if error.inner().is_data() {
            misfit(vec![violation("", &error.path().to_string(), error.inner())])
        } else {
            not_json(error.inner())
        }
    })?;
    json.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

fn not_json(error: &serde_json::Error) -> ApiError {
    let detail = format!("the body is not JSON: {error}");
    ApiError::new(StatusCode::BAD_REQUEST, "invalid_json", detail)
}

/// Reads a workflow document.
///
/// # Errors
/// 400 for what is not JSON; 422 with what does not fit, in every node and edge at once.
pub(super) fn read(bytes: &[u8]) -> Result<WorkflowDocument, ApiError> {
    match serde_json::from_slice(bytes) {
        Ok(document) => Ok(document),
        Err(error) if error.is_data() => {
            let value = serde_json::from_slice(bytes).map_err(|error| not_json(&error))?;
            let mut found = misfits(value);
            if found.is_empty() {
                found.push(violation("", "", &error));
            }
            Err(super::invalid_workflow(found))
        }
        Err(error) => Err(not_json(&error)),
    }
}

/// Looks at the parts one by one, since reading the whole stops at the first that does not fit.
fn misfits(value: Value) -> Vec<Violation> {
    let mut violations = Violations::new();
    let Value::Object(mut fields) = value else {
        violations.add("", ViolationCode::InvalidType, "a workflow is a JSON object");
        return violations.into_vec();
    };
    check::<String>(&mut fields, "name", true, &mut violations);
    check::<bool>(&mut fields, "active", false, &mut violations);
    each::<NodeDocument>(&mut fields, "nodes", true, &mut violations);
    each::<EdgeDocument>(&mut fields, "edges", false, &mut violations);
    check::<Settings>(&mut fields, "settings", false, &mut violations);
    violations.into_vec()
}

fn each<T: DeserializeOwned>(
    fields: &mut Map<String, Value>,
    name: &str,
    needed: bool,
    violations: &mut Violations,
) {
    match fields.remove(name) {
        Some(Value::Array(list)) => {
            for (i, value) in list.into_iter().enumerate() {
                fit::<T>(&format!("{name}[{i}]"), value, violations);
            }
        }
        Some(other) => {
            let found = domain::items::name_of(&other);
            violations.add(
                name,
                ViolationCode::InvalidType,
                format!("{name} is a list, and this is {found}"),
            );
        }
        None if needed => violations.add(name, ViolationCode::Required, format!("{name} is missing")),
        None => {}
    }
}

fn check<T: DeserializeOwned>(
    fields: &mut Map<String, Value>,
    name: &str,
    needed: bool,
    violations: &mut Violations,
) {
    match fields.remove(name) {
        Some(value) => fit::<T>(name, value, violations),
        None if needed => violations.add(name, ViolationCode::Required, format!("{name} is missing")),
        None => {}
    }
}

fn fit<T: DeserializeOwned>(path: &str, value: Value, violations: &mut Violations) {
    if let Err(error) = serde_path_to_error::deserialize::<_, T>(value) {
        let Violation { path, code, message } = violation(path, &error.path().to_string(), error.inner());
        violations.add(path, code, message);
    }
}

/// The violation that a reading error stands for. serde tells kinds of errors apart in its text only.
fn violation(base: &str, inner: &str, error: &serde_json::Error) -> Violation {
    let text = error.to_string();
    // Where it stands in the text helps nobody who is told the path.
    let text = text.split(" at line ").next().unwrap_or_default();
    let mut path = base.to_owned();
    let mut push = |part: &str| {
        if !path.is_empty() && !part.starts_with('[') {
            path.push('.');
        }
        path.push_str(part);
    };
    if !matches!(inner, "." | "?" | "") {
        push(inner);
    }
    let named = |prefix: &str| text.strip_prefix(prefix)?.split('`').next();
    let (code, message) = if let Some(field) = named("missing field `") {
        push(field);
        (ViolationCode::Required, format!("{field} is missing"))
    } else if text.starts_with("unknown field") {
        (ViolationCode::UnknownField, text.to_owned())
    } else if text.starts_with("invalid type") {
        (ViolationCode::InvalidType, text.to_owned())
    } else {
        (ViolationCode::InvalidValue, text.to_owned())
    };
    Violation { path, code, message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn places(document: Value) -> Vec<(String, String)> {
        misfits(document).into_iter().map(|violation| (violation.path, violation.code.to_string())).collect()
    }

    #[test]
    fn every_part_that_does_not_fit_is_named_with_its_place() {
        let found = places(json!({
            "active": "yes",
            "nodes": [
                {"type": "manual"},
                {"id": "a", "type": "noop", "data": {"timeout": "soon"}},
                {"id": "b", "type": "noop", "data": {"retry": {"max_attempts": "many"}}},
                {"id": "c", "type": "noop", "data": {"on_error": "explode"}},
                7
            ],
            "edges": [{"source": "a"}],
            "settings": {"concurrency": {"limit": 1, "over": "queue"}}
        }));
        let expected = [
            ("name", "required"),
            ("active", "invalid_type"),
            ("nodes[0].id", "required"),
            ("nodes[1].data.timeout", "invalid_value"),
            ("nodes[2].data.retry.max_attempts", "invalid_type"),
            ("nodes[3].data.on_error", "invalid_value"),
            ("nodes[4]", "invalid_type"),
            ("edges[0].target", "required"),
            ("settings.concurrency.over", "unknown_field"),
        ]
        .map(|(path, code)| (path.to_owned(), code.to_owned()));
        assert_eq!(found, expected);
        assert_eq!(places(json!([])), [(String::new(), "invalid_type".to_owned())]);
        assert_eq!(
            places(json!({"name": "x", "nodes": {}})),
            [("nodes".to_owned(), "invalid_type".to_owned())]
        );
    }

    #[test]
    fn what_is_not_json_is_refused_with_line_and_column() {
        let error = read(b"{\n \"name\": ,}").unwrap_err();
        assert_eq!((error.status().as_u16(), error.code()), (400, "invalid_json"));
        assert!(format!("{error:?}").contains("line 2 column 10"), "{error:?}");
        // Also when the broken part comes after one that does not fit.
        assert_eq!(read(b"{\"nodes\": 1, ").unwrap_err().code(), "invalid_json");
        assert_eq!(read(b"{} {}").unwrap_err().code(), "invalid_json");
    }
}
