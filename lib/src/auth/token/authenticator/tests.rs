mod mint;

use std::{sync::Mutex, time::Duration};

use serde_json::json;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

use super::*;
use crate::auth::{
    Scope,
    issuer::{LocalIssuer, TokenRequest},
};
use crate::clock::ManualClock;
use domain::timestamp::Timestamp;
use mint::{Key, NOW, claims, sign};

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Timestamp::from_millis(NOW * 1_000)))
}

fn config(jwks_url: &str) -> AuthConfig {
    AuthConfig::new("https://id.example/", "minireipaz", jwks_url.parse().unwrap())
}

fn with_keys(keys: &[Value]) -> Authenticator {
    let config = config("https://id.example/jwks");
    Authenticator::with_keys(config, &json!({ "keys": keys }), clock()).unwrap()
}

#[tokio::test]
async fn each_algorithm_is_verified_and_a_changed_token_is_refused() {
    for key in [Key::rsa(), Key::p256(), Key::ed25519()] {
        let authenticator = with_keys(&[Key::ed25519().jwk("other"), key.jwk("k1")]);
        let token = sign(&key, &key.header("k1"), &claims());
        for _ in 0..2 {
            let principal = authenticator.authenticate(&token).await.unwrap();
            assert_eq!(principal.tenant.as_str(), "acme");
            assert!(principal.scopes.contains(&Scope::RunsRead));
        }
        let mut other = claims();
        other["tenant_id"] = json!("victim");
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let forged = sign(&key, &key.header("k1"), &other);
        let forged = format!("{}.{signature}", forged.rsplit_once('.').unwrap().0);
        assert_eq!(authenticator.authenticate(&forged).await, Err(AuthError::WrongSignature), "{signed}");
    }
}

#[tokio::test]
async fn an_algorithm_never_comes_from_the_token_alone() {
    let (rsa, p256) = (Key::rsa(), Key::p256());
    let authenticator = with_keys(&[rsa.jwk("k1"), p256.jwk("k2")]);
    for header in [
        json!({"alg": "none", "kid": "k1"}),
        json!({"alg": "None", "kid": "k1"}),
        json!({"alg": "RS384", "kid": "k1"}),
        json!({"alg": "PS256", "kid": "k1"}),
        json!({"alg": "ES256", "kid": "k1"}),
        json!({"alg": "RS256", "kid": "k2"}),
    ] {
        let token = sign(&rsa, &header, &claims());
        assert_eq!(authenticator.authenticate(&token).await, Err(AuthError::WrongAlgorithm), "{header}");
        let (unsigned, _) = token.rsplit_once('.').unwrap();
        assert!(authenticator.authenticate(&format!("{unsigned}.")).await.is_err());
    }
    // The public key as the secret of an HMAC: the classic confusion.
    let secret = rsa.jwk("k1")["n"].as_str().unwrap().to_owned();
    let header = jsonwebtoken::Header { kid: Some("k1".into()), ..jsonwebtoken::Header::new(Named::HS256) };
    let token =
        jsonwebtoken::encode(&header, &claims(), &jsonwebtoken::EncodingKey::from_secret(secret.as_bytes()));
    assert_eq!(authenticator.authenticate(&token.unwrap()).await, Err(AuthError::WrongAlgorithm));
}

#[tokio::test]
async fn an_algorithm_that_is_not_allowed_is_refused_whatever_the_keys() {
    let key = Key::p256();
    let config = AuthConfig { algorithms: "RS256".parse().unwrap(), ..config("https://id.example/jwks") };
    let jwks = json!({"keys": [key.jwk("k1")]});
    let authenticator = Authenticator::with_keys(config, &jwks, clock()).unwrap();
    let token = sign(&key, &key.header("k1"), &claims());
    assert_eq!(authenticator.authenticate(&token).await, Err(AuthError::WrongAlgorithm));
}

#[tokio::test]
async fn the_key_is_the_one_that_the_token_names() {
    let (first, second) = (Key::ed25519(), Key::ed25519());
    let authenticator = with_keys(&[first.jwk("k1"), second.jwk("k2")]);
    let crossed = sign(&first, &second.header("k2"), &claims());
    assert_eq!(authenticator.authenticate(&crossed).await, Err(AuthError::WrongSignature));
    let unknown = sign(&first, &first.header("k3"), &claims());
    assert_eq!(authenticator.authenticate(&unknown).await, Err(AuthError::UnknownKey));
    let nameless = sign(&first, &json!({"alg": "EdDSA"}), &claims());
    assert_eq!(
        authenticator.authenticate(&nameless).await,
        Err(AuthError::UnknownKey),
        "either could be meant"
    );
    assert!(with_keys(&[first.jwk("k1")]).authenticate(&nameless).await.is_ok(), "only one can be meant");
}

