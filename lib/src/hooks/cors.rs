//! Pages that call hooks: what their browsers ask before, and are told with each answer.

use domain::kinds::webhook::{Methods, Origins};
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Headers of an answer that pages may read, beside the usual ones.
const EXPOSED: &str = "location, x-request-id";
/// How long a browser remembers what it was told, in seconds.
const REMEMBERED: &str = "7200";

/// What the browser behind a request is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HookCors(Vec<(HeaderName, HeaderValue)>);

impl HookCors {
    /// What is told with each answer. Where no page may call nothing is.
    #[must_use]
    pub fn of(origins: &Origins, request: &HeaderMap) -> Self {
        if origins.is_empty() {
            return Self::default();
        }
        let mut told = Vec::new();
        if !origins.is_any() {
            told.push((header::VARY, HeaderValue::from_static("origin")));
        }
        if let Some(allowed) = allowed(origins, request) {
            told.push((header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed));
            told.push((header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED)));
        }
        Self(told)
    }

    /// What is told who asks before (`OPTIONS`), beside [`Self::of`].
    #[must_use]
    pub fn before(methods: &Methods, origins: &Origins, request: &HeaderMap) -> Self {
        let mut told = Vec::new();
        let list = HeaderValue::try_from(methods.allow()).ok();
        told.extend(list.clone().map(|list| (header::ALLOW, list)));
        if allowed(origins, request).is_some() && request.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        {
            told.extend(list.map(|list| (header::ACCESS_CONTROL_ALLOW_METHODS, list)));
            let asked = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
            told.extend(asked.map(|asked| (header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone())));
            told.push((header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(REMEMBERED)));
        }
        Self(told)
    }

    /// Adds it to an answer.
    pub fn tell(self, answer: &mut HeaderMap) {
        for (name, value) in self.0 {
            if name == header::VARY {
                answer.append(name, value);
            } else {
                answer.insert(name, value);
            }
        }
    }
}

/// The origin of the page, if its pages may call.
fn allowed(origins: &Origins, request: &HeaderMap) -> Option<HeaderValue> {
    if origins.is_any() {
        return Some(HeaderValue::from_static("*"));
    }
    let origin = request.get(header::ORIGIN)?;
    origins.allows(origin.to_str().ok()?).then(|| origin.clone())
}

#[cfg(test)]
mod tests {
    use domain::{
        kinds::params::{At, Parameter, Reader},
        violation::Violations,
    };
    use serde_json::json;

    use super::*;

    fn origins(list: &[&str]) -> Origins {
        let mut violations = Violations::new();
        Origins::read(&json!(list), &At::root("o"), &mut Reader::proven(&mut violations)).unwrap()
    }

    fn told(cors: HookCors) -> Vec<String> {
        let mut headers = HeaderMap::new();
        cors.tell(&mut headers);
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
    }

    fn from(origin: &str) -> HeaderMap {
        HeaderMap::from_iter([
            (header::ORIGIN, origin.parse().unwrap()),
            (header::ACCESS_CONTROL_REQUEST_METHOD, "POST".parse().unwrap()),
            (header::ACCESS_CONTROL_REQUEST_HEADERS, "x-a".parse().unwrap()),
        ])
    }

    #[test]
    fn pages_of_the_origins_that_are_named_may_call_and_others_are_told_nothing() {
        let named = origins(&["https://app.example"]);
        let answer = told(HookCors::of(&named, &from("https://app.example")));
        assert!(
            answer.contains(&"access-control-allow-origin: https://app.example".to_owned()),
            "{answer:?}"
        );
        assert_eq!(told(HookCors::of(&named, &from("https://other.example"))), ["vary: origin"]);
        assert!(told(HookCors::of(&origins(&[]), &from("https://app.example"))).is_empty());
        let any = told(HookCors::of(&origins(&["*"]), &from("null")));
        assert!(any.contains(&"access-control-allow-origin: *".to_owned()), "{any:?}");
    }

    #[test]
    fn who_asks_before_is_told_the_methods() {
        let (methods, named) = (Methods::default(), origins(&["https://app.example"]));
        let said = told(HookCors::before(&methods, &named, &from("https://app.example")));
        assert!(said.contains(&"access-control-allow-methods: POST, OPTIONS".to_owned()), "{said:?}");
        assert!(said.contains(&"access-control-allow-headers: x-a".to_owned()), "{said:?}");
        let other = told(HookCors::before(&methods, &named, &from("https://other.example")));
        assert_eq!(other, ["allow: POST, OPTIONS"]);
    }
}
