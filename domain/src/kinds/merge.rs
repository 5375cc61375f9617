//! `merge`: makes one list of items out of several inputs.
//!
//! An input is named by the edge's `targetHandle` (`left`, `right`); edges without one fill the places that are
//! still free, in edge order.

use super::{
    declaration::{COMPUTES, Declaration, Example, Group},
    params::{choice, params, path::FieldPath},
};

params! {
    /// Its parameters.
    pub struct Params {
        /// How the inputs become one list: `append` one after the other; `by_position` the first of each, the second
        /// of each, …; `by_key` left and right items whose keys are equal; `choose` one input. Fields of later inputs
        /// win.
        mode: Mode = Mode::Append, [fixed];
        /// What becomes of items without a partner: they are dropped (`inner`), left ones stay (`left`), all stay
        /// (`outer`), or only left ones without a partner stay (`anti`).
        join: Join = Join::Inner, with mode ["by_key", "by_position"];
        /// Which input is chosen.
        input: Choice = Choice::FirstNonEmpty, with mode ["choose"];
        /// Where the keys stand.
        by_key: Option<Keys>, with mode ["by_key"] required;
    }
}

params! {
    /// Where the keys stand.
    pub struct Keys {
        /// Where the left item's key stands.
        left: FieldPath;
        /// Where the right item's key stands; the same as the left one's when missing.
        right: Option<FieldPath>;
    }
}

choice! {
    /// How inputs become one.
    pub enum Mode {
        /// One after the other.
        Append = "append",
        /// The first of each, the second of each, …; fields of later inputs win.
        ByPosition = "by_position",
        /// Left and right items whose keys are equal; the right one's fields win.
        ByKey = "by_key",
        /// One of them.
        Choose = "choose",
    }
}

choice! {
    /// What becomes of items without a partner.
    pub enum Join {
        /// They are dropped.
        Inner = "inner",
        /// Left ones stay.
        Left = "left",
        /// All stay: left ones in their place, right ones at the end.
        Outer = "outer",
        /// Only left ones without a partner stay.
        Anti = "anti",
    }
}

choice! {
    /// Which input is chosen.
    pub enum Choice {
        /// The left one.
        Left = "left",
        /// The right one.
        Right = "right",
        /// The first that has items.
        FirstNonEmpty = "first_non_empty",
    }
}

/// The kind.
pub static DECLARATION: Declaration = Declaration {
    name: "merge",
    title: "Merge",
    group: Group::Flow,
    summary: "Makes one list of items out of several inputs.",
    docs: "Inputs are `left` and `right`; edges without a name take the places that are free, in their order. `append`, \
           `by_position` and `choose` take any number of edges. It runs once, when all its edges are settled; an input \
           whose branch was not taken is empty. Keys are compared by type and value, `null` is no key.",
    icon: "merge",
    inputs: &["left", "right"],
    params: Params::TABLE,
    check: Params::check,
    example: Example {
        params: r#"{"mode": "by_key", "by_key": {"left": "sku"}, "join": "left"}"#,
        input: r#"{"left": [{"sku": "A1", "price": 12}, {"sku": "B2", "price": 7}], "right": [{"sku": "A1", "stock": 3}]}"#,
        output: r#"{"main": [{"sku": "A1", "price": 12, "stock": 3}, {"sku": "B2", "price": 7}]}"#,
    },
    ..COMPUTES
};