#[tokio::test]
async fn keys_that_do_not_sign_tokens_are_left_out() {
    let key = Key::p256();
    let token = sign(&key, &key.header("k1"), &claims());
    for (name, value) in [("use", "enc"), ("alg", "ES384"), ("crv", "P-384"), ("kty", "oct")] {
        let mut jwk = key.jwk("k1");
        jwk[name] = json!(value);
        assert_eq!(with_keys(&[jwk]).authenticate(&token).await, Err(AuthError::UnknownKey), "{name}");
    }
    let odd = json!({"kty": "new", "kid": "odd"});
    assert!(with_keys(&[odd, json!(7), key.jwk("k1")]).authenticate(&token).await.is_ok());
}

#[tokio::test]
async fn what_is_no_token_is_malformed() {
    let key = Key::ed25519();
    let authenticator = with_keys(&[key.jwk("k1")]);
    let token = sign(&key, &key.header("k1"), &claims());
    let critical =
        sign(&key, &json!({"alg": "EdDSA", "kid": "k1", "crit": ["b64"], "b64": false}), &claims());
    let list = sign(&key, &key.header("k1"), &json!([1]));
    let odd = [json!({"kid": "k1"}), json!({"alg": 7}), json!({"alg": "EdDSA", "kid": 7}), json!(["EdDSA"])]
        .map(|header| sign(&key, &header, &claims()));
    for text in
        ["", "a", "a.b", "a.b.c", &token[1..], &format!("{token}.x"), &"x".repeat(9_000), &critical, &list]
    {
        assert!(matches!(authenticator.authenticate(text).await, Err(AuthError::Malformed(_))), "{text}");
    }
    for text in odd {
        let refused = Err(AuthError::Malformed("its header cannot be read"));
        assert_eq!(authenticator.authenticate(&text).await, refused, "{text}");
    }
}

#[tokio::test]
async fn a_remembered_token_ends_when_it_expires() {
    let key = Key::ed25519();
    let clock = clock();
    let jwks = json!({"keys": [key.jwk("k1")]});
    let authenticator =
        Authenticator::with_keys(config("https://x"), &jwks, Arc::<ManualClock>::clone(&clock)).unwrap();
    let token = sign(&key, &key.header("k1"), &claims());
    assert!(authenticator.authenticate(&token).await.is_ok());
    clock.advance(Duration::from_secs(60 + 29));
    assert!(authenticator.authenticate(&token).await.is_ok(), "within the leeway");
    clock.advance(Duration::from_secs(1));
    assert_eq!(authenticator.authenticate(&token).await, Err(AuthError::Expired));
}

/// An identity provider whose answer can be changed.
struct Provider {
    server: MockServer,
    answer: Arc<Mutex<ResponseTemplate>>,
    clock: Arc<ManualClock>,
}

impl Provider {
    async fn start(keys: &[Value]) -> Self {
        let server = MockServer::start().await;
        let answer = Arc::new(Mutex::new(Self::publishing(keys)));
        let current = Arc::clone(&answer);
        let respond = move |_: &wiremock::Request| current.lock().unwrap().clone();
        Mock::given(path("/jwks.json")).respond_with(respond).mount(&server).await;
        Self { server, answer, clock: clock() }
    }

    fn publishing(keys: &[Value]) -> ResponseTemplate {
        ResponseTemplate::new(200).set_body_json(json!({ "keys": keys }))
    }

    fn answer(&self, answer: ResponseTemplate) {
        *self.answer.lock().unwrap() = answer;
    }

    fn authenticator(&self) -> Authenticator {
        let config = config(&format!("{}/jwks.json", self.server.uri()));
        Authenticator::new(config, Arc::<ManualClock>::clone(&self.clock))
    }

    async fn fetches(&self) -> usize {
        self.server.received_requests().await.unwrap().len()
    }

    /// A token for a whole day, from the clock's now.
    fn token(&self, key: &Key, id: &str) -> String {
        let mut claims = claims();
        claims["exp"] = json!(self.clock.now().as_millis() / 1_000 + 3 * 86_400);
        sign(key, &key.header(id), &claims)
    }
}

#[tokio::test]
async fn keys_are_fetched_once_for_any_number_of_callers() {
    let key = Key::ed25519();
    let provider = Provider::start(&[key.jwk("k1")]).await;
    let (authenticator, token) = (provider.authenticator(), provider.token(&key, "k1"));
    assert_eq!(provider.fetches().await, 0);
    let results = futures_util::future::join_all((0..50).map(|_| authenticator.authenticate(&token))).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(provider.fetches().await, 1);
}

