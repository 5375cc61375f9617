//! Strings that hold `{{ expressions }}`: where an expression starts and ends. What it means, the worker knows.

/// A string of a node's parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Template {
    /// No expression in it.
    Literal(String),
    /// One single expression; its value keeps its type.
    Expression(String),
    /// Text and expressions; the result is text.
    Mixed(Vec<Part>),
}

/// A piece of a mixed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Taken as it is.
    Text(String),
    /// Evaluated.
    Expression(String),
}

/// A template that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// `{{` without `}}`.
    #[error("the expression that starts at character {at} has no closing `}}}}`")]
    Unclosed {
        /// Where `{{` is, in characters.
        at: usize,
    },
    /// `{{ }}`.
    #[error("the expression at character {at} is empty")]
    Empty {
        /// Where `{{` is, in characters.
        at: usize,
    },
}

impl Template {
    /// Splits a string into text and expressions. Braces and quotes inside an expression are matched, so that
    /// `{{ {a: {b: "}}"}} }}` is one expression.
    ///
    /// # Errors
    /// When an expression is empty or does not end.
    pub fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        if !text.contains("{{") {
            return Ok(Self::Literal(text.to_owned()));
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("{{") {
            let at = text[..text.len() - rest.len() + start].chars().count();
            if start > 0 {
                parts.push(Part::Text(rest[..start].to_owned()));
            }
            let body = &rest[start + 2..];
            let end = end_of_expression(body).ok_or(InvalidTemplate::Unclosed { at })?;
            let expression = body[..end].trim();
            if expression.is_empty() {
                return Err(InvalidTemplate::Empty { at });
            }
            parts.push(Part::Expression(expression.to_owned()));
            rest = &body[end + 2..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(match <[Part; 1]>::try_from(parts) {
            Ok([Part::Expression(expression)]) => Self::Expression(expression),
            Ok([Part::Text(text)]) => Self::Literal(text),
            Err(parts) => Self::Mixed(parts),
        })
    }
}

/// The offset of the `}}` that ends the expression: outside quotes and inner braces.
fn end_of_expression(body: &str) -> Option<usize> {
    let bytes = body.as_bytes();
    let (mut depth, mut quote, mut i) = (0usize, None, 0);
    while i < bytes.len() {
        match (quote, bytes[i]) {
            (Some(_), b'\\') => i += 1,
            (Some(q), b) if q == b => quote = None,
            (Some(_), _) => {}
            (None, q @ (b'"' | b'\'' | b'`')) => quote = Some(q),
            (None, b'{') => depth += 1,
            (None, b'}') if depth > 0 => depth -= 1,
            (None, b'}') if bytes.get(i + 1) == Some(&b'}') => return Some(i),
            _ => {}
        }
        i += 1;
    }
    None
}

/// Whether a value holds an expression anywhere, so that its type is known only at run time.
#[must_use]
pub fn has_expression(value: &serde_json::Value) -> bool {
    use serde_json::Value;
    match value {
        Value::String(text) => text.contains("{{"),
        Value::Array(list) => list.iter().any(has_expression),
        Value::Object(map) => map.values().any(has_expression),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expression(text: &str) -> Part {
        Part::Expression(text.into())
    }

    #[test]
    fn text_without_braces_is_literal() {
        assert_eq!(Template::parse("a } b"), Ok(Template::Literal("a } b".into())));
    }

    #[test]
    fn a_single_expression_is_told_from_mixed_text() {
        assert_eq!(Template::parse("{{ $json.a }}"), Ok(Template::Expression("$json.a".into())));
        assert_eq!(
            Template::parse("x{{a}}y{{ b }}"),
            Ok(Template::Mixed(vec![
                Part::Text("x".into()),
                expression("a"),
                Part::Text("y".into()),
                expression("b")
            ]))
        );
    }

    #[test]
    fn braces_and_quotes_inside_an_expression_do_not_end_it() {
        for inner in ["{a: {b: 1}}", "'}}'", "\"\\\"}}\"", "`${a}}}`", "[{}].map(x => ({y: {}}))"] {
            assert_eq!(
                Template::parse(&format!("{{{{ {inner} }}}}")),
                Ok(Template::Expression(inner.into()))
            );
        }
    }

    #[test]
    fn what_does_not_end_is_refused_with_its_place() {
        assert_eq!(Template::parse("é {{ a"), Err(InvalidTemplate::Unclosed { at: 2 }));
        assert_eq!(Template::parse("{{ '}} "), Err(InvalidTemplate::Unclosed { at: 0 }));
        assert_eq!(Template::parse("ab{{ }}"), Err(InvalidTemplate::Empty { at: 2 }));
    }
}
