//! What an expression reads, as far as its text tells: only that is sent to a child.

use std::collections::BTreeMap;

/// Which other nodes' outputs an expression may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NodesRead<'s> {
    /// Those with these names.
    Named(BTreeMap<&'s str, Parts>),
    /// Any: a name is computed.
    Any,
}

/// What of a node is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Parts {
    /// Its lists: `.all()`, `.first()`, `.last()`.
    pub(super) lists: bool,
    /// What belongs to the item: `.item`.
    pub(super) item: bool,
    /// What belongs to any item: `.itemMatching()`.
    pub(super) matching: bool,
}

impl Parts {
    /// Whatever a node has.
    pub(super) const ALL: Self = Self { lists: true, item: true, matching: true };

    /// What is read of a node by the text behind `$('node')`.
    fn of(behind: &str) -> Self {
        let behind = behind.trim_start();
        let Some(member) = behind.strip_prefix("?.").or_else(|| behind.strip_prefix('.')) else {
            return Self::ALL;
        };
        let member = member.trim_start();
        let end = member.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$' | '\\')));
        match &member[..end.unwrap_or(member.len())] {
            "item" => Self { item: true, ..Self::default() },
            "itemMatching" => Self { matching: true, ..Self::default() },
            "all" | "first" | "last" => Self { lists: true, ..Self::default() },
            "isExecuted" => Self::default(),
            _ => Self::ALL,
        }
    }

    /// Both.
    pub(super) const fn and(self, other: Self) -> Self {
        Self {
            lists: self.lists | other.lists,
            item: self.item | other.item,
            matching: self.matching | other.matching,
        }
    }
}

/// Whether a name such as `$json` stands in it. What only looks so, in a text or a comment, costs no more than time.
pub(super) fn mentions(source: &str, name: &str) -> bool {
    source.contains(name)
}

/// Whether the libraries of dates, locales and queries may be needed. What only looks so costs no more than time.
pub(super) fn needs_libraries(source: &str) -> bool {
    const WORDS: &[&str] = &[
        "$now",
        "$today",
        "DateTime",
        "Duration",
        "Interval",
        "Intl",
        "jmes",
        "toLocale",
        "format",
        "plus",
        "minus",
        "beginningOf",
        "endOfMonth",
        "extract",
        "isBetween",
        "isDst",
        "isInLast",
        "isWeekend",
        "diffTo",
    ];
    WORDS.iter().any(|word| source.contains(word))
}

/// Whether other nodes' outputs may be read: whether `$` is called.
pub(in crate::expr) fn reads_nodes(source: &str) -> bool {
    calls(source).next().is_some()
}

/// Which nodes expressions may read, and what of them.
pub(super) fn nodes_read<'s>(sources: impl IntoIterator<Item = &'s str>) -> NodesRead<'s> {
    let mut named: BTreeMap<&str, Parts> = BTreeMap::new();
    for call in sources.into_iter().flat_map(calls) {
        let Some((name, parts)) = call else { return NodesRead::Any };
        let known = named.entry(name).or_default();
        *known = known.and(parts);
    }
    NodesRead::Named(named)
}

/// The calls of `$`: each with the name that it asks for, unless that is computed, and what it reads of the node.
fn calls(source: &str) -> impl Iterator<Item = Option<(&str, Parts)>> {
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

/// The text that is the only argument, if it has nothing to unescape, and what the text behind the call reads.
fn literal(arguments: &str) -> Option<(&str, Parts)> {
    let quote = arguments.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
    let (name, rest) = arguments[1..].split_once(quote)?;
    let escaped = name.contains(['\\', '\n', '\r']);
    let plain = !escaped && (quote != '`' || !name.contains("${"));
    let behind = rest.trim_start().strip_prefix(')').filter(|_| plain)?;
    Some((name, Parts::of(behind)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTS: Parts = Parts { lists: true, item: false, matching: false };
    const ITEM: Parts = Parts { lists: false, item: true, matching: false };

    fn named(names: &[(&'static str, Parts)]) -> NodesRead<'static> {
        NodesRead::Named(names.iter().copied().collect())
    }

    #[test]
    fn a_call_of_the_dollar_is_found_however_it_is_written() {
        for (source, expected) in [
            ("$json.a + $input.all().length + $a$(1)", named(&[])),
            ("`${$json.a} $5` + /^\\$(.)$/.test('x')", named(&[])),
            ("$('start').first().a", named(&[("start", LISTS)])),
            ("$ (\"Get it\").item", named(&[("Get it", ITEM)])),
            ("$\n(\n`b` )?.all() ?? $?.('a').all()", named(&[("a", LISTS), ("b", LISTS)])),
            ("[$('a'), $('a')]", named(&[("a", Parts::ALL)])),
            ("$('a' + 'b')", NodesRead::Any),
            ("$('it\\'s')", NodesRead::Any),
            ("$(`${$json.name}`)", NodesRead::Any),
            ("$($json.name)", NodesRead::Any),
        ] {
            assert_eq!(nodes_read([source]), expected, "{source}");
            assert_eq!(reads_nodes(source), expected != named(&[]), "{source}");
        }
    }

    #[test]
    fn what_is_read_of_a_node_is_known_only_where_it_stands_there() {
        let matching = Parts { matching: true, ..Parts::default() };
        for (source, expected) in [
            ("$('a').item.price", ITEM),
            ("$('a') ?. item", ITEM),
            ("$('a').items", Parts::ALL),
            ("$('a')['item']", Parts::ALL),
            ("$('a').it\\u0065m", Parts::ALL),
            ("$('a').itemMatching(3)", matching),
            ("$('a').item + $('a').last()", Parts { lists: true, ..ITEM }),
            ("((a) => a.all())($('a'))", Parts::ALL),
            ("$('a').isExecuted", Parts::default()),
        ] {
            assert_eq!(nodes_read([source]), named(&[("a", expected)]), "{source}");
        }
    }
}
