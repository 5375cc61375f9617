//! `crypto`: known answers, and what chance gives.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use minireipaz::clock::SystemClock;
use serde_json::{Value, json};

use super::{RUNNER, attempt, check, fails, ports};
use crate::{
    engine::Outcome,
    runner::{Runner, RunnerSettings},
};

#[test]
fn digests_are_those_that_everybody_knows() {
    for (algorithm, expected) in [
        ("md5", "900150983cd24fb0d6963f7d28e17f72"),
        ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "sha384",
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
        ),
        (
            "sha512",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
        ("sha3_256", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
        (
            "sha3_384",
            "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25",
        ),
        (
            "sha3_512",
            "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
        ),
    ] {
        let params = json!({"action": "hash", "value": "{{ $json.t }}", "algorithm": algorithm});
        check("crypto", params, json!([{"t": "abc"}]), json!({"main": [{"t": "abc", "data": expected}]}));
    }
}

/// RFC 2202, RFC 4231, and what OpenSSL says.
#[test]
fn hmacs_are_those_that_everybody_knows() {
    let value = "what do ya want for nothing?";
    for (algorithm, expected) in [
        ("md5", "750c783e6ab0b503eaa86e310a5db738"),
        ("sha1", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        ("sha256", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (
            "sha384",
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
        ),
        (
            "sha512",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
        ("sha3_256", "c7d4072e788877ae3596bbb0da73b887c9171f93095b294ae857fbe2645e1ba5"),
        (
            "sha3_384",
            "f1101f8cbf9766fd6764d2ed61903f21ca9b18f57cf3e1a23ca13508a93243ce48c045dc007f26a21b3f5e0e9df4c20a",
        ),
        (
            "sha3_512",
            "5a4bfeab6166427c7a3647b747292b8384537cdb89afb3bf5665e4c5e709350b287baec921fd7ca0ee7a0c31d022a95e1fc92ba9d77df883960275beb4e62024",
        ),
    ] {
        let params = json!({"action": "hmac", "value": value, "secret": "Jefe", "algorithm": algorithm, "keep": "none"});
        check("crypto", params, json!([{"t": 1}]), json!({"main": [{ "data": expected }]}));
    }
}

#[test]
fn digests_are_of_utf8_and_written_as_one_likes() {
    for (value, encoding, expected) in [
        (json!("é"), "hex", "4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c"),
        (json!(""), "base64", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
        (json!(""), "base64url", "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"),
        (json!(12.50), "hex", "b902cc4550838229a710bfec4c38cbc7eb11082367a409df9135e7f007a96bda"),
        (json!(true), "hex", "b5bea41b6c623f7c09f1bf24dcae58ebab3c0cdd90ad966bc43a45b44867e12b"),
    ] {
        let params = json!({"action": "hash", "value": "{{ $json.v }}", "encoding": encoding, "into": "h.x"});
        check(
            "crypto",
            params,
            json!([{ "v": value }]),
            json!({"main": [{"v": value, "h": {"x": expected}}]}),
        );
    }
}

/// The texts that a node makes for so many items.
fn made(params: Value, items: usize) -> Vec<String> {
    let node = json!({"type": "crypto", "data": {"params": params}});
    let input: Vec<Value> = (0..items).map(|n| json!({ "n": n })).collect();
    match RUNNER.run_inline(&attempt(&node, &[(None, json!(input))])) {
        Some(Outcome::Succeeded(output)) => {
            let main = ports(&output)["main"].clone();
            main.as_array().unwrap().iter().map(|item| item["data"].as_str().unwrap().to_owned()).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn chance_gives_every_item_its_own() {
    for (params, letters, length) in [
        (json!({"action": "random"}), "0123456789abcdef", 32),
        (json!({"action": "random", "bytes": 1}), "0123456789abcdef", 2),
        (json!({"action": "random", "bytes": 1024}), "0123456789abcdef", 2048),
        (
            json!({"action": "random", "bytes": 24, "encoding": "base64url"}),
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
            32,
        ),
    ] {
        let texts = made(params.clone(), 40);
        for text in &texts {
            assert!(text.len() == length && text.chars().all(|c| letters.contains(c)), "{params}: {text}");
        }
        if length > 2 {
            assert_eq!(texts.iter().collect::<HashSet<_>>().len(), 40, "{params}");
        }
        let used: HashSet<_> = texts.iter().flat_map(|text| text.chars()).collect();
        assert!(used.len() > 10, "{params}: {used:?}");
    }
    let uuids = made(json!({"action": "uuid"}), 40);
    for text in &uuids {
        let uuid: uuid::Uuid = text.parse().unwrap();
        assert_eq!((uuid.get_version_num(), uuid.get_variant()), (4, uuid::Variant::RFC4122), "{text}");
    }
    assert_eq!(uuids.iter().collect::<HashSet<_>>().len(), 40);
}

#[test]
fn errors_tell_what_is_wrong_and_no_secret() {
    let hmac = |secret: Value, value: Value| json!({"action": "hmac", "value": value, "secret": secret});
    for (params, says) in [
        (hmac(json!("{{ $json.list }}"), json!("x")), "params.secret: `secret` must be a text, not a list"),
        (
            hmac(json!("{{ $json.secret }}"), json!("{{ $json.list }}")),
            "params.value: must be a text, not a list",
        ),
        (hmac(json!("{{ $json.nothing }}"), json!("x")), "params.secret: `secret` is required"),
        (json!({"action": "hash", "value": "x", "algorithm": "{{ $json.none }}x"}), "params.algorithm"),
        (json!({"action": "random", "bytes": "{{ $json.n }}"}), "MAX_RANDOM_BYTES"),
    ] {
        let input = json!([{"list": ["s3cr3t-in-a-list"], "secret": "s3cr3t", "n": 1025}]);
        let error = fails("crypto", json!({ "params": params }), input).error;
        assert!(
            error.code == "invalid_params" && error.message.contains(says),
            "{params}: {}",
            error.message
        );
        assert!(!json!(error).to_string().contains("s3cr3t"), "{}", error.message);
    }
}

/// What came from `$env` is told nowhere, wherever it was put.
#[test]
fn what_came_from_the_environment_is_in_no_error() {
    let env = BTreeMap::from([("SIGNING_KEY".to_owned(), "hunter2hunter2".to_owned())]);
    let settings = RunnerSettings { env, ..RunnerSettings::default() };
    let runner = Runner::new(settings, Arc::new(SystemClock)).unwrap();
    let params = json!({"action": "hash", "value": "x", "algorithm": "{{ $env.SIGNING_KEY }}"});
    let node = json!({"type": "crypto", "data": {"params": params}});
    match runner.run_inline(&attempt(&node, &[(None, json!([{}]))])) {
        Some(Outcome::Failed(failed)) => {
            assert!(failed.error.message.contains("params.algorithm"), "{}", failed.error.message);
            assert!(!json!(failed.error).to_string().contains("hunter2"), "{}", failed.error.message);
        }
        other => panic!("{other:?}"),
    }
}
