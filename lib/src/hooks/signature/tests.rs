//! The vectors that senders publish, and what must not count as signed.

use std::time::Duration;

use domain::kinds::{
    params::{At, Parameter, Reader},
    webhook::Signature,
};
use domain::violation::Violations;
use serde_json::{Value, json};

use super::*;

fn signature(params: Value) -> Signature {
    let mut params = params;
    params["credential"] = json!("018f3c3e-0000-7000-8000-000000000000");
    let mut violations = Violations::new();
    Signature::read(&params, &At::root("signature"), &mut Reader::proven(&mut violations)).unwrap()
}

fn checked(
    params: Value,
    secrets: &[&str],
    headers: &[(&str, &str)],
    body: &[u8],
    seconds: i64,
) -> Result<Signed, NotSigned> {
    let params = signature(params);
    let headers =
        headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    let secrets: Vec<SecretString> = secrets.iter().map(|secret| (*secret).into()).collect();
    let secrets: Vec<_> = secrets.iter().collect();
    verify(&Scheme::of(&params), &secrets, &headers, body, Timestamp::from_millis(seconds * 1_000))
}

fn by_id(id: &str) -> Result<Signed, NotSigned> {
    Ok(Signed { delivery: format!("id {id}"), only_lately: false })
}

/// <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation>
#[test]
fn githubs_example_is_signed_right() {
    const SECRET: &str = "It's a Secret to Everybody";
    const SIGNED: (&str, &str) =
        ("X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
    let params = || json!({"preset": "github"});
    let delivery = ("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958");
    let found = checked(params(), &[SECRET], &[SIGNED, delivery], b"Hello, World!", 0);
    assert_eq!(found, by_id("72d3162e-cc78-11e3-81ab-4c9367dc0958"));
    let unnamed = checked(params(), &[SECRET], &[SIGNED], b"Hello, World!", 0).unwrap();
    assert!(unnamed.delivery.starts_with("signature ") && unnamed.only_lately);
    assert_eq!(checked(params(), &[SECRET], &[SIGNED], b"Hello, World?", 0), Err(NotSigned::Wrong));
    assert_eq!(checked(params(), &["other"], &[SIGNED], b"Hello, World!", 0), Err(NotSigned::Wrong));
    assert_eq!(checked(params(), &[SECRET], &[], b"Hello, World!", 0), Err(NotSigned::Missing));
    assert_eq!(checked(params(), &[SECRET], &[SIGNED, SIGNED], b"Hello, World!", 0), Err(NotSigned::Missing));
    assert_eq!(checked(params(), &[""], &[SIGNED], b"Hello, World!", 0), Err(NotSigned::Secret));
    assert!(
        checked(params(), &["next", SECRET], &[SIGNED], b"Hello, World!", 0).is_ok(),
        "two secrets at once"
    );
}

/// stripe-dotnet: `src/StripeTests/Resources/event_test_signature.json` and `Services/Events/EventUtilityTest.cs`.
#[test]
fn stripes_example_is_signed_right_within_five_minutes() {
    const BODY: &str = r#"{
  "id": "evt_123",
  "object": "event",
  "account": "acct_123",
  "api_version": "2017-05-25",
  "created": 1533204620,
  "data": {
    "object": {
      "id": "cus_123",
      "object": "customer",
      "created": 123456789,
      "email": "test@stripe.com",
      "livemode": false,
      "metadata": {}
    }
  },
  "livemode": false,
  "pending_webhooks": 1,
  "request": {
    "id": "req_123",
    "idempotency_key": "idempotency-key-123"
  },
  "type": "customer.created"
}
"#;
    const V1: &str = "v1=2220f87ef101a04665f11cdf770523143f875572008577fa0f20882ddb9cc3c7";
    const V0: &str = "v0=63f3a72374a733066c4be69ed7f8e5ac85c22c9f0a6a612ab9a025a9e4ee7eef";
    const TIME: i64 = 1_533_204_620;
    let check = |header: String, seconds| {
        let headers = [("Stripe-Signature", header.as_str())];
        checked(json!({"preset": "stripe"}), &["webhook_secret"], &headers, BODY.as_bytes(), seconds)
    };
    let whole = format!("t={TIME},{V1},{V0}");
    for seconds in [TIME, TIME + 300, TIME - 300] {
        assert_eq!(check(whole.clone(), seconds), by_id("evt_123"), "{seconds}");
    }
    for seconds in [TIME + 301, TIME - 301, 0, i64::MAX / 1_000] {
        assert_eq!(check(whole.clone(), seconds), Err(NotSigned::OutOfTime), "{seconds}");
    }
    let wrong = format!("v1={}", "0".repeat(64));
    assert_eq!(check(format!("t={TIME},{wrong},{V1}"), TIME), by_id("evt_123"), "one of several is enough");
    assert_eq!(check(format!("t={TIME},{wrong}"), TIME), Err(NotSigned::Wrong));
    // The time is signed too.
    assert_eq!(check(format!("t={},{V1}", TIME + 1), TIME), Err(NotSigned::Wrong));
    for missing in [
        V1.to_owned(),
        format!("t={TIME}"),
        format!("t={TIME},{V0}"),
        format!("t=0{TIME},{V1}"),
        "t=,".into(),
    ] {
        assert_eq!(check(missing.clone(), TIME), Err(NotSigned::Missing), "{missing}");
    }
}

