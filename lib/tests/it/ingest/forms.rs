//! The forms in which connectors and other clients write a batch.

use serde_json::Value;

/// What stands around a record, between records and around all of them.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    pub name: &'static str,
    around_each: fn(&str) -> String,
    pub between: &'static str,
    around_all: fn(&str) -> String,
}

const fn form(
    name: &'static str,
    around_each: fn(&str) -> String,
    between: &'static str,
    around_all: fn(&str) -> String,
) -> Form {
    Form { name, around_each, between, around_all }
}

pub const FORMS: &[Form] = &[
    form("array", plain, ",", array),
    form("array with spaces", plain, ", ", |all| format!(" [ {all} ] \n")),
    form("array of lines", plain, ",\n", |all| format!("[\n{all}\n]\n")),
    form("lines", plain, "\n", plain),
    form("lines, all of them ended", plain, "\n", |all| format!("{all}\n")),
    form("lines as of Windows", plain, "\r\n", plain),
    form("commas", plain, ",", plain),
    form("lines with commas", plain, ",\n", plain),
    form("semicolons", plain, ";", |all| format!("{all};")),
    form("bars", plain, "|", plain),
    form("nothing between", plain, "", plain),
    form("array of strings", quoted, ",", array),
    form("lines of strings", quoted, "\n", plain),
    form("strings with semicolons", quoted, ";", plain),
    form("strings with nothing between", quoted, "", plain),
    form("an array in a string", plain, ",", |all| quoted(&array(all))),
    form("lines in a string", plain, "\n", quoted),
    form("nothing between, in a string", plain, "", quoted),
    form("array of values", valued, ",", array),
    form("lines of values", valued, "\n", plain),
    form("values with nothing between", valued, "", plain),
    form("records of a REST Proxy", valued, ",", |all| format!("{{\"records\":[{all}]}}")),
    form("array of values that are strings", |one| valued(&quoted(one)), ",", array),
];

impl Form {
    /// A record as it stands in the batch.
    pub fn element(&self, record: &str) -> String {
        (self.around_each)(record)
    }

    /// A batch of elements.
    pub fn body(&self, elements: &[String]) -> String {
        (self.around_all)(&elements.join(self.between))
    }

    /// Whether the end of an element and the next one may read as one value, whatever anybody does: `{"a":` and `"x"`.
    pub fn hides_the_next_after(&self, broken: &str) -> bool {
        self.between.is_empty() && self.element("{}").starts_with('"') && broken.trim_end().ends_with(':')
    }
}

fn plain(text: &str) -> String {
    text.to_owned()
}

fn array(text: &str) -> String {
    format!("[{text}]")
}

pub fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn valued(text: &str) -> String {
    format!("{{\"value\":{text}}}")
}
