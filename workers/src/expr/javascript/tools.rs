//! What the host computes for JavaScript: encodings, hashes, time zones. Pure functions of their arguments.

use std::fmt::Write;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use chrono::{DateTime, Offset, TimeZone, Utc};
use chrono_tz::{OffsetName, TZ_VARIANTS, Tz};
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use rquickjs::{Ctx, Exception, Function, Object, Result};
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

/// Most that is encoded or hashed in one call, in bytes: it is computed without a look at the clock.
const MOST: usize = 16 * 1024 * 1024;

/// Adds the functions:
/// - `recode(text, from, to)`: what bytes are in another encoding; `latin1` is a character for each byte;
/// - `digest(algorithm, key, data)`: a hash, or with a key an HMAC, as `hex`; key and data are `latin1`;
/// - `uuid()`: a random one;
/// - `zoneOffset(name, time)`: minutes ahead of UTC at a time in milliseconds, if there is such a zone;
/// - `zoneName(name, time)`: what the zone is called then in the United States.
pub(super) fn add<'js>(ctx: &Ctx<'js>, functions: &Object<'js>) -> Result<()> {
    let recode = Function::new(ctx.clone(), |ctx: Ctx<'js>, text: String, from: String, to: String| {
        bytes(&text, &from).and_then(|bytes| written(&bytes, &to)).map_err(|why| throw(&ctx, &why))
    })?;
    let digest =
        Function::new(ctx.clone(), |ctx: Ctx<'js>, name: String, key: Option<String>, data: String| {
            digest(&name, key.as_deref(), &data).map_err(|why| throw(&ctx, &why))
        })?;
    let uuid = Function::new(ctx.clone(), || uuid::Uuid::from_u128(rand::random()).hyphenated().to_string())?;
    let zone_offset = Function::new(ctx.clone(), |name: String, time: f64| zone_offset(&name, time))?;
    let zone_name = Function::new(ctx.clone(), |name: String, time: f64| zone_name(&name, time))?;
    functions.set("recode", recode)?;
    functions.set("digest", digest)?;
    functions.set("uuid", uuid)?;
    functions.set("zoneOffset", zone_offset)?;
    functions.set("zoneName", zone_name)
}

fn throw(ctx: &Ctx<'_>, why: &str) -> rquickjs::Error {
    Exception::throw_type(ctx, why)
}

/// Reads what people write: with or without padding, in both alphabets.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

fn bytes(text: &str, encoding: &str) -> std::result::Result<Vec<u8>, String> {
    if text.len() > MOST {
        return Err(format!("{} bytes are above the limit of {MOST} for one call", text.len()));
    }
    match encoding {
        "utf8" | "utf-8" => Ok(text.as_bytes().to_vec()),
        "latin1" | "binary" | "ascii" => text
            .chars()
            .map(|c| u8::try_from(u32::from(c)))
            .collect::<std::result::Result<_, _>>()
            .map_err(|_| {
                "the text has a character above U+00FF, which is no byte; encode it as UTF-8 first".to_owned()
            }),
        "base64" | "base64url" => {
            let plain: String = text
                .chars()
                .filter(|c| !c.is_ascii_whitespace())
                .map(|c| match c {
                    '-' => '+',
                    '_' => '/',
                    c => c,
                })
                .collect();
            BASE64.decode(plain).map_err(|error| format!("the text is no Base64: {error}"))
        }
        "hex" => {
            let digit = |digit: &u8| char::from(*digit).to_digit(16);
            let pair = |pair: &[u8]| match pair {
                [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
                _ => None,
            };
            let read: Option<Vec<u8>> = text.as_bytes().chunks(2).map(pair).collect();
            read.ok_or_else(|| "the text is no hexadecimal number of whole bytes".to_owned())
        }
        other => Err(unknown_encoding(other)),
    }
}

fn written(bytes: &[u8], encoding: &str) -> std::result::Result<String, String> {
    match encoding {
        "utf8" | "utf-8" => Ok(String::from_utf8_lossy(bytes).into_owned()),
        "latin1" | "binary" | "ascii" => Ok(bytes.iter().copied().map(char::from).collect()),
        "base64" => Ok(BASE64.encode(bytes)),
        "base64url" => Ok(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)),
        "hex" => Ok(hex(bytes)),
        other => Err(unknown_encoding(other)),
    }
}

