//! `webhook`: starts a run for each request to its address.

mod path;
mod signature;
mod texts;

use serde_json::{Map, Value, json};

use super::{
    declaration::{COMPUTES, Declaration, Example, Group},
    params::{At, Parameter, Reader, choice, params},
    respond::Status,
};
use crate::{ids::CredentialId, violation::ViolationCode as Code};

pub use path::PathPattern;
pub use signature::{Algorithm, Delivery, Encoding, Preset, SecretEncoding, Separator, Signature, Template};
pub use texts::{HeaderName, Marker, Methods, Origins, ReplyHeaders};

params! {
    /// Its parameters. None is an expression: they are read before there is a run.
    pub struct Params {
        /// The methods that it takes. A `HEAD` request to one that takes `GET` starts nothing, unless it is listed too.
        methods: Methods = Methods::default(), [fixed];
        /// What may follow its address, such as `orders/:id`: a piece that begins with `:` is a parameter (`$json.params.id`),
        /// and a last one that begins with `*` is one for all that is left. Without it anything may follow, and
        /// `$json.path` tells it.
        path: Option<PathPattern>, [fixed];
        /// What is answered: `reply` at once, what the run's first `respond` node says, or the items of its last nodes.
        respond: Respond = Respond::AtOnce, [fixed];
        /// What is answered at once. Without it the answer has the status 202 and the run's id.
        reply: Option<Reply>, [fixed], with respond ["at_once"];
        /// Who may call it. Without it whoever knows the address.
        auth: Option<Auth>, [fixed];
        /// How its requests are signed.
        signature: Option<Signature>, [fixed];
        /// Origins whose pages may call it, such as `https://app.example`, or `*`.
        allowed_origins: Origins = Origins::default(), [fixed];
        /// Whether the item has the body as it came, too: in `raw`, as text, or as a file if it is none.
        raw_body: bool = false, [fixed];
    }
}

choice! {
    /// What is answered.
    pub enum Respond {
        /// Something that is known before the run has begun.
        AtOnce = "at_once",
        /// What the run's first `respond` node says.
        RespondNode = "respond_node",
        /// The items of the run's last nodes.
        LastNode = "last_node",
    }
}

params! {
    /// What is answered at once.
    pub struct Reply {
        /// The status: 200 to 599.
        status: Status = Status(200), [fixed];
        /// Header names and values.
        headers: ReplyHeaders = ReplyHeaders::default(), [fixed];
        /// A text as it is, anything else as JSON. No expression is evaluated in it: there is no run yet.
        body: Option<Verbatim>, [fixed];
    }
}

params! {
    /// Who may call it.
    pub struct Auth {
        /// How they show it: by a `header`, by a user's name and password (`basic`), or by a signed token (`jwt`).
        kind as "type": AuthKind, [fixed];
        /// The credential that says which header and value, which name and password, or which key.
        credential: CredentialId, [fixed];
    }
}

choice! {
    /// How callers show that they may.
    pub enum AuthKind {
        /// A header with a value.
        Header = "header",
        /// HTTP Basic.
        Basic = "basic",
        /// A JSON Web Token as bearer.
        Jwt = "jwt",
    }
}

/// Any JSON, as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Verbatim(pub Value);

impl Parameter for Verbatim {
    const NAME: &'static str = "any value";
    const VERBATIM: bool = true;

    fn schema() -> Value {
        json!({})
    }

    fn open_schema() -> Value {
        Self::schema()
    }

    fn read(value: &Value, _: &At<'_>, _: &mut Reader<'_>) -> Option<Self> {
        Some(Self(value.clone()))
    }
}

