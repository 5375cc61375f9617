//! JSON as XML.

use domain::{
    items::name_of,
    kinds::xml::Params,
    limits::{MAX_DEPTH, MAX_STEP_OUTPUT_BYTES},
    number,
    run::NodeError,
};
use serde_json::{Map, Value};

use super::super::{html_document::beyond, output::within};

/// Writes an object as a document.
pub(super) fn write(fields: &Map<String, Value>, params: &Params) -> Result<String, Box<NodeError>> {
    let mut writer = Writer { xml: String::new(), mixed: 0, params };
    if params.declaration {
        writer.xml += r#"<?xml version="1.0" encoding="UTF-8"?>"#;
        writer.line(0);
    }
    let mut only = fields.iter();
    match (&params.root, only.next(), only.next()) {
        // The only field is the root, unless it is a list, which would be several.
        (None, Some((name, value)), None)
            if !value.is_array() && *name != params.text_key && *name != params.attributes_key =>
        {
            writer.element(name, value, 0)?;
        }
        (root, _, _) => writer.object(root.as_deref().unwrap_or("root"), fields, 0)?,
    }
    Ok(writer.xml)
}

/// The error for a value that is no element.
pub(super) fn not_an_object(value: &Value) -> Box<NodeError> {
    let message = format!("`object` is {}; what is written as XML is an object", name_of(value));
    NodeError::new("invalid_params", message).into()
}

struct Writer<'p> {
    xml: String,
    /// How many of the open elements have text: white space between their children would be text too.
    mixed: usize,
    params: &'p Params,
}

