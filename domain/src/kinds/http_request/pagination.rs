//! An answer in pages: how the next one is asked for, and which was the last.

use serde_json::{Map, Value, json};

use super::{
    Headers, Pairs, Statuses,
    count::{BatchSize, MaxPages},
};
use crate::{
    duration::HumanDuration,
    kinds::{
        params::{At, Parameter, Reader, Table, given, params},
        set::Fields,
    },
    violation::ViolationCode as Code,
};

params! {
    /// How the next page is asked for, and when there is none.
    ///
    /// [`Self::OF_A_PAGE`] are evaluated behind each page, the others before the first call, with the node's other
    /// parameters; the struct of either time has the defaults for those of the other.
    #[derive(Default)]
    pub struct Pagination {
        /// Where the next page is, such as `{{ $response.body.next }}`; a relative address counts from `url`. Without
        /// it the next page has the first one's address.
        next_url: Option<String>;
        /// What is different in the next page's query: names and values.
        query: Pairs = Pairs::default();
        /// What is different in the next page's headers: names and values.
        headers: Headers = Headers::default();
        /// What is different in the next page's body: fields of `body.json` by their paths, or of `body.form`.
        body: Fields = Fields::default();
        /// Which page is the last one: `empty` (one without content, which gives no items), or the one for which an
        /// expression is `true`.
        until: Option<Until>;
        /// Statuses that say that there is no such page, as `[404]` does; the answer gives no items.
        last_status: Option<Statuses>;
        /// How many pages are asked for; what would follow is left. Without it all are, and a further one than the
        /// 1000th is an error.
        max_pages: Option<MaxPages>;
        /// How long to wait before each further page.
        pause: Option<HumanDuration>;
    }
}

params! {
    /// Calls in batches.
    pub struct Batch {
        /// Of how many items a batch is. Its calls end before the next one begins.
        size: BatchSize, [fixed];
        /// How long to wait between two batches.
        pause: Option<HumanDuration>, [fixed];
    }
}

/// What is different in the next page's request: one of them at least.
const DIFFERENT: [&str; 4] = ["next_url", "query", "headers", "body"];

impl Pagination {
    /// Those that are evaluated behind each page: they see its answer.
    pub const OF_A_PAGE: [&'static str; 5] = ["next_url", "query", "headers", "body", "until"];

    /// Whether there is no next page: something that it would be asked for with came to nothing, as a cursor does that
    /// is `null`, missing or empty. `evaluated` are the parameters behind a page.
    #[must_use]
    pub fn is_at_end(evaluated: &Map<String, Value>) -> bool {
        let nothing = |value: &Value| value.is_null() || value.as_str() == Some("");
        DIFFERENT.iter().filter_map(|name| evaluated.get(*name)).any(|value| match value {
            Value::Object(pairs) => pairs.values().any(nothing),
            one => nothing(one),
        })
    }
}

/// Pagination whose next page is asked for by something else than the first.
#[derive(Debug, Clone, PartialEq)]
pub struct Paged(pub Pagination);

impl Parameter for Paged {
    const NAME: &'static str = <Pagination as Parameter>::NAME;
    const FIELDS: Option<&'static Table> = <Pagination as Parameter>::FIELDS;

    fn schema() -> Value {
        let mut schema = Pagination::schema();
        schema["anyOf"] = DIFFERENT.iter().map(|name| given(name)).collect();
        schema
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let is_given = |name: &&str| value.get(name).is_some_and(|value| !value.is_null());
        // What differs is not among the evaluated ones: it is evaluated behind each page.
        if reader.is_saved() && value.is_object() && !DIFFERENT.iter().any(is_given) {
            let ways = DIFFERENT.map(|name| format!("`{name}`")).join(", ");
            let message = format!("every page would be the same: one of {ways} must say what is different");
            reader.violation(at, Code::Required, message);
        }
        Pagination::read(value, at, reader).map(Self)
    }
}

/// Which page is the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// One without content.
    Empty,
    /// This one, or not.
    Here(bool),
}

impl Parameter for Until {
    const NAME: &'static str = "`empty`, or whether it is the last page";

    fn schema() -> Value {
        json!({ "enum": ["empty", true, false] })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        match value {
            Value::String(word) if word == "empty" => return Some(Self::Empty),
            Value::Bool(here) => return Some(Self::Here(*here)),
            other => {
                let message = format!(
                    "`until` is \"empty\", or an expression that is true for the last page and false for others, such as \
                     {{{{ !$response.body.more }}}}, not {other}"
                );
                reader.violation(at, Code::InvalidValue, message);
            }
        }
        None
    }
}