/// Reads the parameters, and checks of a signature what no table can say.
///
/// `None` when something is wrong, which the reader notes.
pub fn read(object: &Map<String, Value>, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Params> {
    let params = Params::read_object(object, at, reader)?;
    if let Some(signature) = &params.signature
        && let Err(why) = signature.is_whole()
    {
        reader.violation(&at.field("signature"), Code::InvalidValue, why);
        return None;
    }
    Some(params)
}

fn check(object: &Map<String, Value>, at: &At<'_>, reader: &mut Reader<'_>) {
    let _ = read(object, at, reader);
}

/// The kind.
pub static DECLARATION: Declaration = Declaration {
    name: "webhook",
    title: "Webhook",
    group: Group::Triggers,
    summary: "Starts a run for each request to an address of its own, and gives the request.",
    docs: "`GET /api/v1/workflows/{id}/hooks`, or `minireipaz hooks WORKFLOW`, tells its addresses: one that runs the newest \
           version of an active workflow, and one for trying (`…/hooks/test/…`), which also runs one that is not active and \
           marks its runs as tests. Who knows an address may call it, unless `auth` or `signature` ask for more; \
           it can be exchanged at any time.\n\n\
           The item is the request: `{headers, query, params, method, path, body}`. Headers have small letters; \
           `authorization`, `proxy-authorization`, `cookie` and the header of `auth` are left out. A query parameter or a \
           field that comes several times is a list. The body is read by its content type: JSON, a form, parts with files, \
           text; anything else is a file (`{\"$file\": …}`). With `jwt`, `claims` has what the token says.\n\n\
           A request that is sent again is the same run, and gets the same answer: it is recognised by what the sender calls \
           the delivery, else by its signature, and without a signature by `Idempotency-Key`. How signatures are checked, \
           and what is answered when, is in `docs/webhooks.md`.\n\n\
           Different from n8n: addresses are made by the server and can be exchanged; nobody chooses one. There is no \
           `webhookUrl` and no `executionMode` in the item, and what callers show by `auth` is not in it. One that is sent \
           again starts no second run. A run that takes longer than the function may wait is answered with 202 and its \
           address. With `last_node`, all items are answered, not the first.",
    icon: "webhook",
    trigger: true,
    error_port: false,
    params: Params::TABLE,
    check,
    example: Example {
        params: r#"{"methods": ["POST"], "path": "orders/:id", "respond": "respond_node"}"#,
        input: r#"[{"method": "POST", "path": "/orders/7", "params": {"id": "7"}, "query": {}, "headers": {}, "body": {"paid": true}}]"#,
        output: r#"{"main": [{"method": "POST", "path": "/orders/7", "params": {"id": "7"}, "query": {}, "headers": {}, "body": {"paid": true}}]}"#,
    },
    ..COMPUTES
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::violation::Violations;

    fn read_all(params: &Value) -> Result<Params, Vec<String>> {
        let mut violations = Violations::new();
        let read = read(params.as_object().unwrap(), &At::root("p"), &mut Reader::proven(&mut violations));
        let found: Vec<_> = violations.into_vec().into_iter().map(|one| one.path).collect();
        read.filter(|_| found.is_empty()).ok_or(found)
    }

    #[test]
    fn a_hook_without_parameters_takes_posts_and_answers_at_once() {
        let params = read_all(&json!({})).unwrap();
        assert!(params.methods.contains("POST") && !params.methods.contains("GET"));
        assert_eq!((params.respond, params.auth, params.signature), (Respond::AtOnce, None, None));
        let body = json!({"reply": {"body": {"a": "{{ as it stands }}"}}});
        let reply = read_all(&body).unwrap().reply.unwrap();
        assert_eq!(reply.body.unwrap().0, json!({"a": "{{ as it stands }}"}));
    }

    #[test]
    fn what_cannot_be_before_there_is_a_run_is_refused() {
        for (params, path) in [
            (json!({"path": "{{ $json.x }}"}), "p.path"),
            (json!({"respond": "respond_node", "reply": {"status": 200}}), "p.reply"),
            (json!({"reply": {"headers": {"x-a": "{{ x }}"}}}), "p.reply.headers.x-a"),
            (json!({"auth": {"type": "basic", "credential": "{{ x }}"}}), "p.auth.credential"),
        ] {
            assert_eq!(read_all(&params), Err(vec![path.to_owned()]), "{params}");
        }
    }

    #[test]
    fn a_signature_that_nobody_could_check_is_refused() {
        let signature = |more: Value| {
            let id = "018f3c3e-0000-7000-8000-000000000000";
            let mut signature = json!({"credential": id, "header": "x-signature"});
            signature.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            read_all(&json!({ "signature": signature }))
        };
        assert!(signature(json!({})).is_ok());
        for wrong in [
            json!({"signed": "{timestamp}.{body}"}),
            json!({"signed": "{id}.{body}"}),
            json!({"timestamp_header": "x-signature"}),
        ] {
            assert_eq!(signature(wrong.clone()), Err(vec!["p.signature".to_owned()]), "{wrong}");
        }
        let whole =
            json!({"signed": "{id}.{timestamp}.{body}", "timestamp_header": "x-time", "id_header": "x-id"});
        assert!(signature(whole).is_ok());
    }
}
