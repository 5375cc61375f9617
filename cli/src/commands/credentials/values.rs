//! What a credential says: of a file, of the standard input, or as a person types it.

use std::{io::Read as _, path::Path};

use console::Term;
use domain::credential::CredentialType;
use serde_json::{Map, Value};

use crate::{
    client::{Client, TypeField},
    failure::Failure,
};

/// The values that are given.
pub(super) async fn given(
    client: &Client,
    kind: CredentialType,
    file: Option<&Path>,
) -> Result<Map<String, Value>, Failure> {
    match file {
        Some(path) if path == Path::new("-") => {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            read.map_err(|error| Failure::usage(format!("the standard input cannot be read: {error}")))?;
            parsed(&text, "the standard input")
        }
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Failure::usage(format!("{} cannot be read: {error}", path.display())))?;
            parsed(&text, &path.display().to_string())
        }
        None => {
            let term = Term::stderr();
            if !term.is_term() {
                return Err(Failure::usage(
                    "nobody can be asked here\n  → name a file: --values FILE, or - for the standard input",
                ));
            }
            let types = client.credentials().types().await?;
            let form = types.into_iter().find(|form| form.kind == kind.as_str());
            let fields = form.map(|form| form.fields()).unwrap_or_default();
            // A thread that waits for a person must not be one of the runtime's.
            let asked = tokio::task::spawn_blocking(move || asked(&fields, |field| ask(&term, field))).await;
            Ok(asked.map_err(anyhow::Error::from)?.map_err(anyhow::Error::from)?)
        }
    }
}

/// What is wrong is said without a word of the text.
fn parsed(text: &str, what: &str) -> Result<Map<String, Value>, Failure> {
    serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Failure::usage(format!("{what} is not a JSON object, at line {line} column {column}"))
    })
}

/// The answers to those fields that have a meaning beside the others; what is left blank is left out.
fn asked<E>(
    fields: &[TypeField],
    mut ask: impl FnMut(&TypeField) -> Result<String, E>,
) -> Result<Map<String, Value>, E> {
    let mut values = Map::new();
    for field in fields {
        let has_meaning = field.only_with.iter().all(|(other, words)| {
            values
                .get(other)
                .and_then(Value::as_str)
                .is_some_and(|word| words.iter().any(|known| known == word))
        });
        if !has_meaning {
            continue;
        }
        let answer = ask(field)?;
        if !answer.is_empty() {
            values.insert(field.name.clone(), answer.into());
        }
    }
    Ok(values)
}

fn ask(term: &Term, field: &TypeField) -> std::io::Result<String> {
    let words = if field.words.is_empty() { String::new() } else { format!(" [{}]", field.words.join(", ")) };
    let optional = if field.required || field.only_with.len() == 1 { "" } else { " (may be left blank)" };
    term.write_str(&format!("{}{words}{optional}: ", field.name))?;
    if field.secret { term.read_secure_line() } else { term.read_line() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, only_with: &[(&str, &str)]) -> TypeField {
        TypeField {
            name: name.to_owned(),
            doc: String::new(),
            required: true,
            secret: false,
            words: Vec::new(),
            only_with: only_with
                .iter()
                .map(|(other, word)| ((*other).to_owned(), vec![(*word).to_owned()]))
                .collect(),
        }
    }

    #[test]
    fn a_person_is_asked_for_what_has_a_meaning_and_may_leave_blank_what_may_be_missing() {
        let fields = [field("grant", &[]), field("authorize_url", &[("grant", "code")]), field("scope", &[])];
        for (grant, expected) in
            [("code", vec!["grant", "authorize_url", "scope"]), ("own", vec!["grant", "scope"])]
        {
            let mut asked_for = Vec::new();
            let values = asked::<()>(&fields, |field| {
                asked_for.push(field.name.clone());
                Ok(if field.name == "grant" { grant.to_owned() } else { String::new() })
            });
            assert_eq!(asked_for, expected);
            assert_eq!(values.unwrap().keys().collect::<Vec<_>>(), ["grant"]);
        }
    }

    #[test]
    fn what_is_no_json_is_told_without_its_text() {
        let Err(Failure::Usage(said)) = parsed("{\"token\": hush}", "the file") else {
            panic!("it is refused")
        };
        assert!(said.contains("line 1") && !said.contains("hush"), "{said}");
    }
}
