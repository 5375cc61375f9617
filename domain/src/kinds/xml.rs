//! `xml`: XML to JSON and back.

use serde_json::Value;

use super::{
    declaration::{COMPUTES, Declaration, Example, Group},
    params::{Text, choice, fields::Keep, params, path::FieldPath, whitespace::Whitespace},
};

params! {
    /// Its parameters.
    pub struct Params {
        /// What is done: `to_json` reads XML, `to_xml` writes it.
        action: Action, [fixed];
        /// The XML, a text.
        value: Option<Text>, with action ["to_json"] required;
        /// The object that is written; the item as a whole when missing.
        object: Option<Value>, with action ["to_xml"];
        /// What becomes of attributes: each is a field among the child elements (`merge`), they are fields of an object
        /// of their own (`group`), or they are dropped.
        attributes: Attributes = Attributes::Merge, with action ["to_json"];
        /// The name of the field that holds the attributes: with `attributes: "group"`, and in what is written.
        attributes_key: String = "$".to_owned();
        /// The name of the field that holds the text of an element which has fields besides.
        text_key: String = "_".to_owned();
        /// Whether every child element is a list; else only those that come several times.
        lists: bool = false, with action ["to_json"];
        /// Whether the root element is left out, and what is in it stands in its place.
        without_root: bool = false, with action ["to_json"];
        /// Whether names of elements and attributes become small letters.
        lowercase: bool = false, with action ["to_json"];
        /// What becomes of the white space of texts and attributes. Text that is nothing else is always dropped.
        whitespace: Whitespace = Whitespace::Keep, with action ["to_json"];
        /// The name of the root element. When missing, it is the only field of the object, or `root` if it has several.
        root: Option<String>, with action ["to_xml"];
        /// Whether `<?xml version="1.0" encoding="UTF-8"?>` stands first.
        declaration: bool = true, with action ["to_xml"];
        /// Whether elements stand on lines of their own, indented.
        pretty: bool = true, with action ["to_xml"];
        /// Whether texts with markup in them are written as CDATA.
        cdata: bool = false, with action ["to_xml"];
        /// Where the result goes. When missing, what was read stands in the item itself, and what was written in `data`.
        into: Option<FieldPath>;
        /// What stays of the item besides: `all`, `none`, or a list of fields.
        keep: Keep = Keep::None;
    }
}

choice! {
    /// What is done.
    pub enum Action {
        /// XML is read.
        ToJson = "to_json",
        /// XML is written.
        ToXml = "to_xml",
    }
}

choice! {
    /// What becomes of attributes.
    pub enum Attributes {
        /// They are fields.
        Merge = "merge",
        /// They are fields of an object of their own.
        Group = "group",
        /// They are dropped.
        Drop = "drop",
    }
}

/// The kind.
pub static DECLARATION: Declaration = Declaration {
    name: "xml",
    title: "XML",
    group: Group::Data,
    summary: "Makes JSON of XML, or XML of JSON.",
    docs: "An element with neither attributes nor children is its text, any other an object of its attributes and children; \
           of several children with one name there is a list. All values are texts; an empty element is an empty one. \
           Comments and processing instructions are dropped, names keep their prefixes. Entities that a document defines \
           itself are not known, and none is fetched from anywhere.\n\n\
           What is written: a field is an element, a list one for each of its elements, the fields of `$` are attributes, \
           `_` is text; `null` is an empty element.\n\n\
           Different from n8n: it takes the name of a field where this has `value` and `object`. “Explicit array” is \
           `lists`, without “explicit root” is `without_root`, “ignore attributes” and without “merge attributes” are \
           `attributes: \"drop\"` and `\"group\"`, “normalize” and “trim” are `whitespace`, “normalize tags” is \
           `lowercase`, “headless” is `declaration: false`. What is no XML, or cannot be written as XML, is an error, where \
           there some of it is written as it is.",
    icon: "file-code",
    params: Params::TABLE,
    check: Params::check,
    example: Example {
        params: r#"{"action": "to_json", "value": "{{ $json.body }}"}"#,
        input: r#"[{"body": "<order id='7'><line>A1</line><line>B2</line><note lang='en'>soon</note></order>"}]"#,
        output: r#"{"main": [{"order": {"id": "7", "line": ["A1", "B2"], "note": {"lang": "en", "_": "soon"}}}]}"#,
    },
    ..COMPUTES
};
