use std::io::Write as _;

use flate2::{
    Compression,
    write::{DeflateEncoder, GzEncoder, ZlibEncoder},
};
use http::HeaderValue;
use proptest::prelude::*;

use super::*;

const MOST: usize = 64 * 1024;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::default());
    writer.write_all(text).unwrap();
    writer.finish().unwrap()
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut writer = ZlibEncoder::new(Vec::new(), Compression::default());
    writer.write_all(text).unwrap();
    writer.finish().unwrap()
}

fn bare(text: &[u8]) -> Vec<u8> {
    let mut writer = DeflateEncoder::new(Vec::new(), Compression::default());
    writer.write_all(text).unwrap();
    writer.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(text, 3).unwrap()
}

/// "minireipaz " twenty times and "Größe".
const BROTLI: &str = "1be200f81d09764ce443ec1eb94039dc76042d39d25883e0a4fdc2af4fdb9265c008608b290be7974d02";

fn brotli() -> Vec<u8> {
    (0..BROTLI.len()).step_by(2).map(|at| u8::from_str_radix(&BROTLI[at..at + 2], 16).unwrap()).collect()
}

fn decoded(encodings: &str, body: impl Into<Bytes>) -> Result<Vec<u8>, CannotDecode> {
    let mut headers = HeaderMap::new();
    headers.append(CONTENT_ENCODING, HeaderValue::from_str(encodings).unwrap());
    decode(&headers, body.into(), MOST).map(Vec::from)
}

#[test]
fn every_encoding_of_the_web_is_undone_however_it_is_written() {
    let text = b"{\"row\":1}\n{\"row\":2}\n";
    let (head, tail) = text.split_at(7);
    for (encodings, body) in [
        ("gzip", gzip(text)),
        ("GZIP", gzip(text)),
        ("x-gzip", gzip(text)),
        (" Gzip ", [gzip(head), gzip(tail)].concat()),
        ("gzip", [gzip(head), gzip(b""), gzip(tail), vec![0; 512]].concat()),
        ("deflate", zlib(text)),
        ("Deflate", bare(text)),
        ("zstd", zstd(text)),
        ("zstd", [zstd(head), zstd(tail)].concat()),
        ("gzip, gzip", gzip(&gzip(text))),
        ("deflate, gzip", gzip(&zlib(text))),
        ("zstd,identity ,x-gzip", gzip(&zstd(text))),
        ("identity", text.to_vec()),
        ("", text.to_vec()),
        ("UTF-8", text.to_vec()),
        ("aws-chunked", text.to_vec()),
        ("aws-chunked, gzip", gzip(text)),
    ] {
        assert_eq!(decoded(encodings, body), Ok(text.to_vec()), "{encodings:?}");
    }
    let text = "minireipaz ".repeat(20) + "Größe";
    assert_eq!(decoded("br", brotli()), Ok(text.clone().into_bytes()));
    assert_eq!(decoded("br, gzip", gzip(&brotli())), Ok(text.into_bytes()));
}

