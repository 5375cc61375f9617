use serde_json::json;

use super::*;
use crate::violation::Violations;

choice! {
    /// How to greet.
    pub enum Greeting {
        /// By a name.
        Named = "named",
        /// By nothing.
        Silent = "silent",
    }
}

params! {
    /// Parameters of which one, that may be an expression, says whether another has a meaning.
    pub struct Greet {
        /// How.
        greeting: Greeting = Greeting::Named;
        /// Whom.
        name: Option<String>, with greeting ["named"] required;
    }
}

#[test]
fn whether_a_parameter_has_a_meaning_is_left_open_with_the_word_it_depends_on() {
    let schema = jsonschema::draft202012::new(&root(object_schema(&Greet::TABLE))).unwrap();
    for (value, expected) in [
        (json!({"name": "Ada"}), &[][..]),
        (json!({}), &["p.name"]),
        (json!({"greeting": null, "name": null}), &["p.name"]),
        (json!({"greeting": "silent"}), &[]),
        (json!({"greeting": "silent", "name": null}), &[]),
        (json!({"greeting": "silent", "name": "Ada"}), &["p.name"]),
        (json!({"greeting": "{{ x }}"}), &[]),
        (json!({"greeting": "{{ x }}", "name": "Ada"}), &[]),
        (json!({"greeting": "loud", "name": "Ada"}), &["p.greeting"]),
        (json!({"greeting": "loud"}), &["p.greeting"]),
    ] {
        let (mut violations, mut checker) = (Violations::new(), Checker::default());
        let mut reader = Reader::saved(&mut violations, &mut checker);
        Greet::check(value.as_object().unwrap(), &At::root("p"), &mut reader);
        let paths: Vec<_> = violations.into_vec().into_iter().map(|found| found.path).collect();
        assert_eq!(paths, expected, "{value}");
        assert_eq!(schema.is_valid(&value), expected.is_empty(), "{value}");
    }
}
