//! The same requests through Lambda's runtime and through Vercel's get the same answers.

use http::Method;
use minireipaz::auth::issuer::{LocalIssuer, TokenRequest};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    function::{Function, Variables},
    lambda::{Gateway, Lambda},
    request::{Answer, Call},
};

const AUDIENCE: &str = "test";
pub(crate) const SECRET: &str = "a-secret-of-the-connectors";
const WORKFLOW: &str =
    r#"{"name": "ä€😀", "nodes": [{"id": "a", "type": "manual", "data": {}}], "edges": []}"#;
/// Nothing listens there.
pub(crate) const AWAY: &str = "127.0.0.1:1";

/// Who issues the tokens, and where the keys are.
pub(crate) struct Identity {
    issuer: LocalIssuer,
    url: String,
    _folder: TempDir,
    _served: AbortOnDropHandle<()>,
}

impl Identity {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let issuer = LocalIssuer::open(folder.path(), &url, AUDIENCE).unwrap();
        let jwks = issuer.jwks();
        let router = axum::Router::new()
            .route("/jwks.json", axum::routing::get(move || async move { axum::Json(jwks) }));
        let served = AbortOnDropHandle::new(tokio_util::task::TaskTracker::new().spawn(async move {
            axum::serve(listener, router).await.unwrap();
        }));
        Self { issuer, url, _folder: folder, _served: served }
    }

    pub(crate) fn token(&self, scopes: &str) -> String {
        self.issuer.token(&TokenRequest::developer(scopes)).unwrap()
    }

    /// The settings of a function that trusts it.
    pub(crate) fn variables(&self, bus: &str, store: &str) -> Variables {
        let jwks = format!("{}/jwks.json", self.url);
        [
            ("AUTH_ISSUER", self.url.as_str()),
            ("AUTH_AUDIENCE", AUDIENCE),
            ("AUTH_JWKS_URL", &jwks),
            ("KAFKA_REST_URL", bus),
            ("KAFKA_CLUSTER_ID", "test"),
            ("CLICKHOUSE_URL", store),
            ("CONNECTOR_SECRET", SECRET),
            ("CORS_ORIGINS", "https://app.example"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }
}

/// One function on both platforms, its bus and its store away.
struct Both {
    vercel: Function,
    lambda: Lambda,
}

impl Both {
    async fn start(binary: &str, identity: &Identity) -> Self {
        let variables = identity.variables(&format!("http://{AWAY}"), &format!("clickhouse://u:p@{AWAY}/db"));
        let (vercel, lambda) =
            tokio::join!(Function::start(binary, &variables), Lambda::start(binary, &variables));
        Self { vercel, lambda }
    }

    /// The answer, which must be the same from both, in every form of an event.
    async fn send(&self, call: Call) -> Answer {
        let expected = self.vercel.send(&call).await.without_moment();
        for gateway in Gateway::ALL {
            let answer = self.lambda.send(gateway, &call).await.without_moment();
            assert_eq!(answer, expected, "{gateway:?} differs for {} {}", call.method, call.path);
        }
        expected
    }

    /// A part that is away is tried again for seconds: in one form, a `503` with this code that says when to come back.
    async fn away(&self, call: Call, code: &str) {
        let (answer, on_lambda) =
            tokio::join!(self.vercel.send(&call), self.lambda.send(Gateway::Http, &call));
        let answer = answer.without_moment();
        assert_eq!(on_lambda.without_moment(), answer, "{} {}", call.method, call.path);
        assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some(code)), "{answer:?}");
        assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
    }

    /// The same, and its status and code are these.
    async fn problem(&self, call: Call, status: u16, code: &str) -> Answer {
        let answer = self.send(call).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert_eq!(answer.json()["code"], code, "{answer:?}");
        answer
    }
}