impl Writer<'_> {
    /// Writes an element, or one for each of a list.
    fn element(&mut self, name: &str, value: &Value, depth: usize) -> Result<(), Box<NodeError>> {
        if depth > MAX_DEPTH {
            return Err(beyond(depth, "levels of elements", MAX_DEPTH, "MAX_DEPTH"));
        }
        match value {
            Value::Object(fields) => self.object(name, fields, depth),
            Value::Array(list) => {
                for (i, inner) in list.iter().enumerate() {
                    if inner.is_array() {
                        return Err(unwritable(&format!(
                            "{name:?} has a list in a list, for whose elements there is no name"
                        )));
                    }
                    if i > 0 {
                        self.line(depth);
                    }
                    self.element(name, inner, depth)?;
                }
                Ok(())
            }
            scalar => {
                self.open(name)?;
                let text = text(scalar);
                if text.is_empty() {
                    self.xml += "/>";
                } else {
                    self.xml.push('>');
                    self.text(name, &text)?;
                    self.close(name);
                }
                self.within()
            }
        }
    }

    fn object(
        &mut self,
        name: &str,
        fields: &Map<String, Value>,
        depth: usize,
    ) -> Result<(), Box<NodeError>> {
        self.open(name)?;
        if let Some(attributes) = fields.get(&self.params.attributes_key) {
            self.attributes(name, attributes)?;
        }
        let is_child = |key: &str| *key != *self.params.attributes_key && *key != *self.params.text_key;
        let text = fields.get(&self.params.text_key).map(|value| match value {
            Value::Array(_) | Value::Object(_) => {
                Err(unwritable(&format!("the text of {name:?} is {}", name_of(value))))
            }
            scalar => Ok(text(scalar)),
        });
        let text = text.transpose()?.unwrap_or_default();
        let children: Vec<_> = fields
            .iter()
            .filter(|(key, value)| is_child(key) && value.as_array().is_none_or(|list| !list.is_empty()))
            .collect();
        if children.is_empty() && text.is_empty() {
            self.xml += "/>";
            return self.within();
        }
        self.xml.push('>');
        self.text(name, &text)?;
        self.mixed += usize::from(!text.is_empty());
        for (key, value) in &children {
            self.line(depth + 1);
            self.element(key, value, depth + 1)?;
        }
        if !children.is_empty() {
            self.line(depth);
        }
        self.mixed -= usize::from(!text.is_empty());
        self.close(name);
        self.within()
    }

    fn open(&mut self, name: &str) -> Result<(), Box<NodeError>> {
        if !is_name(name) {
            return Err(unwritable(&format!("{name:?} is no name of an element; rename the field first")));
        }
        self.xml.push('<');
        self.xml += name;
        Ok(())
    }

    fn close(&mut self, name: &str) {
        self.xml += "</";
        self.xml += name;
        self.xml.push('>');
    }

    fn attributes(&mut self, element: &str, attributes: &Value) -> Result<(), Box<NodeError>> {
        let Value::Object(attributes) = attributes else {
            let found = name_of(attributes);
            return Err(unwritable(&format!("the attributes of {element:?} are {found}, not an object")));
        };
        for (name, value) in attributes {
            if !is_name(name) {
                return Err(unwritable(&format!("{name:?} is no name of an attribute of {element:?}")));
            }
            if value.is_array() || value.is_object() {
                return Err(unwritable(&format!(
                    "the attribute {name:?} of {element:?} is {}",
                    name_of(value)
                )));
            }
            self.xml.push(' ');
            self.xml += name;
            self.xml += "=\"";
            self.escaped(&text(value), name, true)?;
            self.xml.push('"');
        }
        Ok(())
    }

    fn text(&mut self, element: &str, text: &str) -> Result<(), Box<NodeError>> {
        if !self.params.cdata || !text.contains(['<', '>', '&']) {
            return self.escaped(text, element, false);
        }
        check_letters(text, element)?;
        self.xml += "<![CDATA[";
        self.xml += &text.replace("]]>", "]]]]><![CDATA[>");
        self.xml += "]]>";
        Ok(())
    }

    /// Text that any reader reads as it is; of line breaks in attributes, and of carriage returns, they make others.
    fn escaped(&mut self, text: &str, place: &str, is_attribute: bool) -> Result<(), Box<NodeError>> {
        check_letters(text, place)?;
        for letter in text.chars() {
            match letter {
                '&' => self.xml += "&amp;",
                '<' => self.xml += "&lt;",
                '>' => self.xml += "&gt;",
                '\r' => self.xml += "&#13;",
                '"' if is_attribute => self.xml += "&quot;",
                '\t' if is_attribute => self.xml += "&#9;",
                '\n' if is_attribute => self.xml += "&#10;",
                other => self.xml.push(other),
            }
        }
        Ok(())
    }

    fn line(&mut self, depth: usize) {
        if self.params.pretty && self.mixed == 0 {
            self.xml.push('\n');
            self.xml.extend(std::iter::repeat_n("  ", depth));
        }
    }

    fn within(&self) -> Result<(), Box<NodeError>> {
        within("MAX_STEP_OUTPUT_BYTES", "bytes", self.xml.len(), MAX_STEP_OUTPUT_BYTES)
    }
}

fn unwritable(why: &str) -> Box<NodeError> {
    NodeError::new("invalid_xml", format!("this cannot be written as XML: {why}")).into()
}

/// A scalar as text.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number::text(number).into_owned(),
        other => other.to_string(),
    }
}

/// Whether XML 1.0 has all letters of a text.
fn check_letters(text: &str, place: &str) -> Result<(), Box<NodeError>> {
    let strange = text.chars().find(|letter| {
        matches!(letter, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
    });
    strange.map_or(Ok(()), |letter| {
        let code = u32::from(letter);
        Err(unwritable(&format!("{place:?} holds the character U+{code:04X}, which XML does not have")))
    })
}

/// Whether it is a name (XML 1.0, 2.3).
fn is_name(text: &str) -> bool {
    let begins = |letter: char| {
        matches!(letter,
            ':' | '_' | 'A'..='Z' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
            | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}'
            | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}'
            | '\u{10000}'..='\u{effff}')
    };
    let goes_on = |letter: char| {
        begins(letter)
            || matches!(letter, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
    };
    let mut letters = text.chars();
    letters.next().is_some_and(begins) && letters.all(goes_on)
}