fn unknown_encoding(encoding: &str) -> String {
    format!("{encoding:?} is not an encoding; known are: utf8, latin1, base64, base64url, hex")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn digest(name: &str, key: Option<&str>, data: &str) -> std::result::Result<String, String> {
    let data = bytes(data, "latin1")?;
    let key = key.map(|key| bytes(key, "latin1")).transpose()?;
    let key = key.as_deref();
    Ok(hex(&match name {
        "md5" => of::<Md5, Hmac<Md5>>(key, &data),
        "sha1" => of::<Sha1, Hmac<Sha1>>(key, &data),
        "sha224" => of::<Sha224, Hmac<Sha224>>(key, &data),
        "sha256" => of::<Sha256, Hmac<Sha256>>(key, &data),
        "sha384" => of::<Sha384, Hmac<Sha384>>(key, &data),
        "sha512" => of::<Sha512, Hmac<Sha512>>(key, &data),
        other => {
            return Err(format!(
                "{other:?} is not a hash; known are: md5, sha1, sha224, sha256, sha384, sha512"
            ));
        }
    }))
}

fn of<D: Digest, M: Mac + KeyInit>(key: Option<&[u8]>, data: &[u8]) -> Vec<u8> {
    match key.map(<M as KeyInit>::new_from_slice) {
        None => D::digest(data).to_vec(),
        Some(Ok(mut mac)) => {
            mac.update(data);
            mac.finalize().into_bytes().to_vec()
        }
        // An HMAC takes keys of any length.
        Some(Err(_)) => Vec::new(),
    }
}

/// The zone at that moment.
fn zone(name: &str, time: f64) -> Option<(Tz, DateTime<Utc>)> {
    #[expect(clippy::cast_possible_truncation, reason = "what is too far away is no moment")]
    let moment = DateTime::from_timestamp_millis(time as i64)?;
    // As in JavaScript, letters may be large or small.
    let zone = name
        .parse()
        .ok()
        .or_else(|| TZ_VARIANTS.iter().copied().find(|zone| zone.name().eq_ignore_ascii_case(name)))?;
    Some((zone, moment))
}

fn zone_offset(name: &str, time: f64) -> Option<f64> {
    let (zone, moment) = zone(name, time)?;
    Some(f64::from(zone.offset_from_utc_datetime(&moment.naive_utc()).fix().local_minus_utc()) / 60.0)
}

fn zone_name(name: &str, time: f64) -> Option<String> {
    /// What people there say; elsewhere they say how far from Greenwich.
    const AMERICAN: &[&str] =
        &["UTC", "EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT", "AKST", "AKDT", "HST", "HDT"];
    let (zone, moment) = zone(name, time)?;
    let offset = zone.offset_from_utc_datetime(&moment.naive_utc());
    let minutes = offset.fix().local_minus_utc() / 60;
    let here = zone.name().starts_with("America/")
        || zone.name().starts_with("US/")
        || zone.name().starts_with("Pacific/Honolulu");
    match offset.abbreviation() {
        Some("UTC") => return Some("UTC".to_owned()),
        Some(short) if here && AMERICAN.contains(&short) => return Some(short.to_owned()),
        _ => {}
    }
    let sign = if minutes < 0 { '-' } else { '+' };
    let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
    Some(match (hours, rest) {
        (0, 0) => "GMT".to_owned(),
        (hours, 0) => format!("GMT{sign}{hours}"),
        (hours, rest) => format!("GMT{sign}{hours}:{rest:02}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_the_same_in_every_encoding() {
        let all: Vec<u8> = (0..=255).collect();
        for encoding in ["latin1", "base64", "base64url", "hex"] {
            assert_eq!(bytes(&written(&all, encoding).unwrap(), encoding), Ok(all.clone()), "{encoding}");
        }
        assert_eq!(bytes("aGk", "base64"), bytes("aGk=", "base64"), "padding may be missing");
        assert!(bytes("é", "hex").is_err() && bytes("abc", "hex").is_err() && bytes("+1", "hex").is_err());
        assert!(bytes("€", "latin1").unwrap_err().contains("U+00FF"));
        assert!(bytes("a", "utf-7").unwrap_err().contains("known are"));
    }

    #[test]
    fn hashes_are_the_known_ones() {
        let empty = |name| digest(name, None, "").unwrap();
        assert_eq!(empty("md5"), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(empty("sha1"), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        assert_eq!(empty("sha256"), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        let text = "The quick brown fox jumps over the lazy dog";
        assert_eq!(
            digest("sha256", Some("key"), text).unwrap(),
            "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
        );
        assert!(digest("crc", None, "").unwrap_err().contains("known are"));
    }

    #[test]
    fn a_time_zone_has_its_offset_and_name_of_the_moment() {
        let summer = 1_751_328_000_000.0;
        for (name, offset, called) in [
            ("Europe/Berlin", Some(120.0), Some("GMT+2")),
            ("europe/berlin", Some(120.0), Some("GMT+2")),
            ("America/New_York", Some(-240.0), Some("EDT")),
            ("Asia/Kolkata", Some(330.0), Some("GMT+5:30")),
            ("Etc/GMT+5", Some(-300.0), Some("GMT-5")),
            ("UTC", Some(0.0), Some("UTC")),
            ("Mars/Base", None, None),
        ] {
            assert_eq!(zone_offset(name, summer), offset, "{name}");
            assert_eq!(zone_name(name, summer).as_deref(), called, "{name}");
        }
        assert_eq!(zone_offset("UTC", f64::INFINITY), None);
    }
}
