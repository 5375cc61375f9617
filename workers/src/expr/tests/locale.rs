//! What needs locales and is not there is refused by name, never answered as if it had not been asked. (What is there, the
//! tests of dates say.)

use serde_json::json;

use super::{evaluate_as, fails, scope};
use crate::expr::Expression;

#[test]
fn a_locale_or_a_time_zone_is_an_error_that_names_what_is_missing() {
    for source in [
        "[new Date(0)].toLocaleString('de-DE')",
        "'a'.localeCompare('b', 'de')",
        "'a10'.localeCompare('a2', undefined, {numeric: true})",
        "'I'.toLocaleLowerCase('tr')",
        "'i'.toLocaleUpperCase('tr')",
    ] {
        let error = fails(json!([{}]), source);
        assert!(
            error.contains("knows no locales, time zones or options: Intl is not available; "),
            "{error}"
        );
    }
}

#[test]
fn without_them_the_methods_are_as_they_were() {
    let scope = scope(json!([{}]));
    for (source, expected) in [
        ("'a'.localeCompare('b') < 0", json!(true)),
        ("'a'.localeCompare('b', undefined) < 0", json!(true)),
        ("'ab'.toLocaleUpperCase()", json!("AB")),
        ("(5).toLocaleString(undefined)", json!("5")),
        ("new Date(0).toLocaleDateString().includes('1970')", json!(true)),
        ("Date.prototype.toLocaleString.name", json!("toLocaleString")),
        ("Object.keys(Date.prototype)", json!([])),
    ] {
        let compiled = Expression::compile(source, &scope.definition);
        assert_eq!(evaluate_as(&scope, &compiled, 0), Ok(expected), "{source}");
    }
}
