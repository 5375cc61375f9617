//! `html`: takes values out of HTML, and makes tables of items.

mod selector;

use serde_json::{Value, json};

pub use selector::{CssSelector, InvalidSelector};

use super::{
    declaration::{COMPUTES, Declaration, Example, Group},
    params::{
        At, Parameter, Reader, Table, Text, choice, fields::Keep, open, params, path::FieldPath,
        whitespace::Whitespace,
    },
};
use crate::violation::ViolationCode as Code;

params! {
    /// Its parameters.
    pub struct Params {
        /// What is done: `extract` takes values out of each item's HTML; `table` makes one item of all, with an HTML table
        /// of them.
        action: Action, [fixed];
        /// The HTML, a text: a document or a piece of one.
        value: Option<Text>, with action ["extract"] required;
        /// What is taken, by the path where it goes; each is an object of what follows.
        fields: Option<Extractions>, with action ["extract"] required;
        /// What becomes of the white space of extracted texts, attributes and values.
        whitespace: Whitespace = Whitespace::Trim, with action ["extract"];
        /// What stays of the item besides: `all`, `none`, or a list of fields.
        keep: Keep = Keep::All, with action ["extract"];
        /// The columns, as paths into the items; all fields of all items when missing.
        columns: Option<Vec<FieldPath>>, with action ["table"];
        /// Whether a column's head begins with a capital letter.
        capitalize: bool = false, with action ["table"];
        /// What stands above the table.
        caption: Option<String>, with action ["table"];
        /// Where the table goes.
        into: FieldPath = FieldPath::name("table"), with action ["table"];
    }
}

params! {
    /// One thing that is taken.
    pub struct Extraction {
        /// Which elements: a CSS selector such as `article > h2.title, .lead`.
        selector: CssSelector;
        /// What of an element: its `text`, the `html` inside it, an `attribute`, or the `value` of a form's field.
        get: Get = Get::Text;
        /// Which attribute; no such attribute gives `null`.
        attribute: Option<String>, with get ["attribute"] required;
        /// Whether all elements are taken, as a list; else the first, or `null` when there is none.
        all: bool = false;
        /// Elements inside that are left out of the text: a CSS selector.
        skip: Option<CssSelector>, with get ["text"];
    }
}

choice! {
    /// What is done.
    pub enum Action {
        /// Values are taken out.
        Extract = "extract",
        /// A table is made.
        Table = "table",
    }
}

choice! {
    /// What is taken of an element.
    pub enum Get {
        /// Its text, without that of scripts and styles.
        Text = "text",
        /// The HTML inside it.
        Html = "html",
        /// An attribute.
        Attribute = "attribute",
        /// What a form would send of it.
        Value = "value",
    }
}

/// What is taken, by the path where it goes, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Extractions(pub Vec<(FieldPath, Extraction)>);

impl Parameter for Extractions {
    const NAME: &'static str = "object of extractions";
    const FIELDS: Option<&'static Table> = Some(&Extraction::TABLE);

    fn schema() -> Value {
        json!({
            "type": "object",
            "propertyNames": open(json!({ "pattern": FieldPath::PATTERN })),
            "additionalProperties": Extraction::open_schema(),
        })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Value::Object(map) = value else {
            reader.wrong_type(at, "an object of extractions", value);
            return None;
        };
        let mut read = Vec::with_capacity(map.len());
        for (name, value) in map {
            let here = at.field(name);
            let path = if reader.is_open_name(name, &here) { None } else { Some(FieldPath::parse(name)) };
            let extraction = Extraction::read_open(value, &here, reader);
            match path {
                Some(Ok(path)) => read.extend(extraction.map(|extraction| (path, extraction))),
                Some(Err(error)) => reader.violation(&here, Code::InvalidPath, error.to_string()),
                None => {}
            }
        }
        (read.len() == map.len()).then_some(Self(read))
    }
}

/// The kind.
pub static DECLARATION: Declaration = Declaration {
    name: "html",
    title: "HTML",
    group: Group::Data,
    summary: "Takes values out of HTML by CSS selectors, or makes an HTML table of the items.",
    docs: "HTML is read as browsers do: what is missing is added, what is wrong is mended. Elements come in the order of \
           the document; no element is no error. The text of an element is that of all in it, one after the other, so \
           `whitespace: \"collapse\"` makes one line of it. Selectors are those of CSS 4 without what a page's state \
           decides (`:hover`), with `:has`, `:is`, `:not` and `:nth-child`.\n\n\
           Values in a table are escaped; lists and objects stand in it as JSON.\n\n\
           Different from n8n: without `all` the text is that of the first element, where there it is the texts of all, one \
           behind the other. It also writes HTML from a template: here any parameter is one, such as a field of `set`. The \
           HTML is one text, not a list of texts: `split` the list first. “Trim values” is `whitespace: \"trim\"`, “clean \
           up text” is `collapse`. Tables have attributes and styles there, here they have none; its text breaks lines \
           after blocks.",
    icon: "code-xml",
    params: Params::TABLE,
    check: Params::check,
    example: Example {
        params: r#"{"action": "extract", "value": "{{ $json.page }}", "keep": "none", "fields": {"title": {"selector": "h1"}, "links": {"selector": "a[href]", "get": "attribute", "attribute": "href", "all": true}}}"#,
        input: r#"[{"page": "<h1> News </h1><p><a href='/a'>A</a>, <a href='/b'>B</a></p>"}]"#,
        output: r#"{"main": [{"title": "News", "links": ["/a", "/b"]}]}"#,
    },
    ..COMPUTES
};
