//! Events and replies in the forms of API Gateway.

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use crate::request::{Answer, Call};

/// Which kind of API Gateway stands in front of the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gateway {
    /// HTTP API, payload 2.0; the default stage, which does not show in the path.
    Http,
    /// The same with all bodies in Base64, as it does with what is not text.
    HttpBase64,
    /// HTTP API with a stage `live` in the path.
    HttpStage,
    /// REST API, payload 1.0, stage `live`.
    Rest,
}

impl Gateway {
    pub(crate) const ALL: [Self; 4] = [Self::Http, Self::HttpBase64, Self::HttpStage, Self::Rest];

    pub(super) fn event(self, call: &Call) -> Value {
        let base64 = self == Self::HttpBase64;
        let body = match call.body.as_slice() {
            [] => Value::Null,
            bytes if base64 => BASE64_STANDARD.encode(bytes).into(),
            bytes => String::from_utf8(bytes.to_vec()).unwrap().into(),
        };
        let mut headers: Map<_, _> =
            call.headers.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        headers.insert("host".into(), "abc.execute-api.eu-west-1.amazonaws.com".into());
        headers.insert("x-forwarded-proto".into(), "https".into());
        headers.insert("x-forwarded-for".into(), "203.0.113.7".into());
        if !call.body.is_empty() {
            headers.insert("content-length".into(), call.body.len().to_string().into());
        }
        match self {
            Self::Rest => rest(call, &headers, &body),
            Self::Http | Self::HttpBase64 => http(call, ("$default", ""), &headers, body, base64),
            Self::HttpStage => http(call, ("live", "/live"), &headers, body, base64),
        }
    }

    pub(super) fn answer(self, reply: &Value) -> Answer {
        let mut headers = HeaderMap::new();
        let mut add = |name: &str, value: &Value| {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_str(value.as_str().unwrap()).unwrap());
        };
        for (name, value) in reply["headers"].as_object().into_iter().flatten() {
            add(name, value);
        }
        // Only REST APIs look at these.
        for (name, values) in reply["multiValueHeaders"].as_object().into_iter().flatten() {
            for value in values.as_array().unwrap().iter().filter(|_| self == Self::Rest) {
                add(name, value);
            }
        }
        let body = reply["body"].as_str().unwrap_or_default();
        let body = match reply["isBase64Encoded"].as_bool() {
            Some(true) => BASE64_STANDARD.decode(body).unwrap(),
            _ => body.as_bytes().to_vec(),
        };
        Answer::new(u16::try_from(reply["statusCode"].as_u64().unwrap()).unwrap(), &headers, body)
    }
}

/// Payload 2.0: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>.
fn http(
    call: &Call,
    (stage, prefix): (&str, &str),
    headers: &Map<String, Value>,
    body: Value,
    base64: bool,
) -> Value {
    let path = format!("{prefix}{}", percent_decode_str(&call.path).decode_utf8().unwrap());
    let mut parameters = Map::new();
    for (name, value) in url::form_urlencoded::parse(call.query.as_bytes()) {
        // Values of the same name are joined.
        let joined = match parameters.get(&*name).and_then(Value::as_str) {
            Some(before) => format!("{before},{value}"),
            None => value.into_owned(),
        };
        parameters.insert(name.into_owned(), joined.into());
    }
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": call.query,
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abc",
            "domainName": "abc.execute-api.eu-west-1.amazonaws.com",
            "domainPrefix": "abc",
            "http": {
                "method": call.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "test"
            },
            "requestId": "id",
            "routeKey": "$default",
            "stage": stage,
            "time": "12/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1_583_348_638_390_u64
        },
        "isBase64Encoded": base64
    });
    if !parameters.is_empty() {
        event["queryStringParameters"] = parameters.into();
    }
    if !body.is_null() {
        event["body"] = body;
    }
    event
}

/// Payload 1.0: <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>.
fn rest(call: &Call, headers: &Map<String, Value>, body: &Value) -> Value {
    let many: Map<_, _> = headers.iter().map(|(name, value)| (name.clone(), json!([value]))).collect();
    let (mut single, mut all) = (Map::new(), Map::new());
    for (name, value) in url::form_urlencoded::parse(call.query.as_bytes()) {
        single.insert(name.to_string(), value.as_ref().into());
        let values = all.entry(name.into_owned()).or_insert_with(|| json!([]));
        values.as_array_mut().unwrap().push(value.as_ref().into());
    }
    let or_null = |map: Map<_, _>| if map.is_empty() { Value::Null } else { Value::Object(map) };
    json!({
        "resource": "/{proxy+}",
        "path": call.path,
        "httpMethod": call.method.as_str(),
        "headers": headers,
        "multiValueHeaders": many,
        "queryStringParameters": or_null(single),
        "multiValueQueryStringParameters": or_null(all),
        "pathParameters": { "proxy": call.path.trim_start_matches('/') },
        "stageVariables": null,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abc",
            "domainName": "abc.execute-api.eu-west-1.amazonaws.com",
            "httpMethod": call.method.as_str(),
            "identity": { "sourceIp": "203.0.113.7", "userAgent": "test" },
            "path": format!("/live{}", call.path),
            "protocol": "HTTP/1.1",
            "requestId": "id",
            "requestTimeEpoch": 1_583_348_638_390_u64,
            "resourcePath": "/{proxy+}",
            "stage": "live"
        },
        "body": body,
        "isBase64Encoded": false
    })
}