#[tokio::test]
async fn ping_and_what_is_not_there_are_answered_alike() {
    let identity = Identity::start().await;
    let both = Both::start(env!("CARGO_BIN_EXE_ping"), &identity).await;
    let pong = both.send(Call::get("/api/v1/ping")).await;
    assert_eq!((pong.status, &pong.json()["status"]), (200, &"ok".into()));
    assert_eq!(pong.headers["x-request-id"], "same");

    let down = both.problem(Call::get("/api/v1/ping?deep=true"), 503, "part_down").await;
    assert_eq!(down.json()["detail"], "not reached: the event bus, the store");
    assert!(down.headers.contains_key("retry-after"));

    both.problem(Call::get("/api/v1/nothing?a=b"), 404, "route_not_found").await;
    both.problem(Call::get("/api/v1/sp%20ace/%C3%A4"), 404, "route_not_found").await;
    let refused = both.problem(Call::post("/api/v1/ping", "{}"), 405, "method_not_allowed").await;
    assert_eq!(refused.headers["allow"], "GET,HEAD");
    let head = both.send(Call::new(Method::HEAD, "/api/v1/ping")).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[tokio::test]
async fn callers_who_may_not_are_refused_alike() {
    let identity = Identity::start().await;
    let both = Both::start(env!("CARGO_BIN_EXE_workflows-index"), &identity).await;
    let body = r#"{"name": "a", "nodes": [], "edges": []}"#;
    let missing = both.problem(Call::post("/api/v1/workflows", body), 401, "token_missing").await;
    assert_eq!(missing.headers["www-authenticate"], "Bearer");
    both.problem(Call::get("/api/v1/workflows").bearer("no.token.this"), 401, "token_invalid").await;
    let reader = identity.token("workflows:read");
    let refused =
        both.problem(Call::post("/api/v1/workflows", body).bearer(&reader), 403, "missing_scope").await;
    assert_eq!(refused.json()["detail"], "missing scope workflows:write");

    let asks = Call::new(Method::OPTIONS, "/api/v1/workflows")
        .header("origin", "https://app.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type");
    let allowed = both.send(asks).await;
    assert_eq!(allowed.headers["access-control-allow-origin"], "https://app.example");
    let stranger = Call::get("/api/v1/workflows").header("origin", "https://other.example");
    assert!(!both.send(stranger).await.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn bodies_are_read_and_refused_alike() {
    let identity = Identity::start().await;
    let both = Both::start(env!("CARGO_BIN_EXE_workflows-index"), &identity).await;
    let token = identity.token("workflows:read workflows:write");
    let post = |body: String| Call::post("/api/v1/workflows", body).bearer(&token);

    both.problem(post("{".into()), 400, "invalid_json").await;
    let wrong = r#"{"name": "ä€😀", "nodes": [{"id": "ü", "type": "no such"}], "edges": []}"#;
    let wrong = both.problem(post(wrong.into()), 422, "invalid_workflow").await;
    assert!(wrong.json()["violations"].as_array().is_some_and(|all| !all.is_empty()), "{wrong:?}");
    both.problem(post("{}".into()).header("content-type", "text/plain"), 415, "unsupported_media_type").await;
    both.problem(post(" ".repeat((1 << 20) + 1)), 413, "body_too_large").await;
    both.problem(
        Call::get("/api/v1/workflows?limit=0&cursor=%C3%A4+b").bearer(&token),
        400,
        "invalid_parameter",
    )
    .await;

    both.away(post(WORKFLOW.into()), "bus_unavailable").await;
    both.away(Call::get("/api/v1/workflows?limit=2").bearer(&token), "store_unavailable").await;
}

#[tokio::test]
async fn paths_with_ids_and_conditions_are_read_alike() {
    let identity = Identity::start().await;
    let both = Both::start(env!("CARGO_BIN_EXE_workflows-id"), &identity).await;
    let token = identity.token("workflows:read workflows:write");
    let id = "018f4e8a-0000-7000-8000-000000000001";
    both.away(Call::get(&format!("/api/v1/workflows/{id}")).bearer(&token), "store_unavailable").await;
    both.problem(Call::get("/api/v1/workflows/seven").bearer(&token), 404, "workflow_not_found").await;
    let mut put = Call::post(&format!("/api/v1/workflows/{id}"), WORKFLOW).bearer(&token);
    put.method = Method::PUT;
    both.problem(put, 428, "precondition_required").await;
}

#[tokio::test]
async fn connectors_are_let_in_and_refused_alike() {
    let identity = Identity::start().await;
    let both = Both::start(env!("CARGO_BIN_EXE_scheduler-kind"), &identity).await;
    let path = "/api/v1/scheduler/events";
    both.problem(Call::post(path, "[]").bearer("wrong"), 401, "wrong_secret").await;
    let nothing = both.send(Call::post(path, "[]").bearer(SECRET)).await;
    assert_eq!(nothing.status, 200, "{nothing:?}");
    // Its dead letter cannot be kept now, so it must come again.
    both.away(Call::post(path, "no JSON").header("x-api-key", SECRET), "store_unavailable").await;
}

#[tokio::test]
async fn a_function_without_settings_says_so_alike() {
    let variables = vec![("AUTH_AUDIENCE".to_owned(), AUDIENCE.to_owned())];
    let binary = env!("CARGO_BIN_EXE_runs-id");
    let (vercel, lambda) =
        tokio::join!(Function::start(binary, &variables), Lambda::start(binary, &variables));
    let both = Both { vercel, lambda };
    let answer = both.problem(Call::get("/api/v1/runs/7"), 503, "not_configured").await;
    assert!(answer.body.contains("KAFKA_REST_URL is not set"), "{answer:?}");
}

#[tokio::test]
async fn an_event_of_no_gateway_is_an_error_of_that_invocation_only() {
    let identity = Identity::start().await;
    let variables = identity.variables(&format!("http://{AWAY}"), &format!("clickhouse://u:p@{AWAY}/db"));
    let lambda = Lambda::start(env!("CARGO_BIN_EXE_ping"), &variables).await;
    let error = lambda.fail(serde_json::json!({"what": "ever"})).await;
    assert!(error.contains("Amazon API Gateway"), "{error}");
    assert_eq!(lambda.send(Gateway::Http, &Call::get("/api/v1/ping")).await.status, 200);
}
