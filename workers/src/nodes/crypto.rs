//! `crypto`: digests, signatures with a shared secret, and chance.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use domain::{
    items::Item,
    kinds::{
        crypto::{Action, Algorithm, Encoding, Params},
        params::{At, Reader},
    },
    run::NodeError,
};
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use rand::Rng;
use serde_json::{Map, Value};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use sha3::{Sha3_256, Sha3_384, Sha3_512};

use super::transform::{Context, Transform, placed};

#[derive(Debug)]
pub(super) struct Crypto;

impl Transform for Crypto {
    type Params = Params;
    const HEAVY: bool = false;

    fn read(object: &Map<String, Value>, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Params> {
        Params::read_object(object, at, reader)
    }

    fn transform(params: Params, item: &Item, _: Context) -> Result<Item, Box<NodeError>> {
        let value = params.value.as_ref().map_or("", |value| &value.0).as_bytes();
        let encoded = |bytes: &[u8]| encoded(bytes, params.encoding);
        let made = match params.action {
            Action::Hash => encoded(&hash(params.algorithm, value)),
            Action::Hmac => {
                let secret = params.secret.as_deref().unwrap_or_default();
                encoded(&hmac(params.algorithm, secret.as_bytes(), value)?)
            }
            Action::Random => {
                let mut bytes = vec![0; params.bytes.0];
                rand::rng().fill_bytes(&mut bytes);
                encoded(&bytes)
            }
            Action::Uuid => uuid::Builder::from_random_bytes(rand::random()).into_uuid().to_string(),
        };
        placed(item, &params.keep, &params.into, made.into())
    }
}

fn hash(algorithm: Algorithm, value: &[u8]) -> Vec<u8> {
    match algorithm {
        Algorithm::Md5 => Md5::digest(value).to_vec(),
        Algorithm::Sha1 => Sha1::digest(value).to_vec(),
        Algorithm::Sha256 => Sha256::digest(value).to_vec(),
        Algorithm::Sha384 => Sha384::digest(value).to_vec(),
        Algorithm::Sha512 => Sha512::digest(value).to_vec(),
        Algorithm::Sha3_256 => Sha3_256::digest(value).to_vec(),
        Algorithm::Sha3_384 => Sha3_384::digest(value).to_vec(),
        Algorithm::Sha3_512 => Sha3_512::digest(value).to_vec(),
    }
}

fn hmac(algorithm: Algorithm, secret: &[u8], value: &[u8]) -> Result<Vec<u8>, Box<NodeError>> {
    match algorithm {
        Algorithm::Md5 => mac::<Hmac<Md5>>(secret, value),
        Algorithm::Sha1 => mac::<Hmac<Sha1>>(secret, value),
        Algorithm::Sha256 => mac::<Hmac<Sha256>>(secret, value),
        Algorithm::Sha384 => mac::<Hmac<Sha384>>(secret, value),
        Algorithm::Sha512 => mac::<Hmac<Sha512>>(secret, value),
        Algorithm::Sha3_256 => mac::<Hmac<Sha3_256>>(secret, value),
        Algorithm::Sha3_384 => mac::<Hmac<Sha3_384>>(secret, value),
        Algorithm::Sha3_512 => mac::<Hmac<Sha3_512>>(secret, value),
    }
}

fn mac<M: Mac + KeyInit>(secret: &[u8], value: &[u8]) -> Result<Vec<u8>, Box<NodeError>> {
    // HMAC takes a key of any length; the trait is also that of others, which do not.
    let mac = <M as KeyInit>::new_from_slice(secret)
        .map_err(|_| NodeError::new("invalid_params", "`secret` has no length that the algorithm takes"))?;
    Ok(mac.chain_update(value).finalize().into_bytes().to_vec())
}

fn encoded(bytes: &[u8], encoding: Encoding) -> String {
    match encoding {
        Encoding::Hex => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        Encoding::Base64 => BASE64_STANDARD.encode(bytes),
        Encoding::Base64Url => BASE64_URL_SAFE_NO_PAD.encode(bytes),
    }
}