#[tokio::test]
async fn a_new_key_is_found_at_once_but_unknown_ones_cause_few_fetches() {
    let (old, new) = (Key::ed25519(), Key::p256());
    let provider = Provider::start(&[old.jwk("old")]).await;
    let authenticator = provider.authenticator();
    authenticator.authenticate(&provider.token(&old, "old")).await.unwrap();

    provider.answer(Provider::publishing(&[old.jwk("old"), new.jwk("new")]));
    provider.clock.advance(Duration::from_secs(30));
    authenticator.authenticate(&provider.token(&new, "new")).await.unwrap();
    assert_eq!(provider.fetches().await, 2);
    for n in 0..20 {
        let token = provider.token(&new, &format!("unknown-{n}"));
        assert_eq!(authenticator.authenticate(&token).await, Err(AuthError::UnknownKey));
    }
    assert_eq!(provider.fetches().await, 2);
    provider.clock.advance(Duration::from_secs(30));
    let unknown = authenticator.authenticate(&provider.token(&new, "unknown")).await;
    assert_eq!((unknown, provider.fetches().await), (Err(AuthError::UnknownKey), 3));
}

#[tokio::test]
async fn a_withdrawn_key_is_not_accepted_any_more_even_for_remembered_tokens() {
    let (old, new) = (Key::ed25519(), Key::ed25519());
    let provider = Provider::start(&[old.jwk("old")]).await;
    let (authenticator, token) = (provider.authenticator(), provider.token(&old, "old"));
    authenticator.authenticate(&token).await.unwrap();
    provider.answer(Provider::publishing(&[new.jwk("new")]));
    // A fetch that another token causes is enough.
    provider.clock.advance(Duration::from_secs(30));
    authenticator.authenticate(&provider.token(&new, "new")).await.unwrap();
    assert_eq!(authenticator.authenticate(&token).await, Err(AuthError::UnknownKey));
}

#[tokio::test]
async fn old_keys_are_fetched_again_behind_the_callers_back_and_very_old_ones_before_they_are_used() {
    let (old, new) = (Key::ed25519(), Key::ed25519());
    let provider = Provider::start(&[old.jwk("old")]).await;
    let (authenticator, token) = (provider.authenticator(), provider.token(&old, "old"));
    authenticator.authenticate(&token).await.unwrap();
    provider.clock.advance(Duration::from_secs(600));
    authenticator.authenticate(&token).await.unwrap();
    while authenticator.keys.fresh_generation().is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(provider.fetches().await, 2);
    provider.answer(Provider::publishing(&[new.jwk("new")]));
    provider.clock.advance(Duration::from_secs(3_600));
    assert_eq!(authenticator.authenticate(&token).await, Err(AuthError::UnknownKey));
}

#[tokio::test]
async fn with_the_issuer_away_known_keys_go_on_for_a_day_and_unknown_ones_are_not_judged() {
    let key = Key::ed25519();
    let provider = Provider::start(&[key.jwk("k1")]).await;
    let (authenticator, token) = (provider.authenticator(), provider.token(&key, "k1"));
    authenticator.authenticate(&token).await.unwrap();
    provider.answer(ResponseTemplate::new(404).set_body_string("<h1>gone</h1>"));
    provider.clock.advance(Duration::from_secs(3_600));
    authenticator.authenticate(&token).await.unwrap();
    let unknown = authenticator.authenticate(&provider.token(&key, "k2")).await;
    assert!(matches!(unknown, Err(AuthError::Unavailable { .. })), "{unknown:?}");
    provider.clock.advance(Duration::from_secs(86_400));
    assert!(matches!(authenticator.authenticate(&token).await, Err(AuthError::Unavailable { .. })));
    provider.answer(Provider::publishing(&[key.jwk("k1")]));
    provider.clock.advance(Duration::from_secs(30));
    authenticator.authenticate(&token).await.unwrap();
}

#[tokio::test]
async fn without_any_keys_callers_are_told_to_come_back_and_the_issuer_is_not_flooded() {
    let key = Key::ed25519();
    let provider = Provider::start(&[]).await;
    provider.answer(ResponseTemplate::new(200).set_body_string("not keys"));
    let (authenticator, token) = (provider.authenticator(), provider.token(&key, "k1"));
    for _ in 0..5 {
        let result = authenticator.authenticate(&token).await;
        assert_eq!(result, Err(AuthError::Unavailable { retry_after: Duration::from_secs(2) }));
    }
    assert_eq!(provider.fetches().await, 1);
    provider.answer(Provider::publishing(&[key.jwk("k1")]));
    provider.clock.advance(Duration::from_secs(2));
    authenticator.authenticate(&token).await.unwrap();
    assert!(matches!(authenticator.authenticate("junk").await, Err(AuthError::Malformed(_))));
}

#[tokio::test]
async fn tokens_of_the_local_issuer_are_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let issuer =
        LocalIssuer::open(folder.path(), "https://id.example/", "minireipaz").unwrap().with_clock(clock());
    let authenticator = Authenticator::with_keys(config("https://x"), &issuer.jwks(), clock()).unwrap();
    let token = issuer.token(&TokenRequest::developer("workflows:read runs:write")).unwrap();
    let principal = authenticator.authenticate(&token).await.unwrap();
    assert_eq!((principal.tenant.as_str(), &*principal.subject), ("local", "developer"));
    assert_eq!(principal.scopes.to_string(), "workflows:read runs:write");
}
