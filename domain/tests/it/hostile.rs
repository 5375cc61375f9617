//! The worst documents are accepted or refused by a limit's name. How long that takes, `benches/worst_documents.rs` tells.

use std::sync::LazyLock;

use domain::{
    definition::Definition,
    limits::{MAX_MESSAGE_BYTES, MAX_VIOLATIONS},
    violation::ViolationCode as Code,
    workflow::WorkflowDocument,
};

use crate::worst;

static DOCUMENTS: LazyLock<Vec<(&str, WorkflowDocument)>> = LazyLock::new(worst::documents);

/// What is said of the document of that name first.
fn first_of(name: &str) -> Option<(Code, String)> {
    let (_, document) = DOCUMENTS.iter().find(|(known, _)| *known == name).expect(name);
    let mut found = Definition::new(document).err()?;
    Some((found[0].code, found.remove(0).message))
}

#[test]
fn the_worst_documents_are_refused_by_a_limit_with_its_name() {
    for (name, limit) in [
        ("patterns: small", "MAX_PATTERNS_WEIGHT"),
        ("patterns: letters", "MAX_PATTERN_WEIGHT"),
        ("patterns: one, nested", "MAX_PATTERN_WEIGHT"),
        ("expressions: small", "MAX_EXPRESSIONS"),
        ("expressions: flat", "MAX_EXPRESSIONS_BYTES"),
        ("expressions: sets", "MAX_CHARACTER_CLASSES"),
        ("expressions: ranges", "MAX_CHARACTER_CLASSES"),
        ("shapes: too many nodes", "MAX_NODES"),
        ("shapes: a nested value", "MAX_DEPTH"),
    ] {
        let (code, message) = first_of(name).expect(name);
        assert!(code == Code::Limit && message.contains(&format!("({limit})")), "{name}: {message}");
    }
    for name in ["expressions: plain", "expressions: one text, quotes", "expressions: one text, comments"] {
        assert_eq!(first_of(name), None, "{name}");
    }
}

#[test]
fn however_many_mistakes_a_document_has_so_many_are_told_in_texts_that_people_read() {
    for wanted in ["shapes: wrong conditions", "shapes: mistakes in a deep place", "shapes: dangling"] {
        let (_, document) = DOCUMENTS.iter().find(|(name, _)| *name == wanted).expect(wanted);
        let found = Definition::new(document).unwrap_err();
        assert_eq!(found.len(), MAX_VIOLATIONS, "{wanted}");
        assert!(found.iter().all(|one| one.path.len() < 1_100 && one.message.len() < MAX_MESSAGE_BYTES + 10));
    }
}

#[test]
fn a_saved_document_is_read_without_its_expressions_patterns_and_selectors_however_bad_they_are() {
    for (name, document) in &*DOCUMENTS {
        if ["expressions", "patterns", "selectors"].iter().any(|kind| name.starts_with(kind)) {
            assert!(Definition::of_saved(document).is_ok(), "{name}");
        }
    }
}