/// <https://docs.slack.dev/authentication/verifying-requests-from-slack>
#[test]
fn slacks_example_is_signed_right() {
    const BODY: &[u8] = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const TIME: i64 = 1_531_420_618;
    let check = |time: &str, body: &[u8], now| {
        let signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
        let headers = [("X-Slack-Signature", signature), ("X-Slack-Request-Timestamp", time)];
        checked(json!({"preset": "slack"}), &["8f742231b10e8888abcd99yyyzzz85a5"], &headers, body, now)
    };
    let signed = check("1531420618", BODY, TIME + 60).unwrap();
    assert!(
        signed.delivery.starts_with("signature ") && !signed.only_lately,
        "its time makes it different from others"
    );
    assert_eq!(check("1531420618", BODY, TIME + 301), Err(NotSigned::OutOfTime));
    assert_eq!(check("1531420619", BODY, TIME), Err(NotSigned::Wrong));
    assert_eq!(check("1531420618.0", BODY, TIME), Err(NotSigned::Missing));
    assert_eq!(check("1531420618", b"", TIME), Err(NotSigned::Wrong));
}

/// <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md> and the tests of its libraries.
#[test]
fn the_example_of_standard_webhooks_is_signed_right() {
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const RIGHT: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    const TIME: i64 = 1_614_265_330;
    let check = |secret: &str, id: &str, signature: &str, now| {
        let headers =
            [("webhook-id", id), ("webhook-timestamp", "1614265330"), ("webhook-signature", signature)];
        checked(json!({"preset": "standard_webhooks"}), &[secret], &headers, BODY, now)
    };
    let (secret, id) = ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek");
    assert_eq!(check(secret, id, RIGHT, TIME), by_id(id));
    assert_eq!(check(&secret[6..], id, RIGHT, TIME), by_id(id), "the secret without its mark");
    let several = format!("v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,x {RIGHT}");
    assert_eq!(check(secret, id, &several, TIME), by_id(id));
    assert_eq!(check(secret, "msg_another", RIGHT, TIME), Err(NotSigned::Wrong), "the id is signed too");
    assert_eq!(check(secret, id, RIGHT, TIME + 301), Err(NotSigned::OutOfTime));
    assert_eq!(check("whsec_!", id, RIGHT, TIME), Err(NotSigned::Secret));
    assert_eq!(check(secret, id, RIGHT.trim_start_matches("v1,"), TIME), Err(NotSigned::Missing));
}

/// Shopify publishes no vector; its rule is that of GitHub in base64.
#[test]
fn shopifys_rule_is_an_hmac_of_the_body_in_base64() {
    let signature = "dXEH6g6yUJ/CESIczphLijdXC211hsIsRvQ3nIsEPhc=";
    let headers = [("X-Shopify-Hmac-SHA256", signature), ("X-Shopify-Webhook-Id", "b54557e4")];
    let found =
        checked(json!({"preset": "shopify"}), &["It's a Secret to Everybody"], &headers, b"Hello, World!", 0);
    assert_eq!(found, by_id("b54557e4"));
}

#[test]
fn rules_of_ones_own_say_all_that_the_presets_say() {
    let own = json!({
        "header": "X-Sig", "algorithm": "sha256", "encoding": "hex", "prefix": "v1=", "separator": ",",
        "signed": "{timestamp}.{body}", "timestamp_header": "x-sig", "timestamp_prefix": "t=", "tolerance": "10s",
    });
    let params = signature(own.clone());
    let scheme = Scheme::of(&params);
    assert_eq!(
        (scheme.tolerance, scheme.separator, scheme.signs_time()),
        (Duration::from_secs(10), Some(','), true)
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
    let code: String =
        hmac::sign(&key, b"100.body").as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let header = format!("t=100, v1={code}");
    assert!(checked(own.clone(), &["secret"], &[("x-sig", &header)], b"body", 110).is_ok());
    assert_eq!(checked(own, &["secret"], &[("x-sig", &header)], b"body", 111), Err(NotSigned::OutOfTime));
    // Made with Python's `hmac`.
    for (algorithm, code) in [
        ("sha1", "a18991ff7e4513a1c2d2ee51e3a8e99ca891d9cd"),
        (
            "sha512",
            "de4a671e8233987c46a9048b8041bda6296901960022836c15c28023d3f66c3720449af241bdfe2e592c5b2273730cd1df763073e018e60d7313077c5342fde9",
        ),
    ] {
        let params = json!({"header": "x-sig", "algorithm": algorithm});
        assert!(checked(params, &["secret"], &[("x-sig", code)], b"body", 0).is_ok(), "{algorithm}");
    }
}

#[test]
fn an_endless_list_of_signatures_costs_no_more_than_ten() {
    let wrong = format!("v1,{}", "A".repeat(44));
    let many = vec![wrong.as_str(); 1_000].join(" ");
    let right = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    let header = format!("{many} {right}");
    let headers = [
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", header.as_str()),
    ];
    let body = br#"{"test": 2432232314}"#;
    let secret = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"];
    let found = checked(json!({"preset": "standard_webhooks"}), &secret, &headers, body, 1_614_265_330);
    assert_eq!(found, Err(NotSigned::Wrong));
}
