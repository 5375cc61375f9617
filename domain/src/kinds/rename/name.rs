//! Names that a regular expression changes.

use regex::{Captures, Regex};

/// A name would become longer than may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the new name would be longer than {0} bytes")]
pub struct NameTooLong(pub usize);

/// The name with all matches replaced; `None` when there is none. `with` has JavaScript's signs: `$1`, `$<name>`, `$&`,
/// `$$`; what is none stays as it is.
///
/// # Errors
/// When the new name would be longer than `most` bytes. Nothing longer is made.
pub fn replaced(name: &str, regex: &Regex, with: &str, most: usize) -> Result<Option<String>, NameTooLong> {
    let mut made: Option<String> = None;
    let mut copied = 0;
    for captures in regex.captures_iter(name) {
        let Some(all) = captures.get(0) else { continue };
        let made = made.get_or_insert_default();
        append(made, &name[copied..all.start()], most)?;
        expand(made, with, &captures, most)?;
        copied = all.end();
    }
    if let Some(made) = &mut made {
        append(made, &name[copied..], most)?;
    }
    Ok(made)
}

fn append(made: &mut String, text: &str, most: usize) -> Result<(), NameTooLong> {
    if made.len() + text.len() > most {
        return Err(NameTooLong(most));
    }
    made.push_str(text);
    Ok(())
}

/// ECMA-262, `GetSubstitution`, without what stands before and behind a match.
fn expand(made: &mut String, with: &str, captures: &Captures<'_>, most: usize) -> Result<(), NameTooLong> {
    let mut rest = with;
    while let Some(at) = rest.find('$') {
        append(made, &rest[..at], most)?;
        let (text, length) = sign(&rest[at..], captures);
        append(made, text, most)?;
        rest = &rest[at + length..];
    }
    append(made, rest, most)
}

/// What the sign at the beginning of a text stands for, and how long it is.
fn sign<'t>(text: &'t str, captures: &Captures<'t>) -> (&'t str, usize) {
    let group = |found: Option<regex::Match<'t>>| found.map_or("", |found| found.as_str());
    let behind = &text[1..];
    if behind.starts_with('$') {
        return ("$", 2);
    }
    if behind.starts_with('&') {
        return (group(captures.get(0)), 2);
    }
    if let Some((name, _)) = behind.strip_prefix('<').and_then(|named| named.split_once('>')) {
        return (group(captures.name(name)), name.len() + 3);
    }
    // Two digits, if there are so many groups; else one.
    for digits in [2, 1] {
        let number = behind.get(..digits).filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
        if let Some(number) = number.and_then(|number| number.parse::<usize>().ok())
            && (1..captures.len()).contains(&number)
        {
            return (group(captures.get(number)), digits + 1);
        }
    }
    ("$", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_in_a_name_are_replaced_with_javascripts_signs() {
        for (name, pattern, with, expected) in [
            ("first name", " ", "_", Some("first_name")),
            ("a b c", " ", "", Some("abc")),
            ("abc", "x", "y", None),
            ("user_id", "^(.*)_(id)$", "$2_$1", Some("id_user")),
            ("user_id", "(?<what>[a-z]+)_", "$<what>-", Some("user-id")),
            ("abc", "b", "[$&$$$x$2$]", Some("a[b$$x$2$]c")),
            ("a", "(a)(b)?", "$1$2$10", Some("aa0")),
            ("\u{e9}a", "a", "$\u{e9}", Some("\u{e9}$\u{e9}")),
            ("abc", ".*", "x", Some("x")),
            ("abc", "", "-", Some("-a-b-c-")),
        ] {
            let made = replaced(name, &Regex::new(pattern).unwrap(), with, 100).unwrap();
            assert_eq!(made.as_deref(), expected, "{name} {pattern} {with}");
        }
    }

    #[test]
    fn a_name_does_not_grow_beyond_its_limit() {
        let all = Regex::new("a").unwrap();
        assert_eq!(replaced(&"a".repeat(10), &all, "0123456789", 100).unwrap().unwrap().len(), 100);
        assert_eq!(replaced(&"a".repeat(11), &all, "0123456789", 100), Err(NameTooLong(100)));
    }
}
