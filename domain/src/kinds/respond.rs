//! `respond`: says what the run answers to whoever waits for it.

use serde_json::{Value, json};

use super::{
    declaration::{COMPUTES, Declaration, Example, Group},
    http_request::Headers,
    params::{At, Parameter, Reader, count, params},
};

params! {
    /// Its parameters.
    pub struct Params {
        /// The status of the answer: 200 to 599.
        status: Status = Status(200);
        /// Header names and values. A list gives its name once an element, `null` leaves it out. Those that belong to the
        /// connection, such as `content-length`, are not the workflow's to set.
        headers: Headers = Headers::default();
        /// What is answered: a text as it is, anything else as JSON. Without it the answer has no body.
        body: Option<Value>;
    }
}

/// The status of an answer that is the last one to its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status(pub u16);

impl Parameter for Status {
    const NAME: &'static str = "status";

    fn schema() -> Value {
        json!({ "type": "integer", "minimum": 200, "maximum": 599 })
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let status = count::read(value, at, reader, 200..=599, None)?;
        u16::try_from(status).ok().map(Self)
    }
}

impl From<Status> for Value {
    fn from(status: Status) -> Self {
        status.0.into()
    }
}

/// The kind.
pub static DECLARATION: Declaration = Declaration {
    name: "respond",
    title: "Respond",
    group: Group::Flow,
    summary: "Says what the run answers, and passes its items on.",
    docs: "The first one that runs sets the run's `response`; it is there as soon as the step has ended, while the run goes \
           on. One that comes later changes nothing, and its step says so in its console. Its expressions see the first \
           item.\n\n\
           Different from n8n: without `body` the answer has none, where there it is the first item: `body: \"{{ $json \
           }}\"` is that, `{{ $input.all() }}` all items, and a redirect is a `status` with the header `location`. Whoever \
           waits for the run is answered, not only a webhook.",
    icon: "reply",
    params: Params::TABLE,
    check: Params::check,
    example: Example {
        params: r#"{"status": 201, "headers": {"location": "/orders/{{ $json.id }}"}, "body": {"order": "{{ $json.id }}"}}"#,
        input: r#"[{"id": 7}]"#,
        output: r#"{"main": [{"id": 7}]}"#,
    },
    ..COMPUTES
};
