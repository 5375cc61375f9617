//! Plain paths: what is seen to be one expression without a parser.

/// Whether the source is `$name` with any number of `.name`, `?.name`, `[0]`, `["name"]`, `()` and `("text")` behind it,
/// without white space. Whatever is so written is one expression, and holds no `}}` that is not text.
pub(super) fn is_plain(source: &str) -> bool {
    let Some(mut rest) = source.strip_prefix('$').map(name_rest) else { return false };
    while !rest.is_empty() {
        match link(rest) {
            Some(behind) => rest = behind,
            None => return false,
        }
    }
    true
}

/// What is behind the first link.
fn link(text: &str) -> Option<&str> {
    if let Some(inside) = text.strip_prefix('(') {
        return inside.strip_prefix(')').or_else(|| quoted(inside)?.strip_prefix(')'));
    }
    let (text, optional) = match text.strip_prefix("?.") {
        Some(behind) => (behind, true),
        None => (text, false),
    };
    if let Some(inside) = text.strip_prefix('[') {
        return quoted(inside).or_else(|| index(inside))?.strip_prefix(']');
    }
    let text = if optional { text } else { text.strip_prefix('.')? };
    text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '$')).then(|| name_rest(text))
}

fn name_rest(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$'))
}

/// Behind a text in quotes, without escapes.
fn quoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let inside = &text[1..];
    let end = inside.find(|c: char| c == quote || c == '\\' || c.is_control())?;
    inside[end..].strip_prefix(quote)
}

/// Behind a whole number: `0`, or one that does not begin so.
fn index(text: &str) -> Option<&str> {
    let behind = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = &text[..text.len() - behind.len()];
    (digits == "0" || !(digits.is_empty() || digits.starts_with('0'))).then_some(behind)
}
