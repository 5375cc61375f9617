//! `merge`: makes one list of items out of several inputs.
//!
//! An input is named by the edge's `targetHandle` (`left`, `right`); edges without one fill the places that are
//! still free, in edge order.

use serde_json::{Map, Value, json};

use super::{
    declaration::{COMPUTES, Declaration, Example, Group},
    params::{At, Parameter, Reader, choice, params, path::FieldPath},
};
use crate::violation::ViolationCode as Code;

params! {
    /// Its parameters.
    pub struct Params {
        /// How the inputs become one list: `append` one after the other; `by_position` the first of each, the second
        /// of each, …; `by_key` left and right items whose keys are equal; `combinations` every item of an input with
        /// every one of the others; `choose` one input.
        mode: Mode = Mode::Append, [fixed];
        /// Which items leave: those with a partner, joined (`inner`); besides, those without one of the left input
        /// (`left`), of the right (`right`), of all (`outer`). Or as they came: left items with a partner (`semi`) or
        /// without one (`anti`), all items without one (`unmatched`).
        join: Join = Join::Inner, with mode ["by_key", "by_position"];
        /// Which input is chosen.
        input: Choice = Choice::FirstNonEmpty, with mode ["choose"];
        /// Where the keys stand.
        by_key: Option<Keys>, with mode ["by_key"] required;
        /// Whether an item is joined with all of its partners, or with the first.
        matches: Matches = Matches::All, with mode ["by_key"];
        /// What stays of fields that several of the joined items have: the later input's (`right`), the earlier one's
        /// (`left`), or all (`suffix`): then each field of a joined item has the number of its input at its end, such
        /// as `price_1` and `price_2`.
        clash: Clash = Clash::Right, with mode ["by_key", "by_position", "combinations"];
    }
}

params! {
    /// Where the keys stand.
    pub struct Keys {
        /// Where the left item's key stands: a field, or a list of fields that make it together.
        left: KeyFields;
        /// Where the right item's key stands; the same as the left one's when missing.
        right: Option<KeyFields>;
    }
}

/// The fields of a key: at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFields(pub Vec<FieldPath>);

impl Params {
    /// Reads them from an object. `None` when something is wrong, which the reader notes, or when a part is not known
    /// yet.
    pub fn read(object: &Map<String, Value>, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let read = Self::read_object(object, at, reader)?;
        if let Some(Keys { left, right: Some(right) }) = &read.by_key
            && left.0.len() != right.0.len()
        {
            let message = format!(
                "the keys have {} and {} fields; name as many on the right as on the left",
                left.0.len(),
                right.0.len()
            );
            reader.violation(&at.field("by_key").field("right"), Code::InvalidValue, message);
            return None;
        }
        Some(read)
    }
}

impl Parameter for KeyFields {
    const NAME: &'static str = "field or list of fields";

    fn schema() -> Value {
        let list = json!({ "type": "array", "items": FieldPath::open_schema(), "minItems": 1 });
        json!({ "anyOf": [FieldPath::schema(), list] })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        match value {
            Value::Array(list) if list.is_empty() => {
                reader.violation(at, Code::Required, "a key has at least one field");
                None
            }
            Value::Array(_) => <Vec<FieldPath>>::read(value, at, reader).map(Self),
            one => FieldPath::read(one, at, reader).map(|path| Self(vec![path])),
        }
    }
}

choice! {
    /// How inputs become one.
    pub enum Mode {
        /// One after the other.
        Append = "append",
        /// The first of each, the second of each, ….
        ByPosition = "by_position",
        /// Left and right items whose keys are equal.
        ByKey = "by_key",
        /// Every item of an input with every one of the others.
        Combinations = "combinations",
        /// One of them.
        Choose = "choose",
    }
}

choice! {
    /// Which items leave.
    pub enum Join {
        /// Those with a partner.
        Inner = "inner",
        /// And left ones without, in their place.
        Left = "left",
        /// And right ones without, in their place.
        Right = "right",
        /// And all without: left ones in their place, right ones at the end.
        Outer = "outer",
        /// Left ones with a partner, as they came.
        Semi = "semi",
        /// Left ones without a partner, as they came.
        Anti = "anti",
        /// All without a partner, as they came: left ones, then right ones.
        Unmatched = "unmatched",
    }
}

choice! {
    /// With how many partners an item is joined.
    pub enum Matches {
        /// All of them.
        All = "all",
        /// The first.
        First = "first",
    }
}

choice! {
    /// What stays of fields that several of the joined items have.
    pub enum Clash {
        /// The later input's.
        Right = "right",
        /// The earlier input's.
        Left = "left",
        /// All, each with the number of its input.
        Suffix = "suffix",
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
    docs: "Inputs are `left` and `right`; edges without a name take the places that are free, in their order. All modes but \
           `by_key` take any number of edges. It runs once, when all its edges are settled; an input whose branch was not \
           taken is empty. Keys are compared by type and value; without a field, or with `null` in one, an item has no key, \
           and so no partner. With `join: right` the items have the order of the right input, else that of the left one.\n\n\
           Different from n8n: it always runs once, with what its edges brought: there an input whose branch was not taken \
           makes most modes give nothing, and several edges into one input make it run several times. “Combine by matching \
           fields” is `by_key`: “keep matches” is `join: inner`, “enrich input 1” `left`, “enrich input 2” `right`, “keep \
           everything” `outer`, “keep non-matches” `unmatched` (of input 1 alone: `anti`), “output data from input 1” \
           `semi`; for the other input exchange the edges. “Include any unpaired items” is `join: outer` by position, “all \
           possible combinations” or “multiplex” is `combinations`. Keys of different types are never equal (“fuzzy \
           compare”), and an empty text is a key like any other. Objects in fields that clash are replaced, not merged. \
           There is no SQL, and no single empty item as choice: that is a `set` with `keep: \"none\"` and `execute_once`.",
    icon: "merge",
    inputs: &["left", "right"],
    params: Params::TABLE,
    check: |object, at, reader| drop(Params::read(object, at, reader)),
    example: Example {
        params: r#"{"mode": "by_key", "by_key": {"left": "sku"}, "join": "left"}"#,
        input: r#"{"left": [{"sku": "A1", "price": 12}, {"sku": "B2", "price": 7}], "right": [{"sku": "A1", "stock": 3}]}"#,
        output: r#"{"main": [{"sku": "A1", "price": 12, "stock": 3}, {"sku": "B2", "price": 7}]}"#,
    },
    ..COMPUTES
};
