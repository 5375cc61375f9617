//! A request as the item that its run begins with.

use domain::{
    items::{Item, holds_file},
    limits::{MAX_INPUT_BYTES, above},
    measure::item_bytes,
};
use http::{HeaderMap, Method};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::{Admitted, HookAddress, InvalidHookBody, body::add};

/// Headers that are never handed on: they are permissions, of the sender or of this deployment on its platform.
const LEFT_OUT: [&str; 8] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-vercel-oidc-token",
    "x-vercel-protection-bypass",
    "x-vercel-proxy-signature",
    "x-vercel-proxy-signature-ts",
    "x-vercel-sc-headers",
];

/// What a request says beside its body.
#[derive(Debug)]
pub struct Said<'r> {
    /// Its method.
    pub method: &'r Method,
    /// Its address.
    pub address: &'r HookAddress,
    /// The parameters of its path.
    pub params: Map<String, Value>,
    /// Its headers.
    pub headers: &'r HeaderMap,
    /// Who sent it.
    pub admitted: &'r Admitted,
}

/// The item `{headers, query, params, method, path, body}`, with `claims` and `raw` where there are some. Files of the body
/// are references by now.
///
/// # Errors
/// When it holds what is reserved, or is above a limit.
pub fn item(said: Said<'_>, body: Value, raw: Option<Value>) -> Result<Item, InvalidHookBody> {
    let Said { method, address, params, headers, admitted } = said;
    let mut told = Map::new();
    for (name, value) in headers {
        let name = name.as_str();
        if LEFT_OUT.contains(&name) || admitted.shown_by.as_deref() == Some(name) {
            continue;
        }
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        add(&mut told, name, value.into());
    }
    let mut query = Map::new();
    for (name, value) in form_urlencoded::parse(address.query.as_bytes()) {
        add(&mut query, &name, value.into_owned().into());
    }
    let mut item = Item::new();
    item.insert("headers".to_owned(), Value::Object(told));
    item.insert("query".to_owned(), Value::Object(query));
    item.insert("params".to_owned(), Value::Object(params));
    item.insert("method".to_owned(), json!(method.as_str()));
    item.insert("path".to_owned(), address.path().into());
    if let Some(claims) = &admitted.claims {
        item.insert("claims".to_owned(), Value::Object(claims.clone()));
    }
    if item.values().any(holds_file) {
        return Err(InvalidHookBody::Reserved);
    }
    item.insert("body".to_owned(), body);
    if let Some(raw) = raw {
        item.insert("raw".to_owned(), raw);
    }
    let bytes = item_bytes(&item).map_err(|too_deep| InvalidHookBody::TooLarge(too_deep.to_string()))?;
    if bytes > MAX_INPUT_BYTES {
        let message = above(bytes, "bytes of the request as JSON", MAX_INPUT_BYTES, "MAX_INPUT_BYTES");
        return Err(InvalidHookBody::TooLarge(message));
    }
    Ok(item)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(uri: &str, headers: &[(&str, &str)], admitted: &Admitted) -> Result<Value, InvalidHookBody> {
        let address = HookAddress::of(&uri.parse().unwrap()).unwrap();
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let params = Map::from_iter([("id".to_owned(), json!("7"))]);
        let said = Said { method: &Method::POST, address: &address, params, headers: &headers, admitted };
        item(said, json!({"a": 1}), None).map(Value::Object)
    }

    #[test]
    fn an_item_is_the_request_without_what_is_a_permission() {
        let headers = [
            ("Authorization", "Bearer s3cret"),
            ("cookie", "session=s3cret"),
            ("x-api-key", "s3cret"),
            ("x-vercel-oidc-token", "s3cret"),
            ("x-event", "push"),
            ("accept", "a"),
            ("accept", "b"),
        ];
        let admitted = Admitted {
            shown_by: Some("x-api-key".to_owned()),
            claims: Some(Map::from_iter([("sub".to_owned(), json!("ada"))])),
        };
        let uri = "/api/v1/hooks/sealed/orders/7?a=1&b=x+y&a=2&token=sealed/orders/7";
        assert_eq!(
            made(uri, &headers, &admitted),
            Ok(json!({
                "headers": {"x-event": "push", "accept": ["a", "b"]},
                "query": {"a": ["1", "2"], "b": "x y"},
                "params": {"id": "7"}, "method": "POST", "path": "/orders/7",
                "claims": {"sub": "ada"}, "body": {"a": 1},
            }))
        );
    }

    #[test]
    fn nothing_of_a_request_stands_for_a_file() {
        let none = Admitted::default();
        for (uri, headers) in [("/api/v1/hooks/x?$file=1", &[][..]), ("/api/v1/hooks/x", &[("$file", "1")])] {
            assert_eq!(made(uri, headers, &none), Err(InvalidHookBody::Reserved), "{uri}");
        }
    }
}
