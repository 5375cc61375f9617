//! JSON, as files have it and as people read it.

use std::path::Path;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{display::print, failure::Failure};

/// Reads a JSON file; what is wrong with it is said with its name and place.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("{} cannot be read: {error}", path.display())))?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::usage(format!("{} is not what it should be: {error}", path.display())))
}

/// What an option says that takes JSON or `@FILE`; `name` is the option's.
pub(super) fn given_json(name: &str, text: &str) -> Result<Value, Failure> {
    match text.strip_prefix('@') {
        Some(file) => read_json(Path::new(file)),
        None => serde_json::from_str(text).map_err(|error| {
            Failure::usage(format!(
                "--{name} is not JSON: {error}\n  → quote it: --{name} '{{\"name\": \"Ada\"}}', or name a file: --{name} @FILE"
            ))
        }),
    }
}

/// Prints a value as people read JSON.
pub(super) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(anyhow::Error::from)?;
    print(&text);
    Ok(())
}
