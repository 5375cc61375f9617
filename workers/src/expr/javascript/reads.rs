//! What an expression reads, as far as its text tells: only that is sent to a child.

/// Which other nodes' outputs an expression may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NodesRead<'s> {
    /// Those with these names.
    Named(Vec<&'s str>),
    /// Any: a name is computed.
    Any,
}

/// Whether a name such as `$json` stands in it. What only looks so, in a text or a comment, costs no more than time.
pub(super) fn mentions(source: &str, name: &str) -> bool {
    source.contains(name)
}

/// Whether other nodes' outputs may be read: whether `$` is called.
pub(in crate::expr) fn reads_nodes(source: &str) -> bool {
    calls(source).next().is_some()
}

/// Which nodes expressions may read.
pub(super) fn nodes_read<'s>(sources: impl IntoIterator<Item = &'s str>) -> NodesRead<'s> {
    let names: Option<Vec<_>> = sources.into_iter().flat_map(calls).collect();
    names.map_or(NodesRead::Any, |mut names| {
        names.sort_unstable();
        names.dedup();
        NodesRead::Named(names)
    })
}

/// The calls of `$`: each with the name that it asks for, unless that is computed.
fn calls(source: &str) -> impl Iterator<Item = Option<&str>> {
    source.match_indices('$').filter_map(|(at, _)| {
        let goes_on = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '\\');
        if source[..at].ends_with(goes_on) {
            return None;
        }
        let rest = source[at + 1..].trim_start();
        let rest = rest.strip_prefix("?.").unwrap_or(rest).trim_start();
        rest.strip_prefix('(').map(|arguments| literal(arguments.trim_start()))
    })
}

/// The text that is the only argument, if it has nothing to unescape.
fn literal(arguments: &str) -> Option<&str> {
    let quote = arguments.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
    let (name, rest) = arguments[1..].split_once(quote)?;
    let escaped = name.contains(['\\', '\n', '\r']);
    let plain = !escaped && (quote != '`' || !name.contains("${"));
    (plain && rest.trim_start().starts_with(')')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_of_the_dollar_is_found_however_it_is_written() {
        let named = |names: &[&'static str]| NodesRead::Named(names.to_vec());
        for (source, expected) in [
            ("$json.a + $input.all().length + $a$(1)", named(&[])),
            ("`${$json.a} $5` + /^\\$(.)$/.test('x')", named(&[])),
            ("$('start').first().a", named(&["start"])),
            ("$ (\"Get it\").item", named(&["Get it"])),
            ("$\n(\n`b` )?.all() ?? $?.('a').all()", named(&["a", "b"])),
            ("[$('a'), $('a')]", named(&["a"])),
            ("$('a' + 'b')", NodesRead::Any),
            ("$('it\\'s')", NodesRead::Any),
            ("$(`${$json.name}`)", NodesRead::Any),
            ("$($json.name)", NodesRead::Any),
        ] {
            assert_eq!(nodes_read([source]), expected, "{source}");
            assert_eq!(reads_nodes(source), expected != named(&[]), "{source}");
        }
    }
}