#[test]
fn encodings_in_headers_of_their_own_are_undone_from_the_last() {
    let mut headers = HeaderMap::new();
    headers.append(CONTENT_ENCODING, HeaderValue::from_static("deflate"));
    headers.append(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    assert_eq!(decode(&headers, gzip(&zlib(b"text")).into(), MOST), Ok(Bytes::from_static(b"text")));
    assert_eq!(decode(&HeaderMap::new(), Bytes::from_static(b"text"), MOST), Ok(Bytes::from_static(b"text")));
}

#[test]
fn nothing_decodes_to_nothing_whatever_it_would_have_been() {
    for encodings in ["gzip", "br", "deflate, zstd"] {
        assert_eq!(decoded(encodings, Vec::new()), Ok(Vec::new()), "{encodings}");
    }
}

#[test]
fn what_cannot_be_undone_is_refused_by_its_name() {
    for (encodings, named) in [
        ("compress", "\"compress\""),
        ("gzip, sdch", "\"sdch\""),
        ("Foo", "\"Foo\""),
        ("gzip,gzip,gzip,gzip,gzip", "more than 4"),
    ] {
        let error = decoded(encodings, gzip(b"x")).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
}

#[test]
fn a_body_that_ends_too_early_or_goes_on_is_never_half_of_itself() {
    let text = "half of it ".repeat(50).into_bytes();
    for (encoding, whole) in [
        ("gzip", gzip(&text)),
        ("deflate", zlib(&text)),
        ("deflate", bare(&text)),
        ("zstd", zstd(&text)),
        ("br", brotli()),
    ] {
        assert!(decoded(encoding, whole.clone()).is_ok());
        for cut in [1, whole.len() / 2, whole.len() - 1] {
            let error = decoded(encoding, whole[..cut].to_vec()).unwrap_err().to_string();
            assert!(error.contains(encoding), "{encoding} {cut}: {error}");
        }
        let more = [&whole[..], b"more of it"].concat();
        let error = decoded(encoding, more).unwrap_err().to_string();
        assert!(error.contains(encoding), "{encoding}: {error}");
    }
    for encoding in ["gzip", "deflate", "br", "zstd"] {
        let error = decoded(encoding, &b"{\"plain\": \"text\"}"[..]).unwrap_err();
        assert!(
            matches!(error, CannotDecode::Broken { encoding: named, .. } if named == encoding),
            "{error}"
        );
    }
}

#[test]
fn a_bomb_is_named_with_the_limit() {
    let zeros = vec![0; MOST + 1];
    for (encodings, body) in [
        ("gzip", gzip(&zeros)),
        ("gzip", [gzip(&zeros[1..]), gzip(b"x")].concat()),
        ("deflate", zlib(&zeros)),
        ("deflate", bare(&zeros)),
        ("zstd", zstd(&zeros)),
        ("gzip, gzip", gzip(&gzip(&zeros))),
        ("identity, gzip", gzip(&zeros)),
    ] {
        let error = decoded(encodings, body).unwrap_err();
        assert!(matches!(error, CannotDecode::TooLarge { most: MOST, .. }), "{encodings}: {error}");
        assert!(error.to_string().contains("65536 bytes (max_response_bytes)"), "{error}");
    }
    assert_eq!(decoded("gzip", gzip(&zeros[1..])).unwrap().len(), MOST, "the limit itself is not above it");
}

#[test]
fn a_window_of_gigabytes_is_refused_before_it_is_taken() {
    // A frame whose header asks for a window of 2 GiB, and a large-window brotli stream.
    let frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8][..], &[0x03, 0x00, 0x00]].concat();
    assert!(decoded("zstd", frame).is_err());
    assert!(decoded("br", vec![0x11, 0x1e, 0x80, 0x01, 0x00, 0x03]).is_err());
}

fn named() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["gzip", "deflate", "br", "zstd", "gzip, br", "deflate, deflate", "zstd, gzip"])
}

proptest! {
    #[test]
    fn no_bytes_break_it_or_become_more_than_the_limit(
        encodings in named(),
        mut body in prop::collection::vec(any::<u8>(), 0..300),
        begin in prop::sample::select(vec![&b""[..], b"\x1f\x8b\x08\x00", b"\x78\x9c", b"\x28\xb5\x2f\xfd", b"\x0b\x05\x80"]),
        most in 0..200_usize,
    ) {
        body.splice(0..0, begin.iter().copied());
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encodings));
        if let Ok(out) = decode(&headers, body.into(), most) {
            prop_assert!(out.len() <= most);
        }
    }

    #[test]
    fn a_damaged_byte_never_breaks_it(at in any::<prop::sample::Index>(), byte in any::<u8>(), which in 0..5_usize) {
        let text = "some text and some text again ".repeat(9).into_bytes();
        let (encoding, mut body) = [
            ("gzip", gzip(&text)), ("deflate", zlib(&text)), ("deflate", bare(&text)), ("zstd", zstd(&text)), ("br", brotli()),
        ][which].clone();
        let at = at.index(body.len());
        body[at] = byte;
        let _ = decoded(encoding, body);
    }

    #[test]
    fn what_was_encoded_comes_back(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..4)) {
        let text = parts.concat();
        let members: Vec<u8> = parts.iter().flat_map(|part| gzip(part)).collect();
        prop_assert_eq!(decoded("gzip", members), Ok(text.clone()));
        let frames: Vec<u8> = parts.iter().flat_map(|part| zstd(part)).collect();
        prop_assert_eq!(decoded("zstd", frames), Ok(text.clone()));
        prop_assert_eq!(decoded("deflate", zlib(&text)), Ok(text.clone()));
        prop_assert_eq!(decoded("deflate", bare(&text)), Ok(text));
    }
}
