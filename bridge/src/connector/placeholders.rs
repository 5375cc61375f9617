//! `${env:NAME}`: how files name what differs between places, secrets among it. (Kafka Connect has the same with
//! its `EnvVarConfigProvider`.)

use std::collections::BTreeMap;

const OPEN: &str = "${env:";

/// How a file names a variable.
pub(super) fn of(name: &str) -> String {
    format!("{OPEN}{name}}}")
}

/// `text` with every `${env:NAME}` filled in. `${topic}` and other forms stay.
pub(super) fn resolve(text: &str, variables: &BTreeMap<String, String>) -> Result<String, String> {
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(OPEN) {
        let (before, from) = rest.split_at(start);
        let (name, after) = from[OPEN.len()..]
            .split_once('}')
            .ok_or_else(|| "has a ${env: without its closing bracket".to_owned())?;
        let value =
            variables.get(name).ok_or_else(|| format!("needs the variable {name}, which is not set"))?;
        resolved.push_str(before);
        resolved.push_str(value);
        rest = after;
    }
    resolved.push_str(rest);
    Ok(resolved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_in_once_and_nothing_else_is_touched() {
        let variables =
            BTreeMap::from([("A".to_owned(), "${env:B}".to_owned()), ("B".to_owned(), "2".to_owned())]);
        assert_eq!(resolve("x${env:A}y${env:B}${topic}", &variables).as_deref(), Ok("x${env:B}y2${topic}"));
        assert_eq!(resolve("${env:C}", &variables), Err("needs the variable C, which is not set".to_owned()));
        assert!(resolve("${env:A", &variables).is_err());
    }
}
