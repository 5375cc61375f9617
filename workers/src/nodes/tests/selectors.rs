//! A selector that is constant is known to be right when a workflow is saved: by `domain`, which does not have the reader of
//! HTML that the worker reads it with. Here the two are held against each other.

use domain::kinds::html::CssSelector;
use proptest::prelude::*;
use scraper::Selector;

fn agree(text: &str) {
    let (saved, read) = (CssSelector(text.to_owned()).check(), Selector::parse(text));
    assert_eq!(saved.is_ok(), read.is_ok(), "{text:?}: {saved:?}, {read:?}");
}

#[test]
fn selectors_are_right_when_they_are_saved_if_they_can_be_read() {
    for text in [
        "*",
        "h1",
        "article > h2.title, .lead",
        "a[href]",
        "a[href^='/x' i]",
        "a[href=\"x\"], a[href=x]",
        "li:nth-child(2n + 1 of .a)",
        "li:nth-last-of-type(odd)",
        ":is(h1, h2):not(.x, :has(> b)) ~ p + q",
        ":where(a)",
        ":has(~ i ~ b)",
        ":root :empty:first-child:only-of-type",
        "#id",
        "a\\:b",
        "é-ü",
        "ns|a",
        "*|a",
        "|a",
        ":scope > a",
        ":host",
        "::slotted(a)",
        "a::before",
        "a:hover",
        "a:lang(de)",
        "a:contains('x')",
        "a:eq(1)",
        "a >",
        "> a",
        "a,",
        ",a",
        "a b c d e",
        "a[",
        "a]",
        "a:not(",
        "a:not()",
        "a:is()",
        "1a",
        "#1",
        ".",
        "..a",
        "a..b",
        "",
        " ",
        "a /* c */ b",
        "a { color: red }",
        "@media x",
        "'a'",
        "a || b",
        "& a",
        "a\0b",
    ] {
        agree(text);
    }
}

proptest! {
    #[test]
    fn any_text_is_a_selector_to_both_or_to_none(text in "[a-c.#:\\[\\]()>~+*,|='\" 0-2n-]{0,24}") {
        agree(&text);
    }

    #[test]
    fn what_is_made_of_the_parts_of_selectors_is_one_to_both_or_to_none(
        parts in prop::collection::vec(prop::sample::select(vec![
            "a", ".b", "#c", "[d]", "[d=e]", "[d~='e']", ":is(", ":not(", ":has(", ":where(", ":nth-child(", "2n+1", " of ",
            ")", " ", ">", "+", "~", ",", ":root", ":hover", "::before", "*", "|", ":empty", ":first-child", "&",
        ]), 0..12),
    ) {
        agree(&parts.concat());
    }
}
