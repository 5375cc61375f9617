//! What `Content-Encoding` names is undone (RFC 9110, section 8.4; for `zstd` RFC 8878 and 9659), or refused by name:
//! never are encoded bytes, or a part of the decoded ones, taken for the answer.

use std::io::{self, Read};

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use bytes::Bytes;
use flate2::{Decompress, FlushDecompress, Status, bufread::GzDecoder};
use http::{HeaderMap, header::CONTENT_ENCODING};

/// What [`decode`] can undo, as `Accept-Encoding` says it.
pub(crate) const ACCEPTED: &str = "gzip, deflate, br, zstd";

/// Encodings in a row that are undone; real answers have one, rarely two.
const MOST_ENCODINGS: usize = 4;

/// The largest window of `zstd` on the web, as a power of two: 8 MiB (RFC 9659).
const ZSTD_WINDOW_LOG: u32 = 23;

/// Characters of a name that an error shows.
const MOST_NAMED: usize = 40;

/// Decoded bytes come in pieces of this size.
const PIECE: usize = 16 * 1024;

/// Why a body is not decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CannotDecode {
    /// An encoding that nobody here knows.
    #[error("the answer's Content-Encoding is {0:?}, which cannot be undone; known are {ACCEPTED}")]
    Unknown(String),
    /// Encoded over and over.
    #[error("the answer's Content-Encoding names more than {MOST_ENCODINGS} encodings")]
    TooMany,
    /// The bytes are not what the encoding makes.
    #[error("the answer cannot be decoded, although its Content-Encoding is {encoding}: {why}")]
    Broken { encoding: &'static str, why: String },
    /// A bomb, or merely too much.
    #[error(
        "the answer, decoded from {encoding}, is larger than the limit of {most} bytes (max_response_bytes)"
    )]
    TooLarge { encoding: &'static str, most: usize },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Encoding {
    const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    /// `Ok(None)`: nothing to undo.
    fn of(name: &str) -> Result<Option<Self>, CannotDecode> {
        Ok(Some(match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Self::Gzip,
            "deflate" => Self::Deflate,
            "br" => Self::Brotli,
            "zstd" => Self::Zstd,
            // The last is what a store keeps of an upload's headers; its body is plain.
            "" | "identity" | "none" | "aws-chunked" => return Ok(None),
            // A character set that somebody wrote into the wrong header.
            other if minireipaz::text::is_known(other) => return Ok(None),
            _ => return Err(CannotDecode::Unknown(name.chars().take(MOST_NAMED).collect())),
        }))
    }
}

/// The body without the encodings that the headers name; at most `most` bytes, also in between.
///
/// # Errors
/// When an encoding is not known, the bytes are not what it makes, or there are too many.
pub(crate) fn decode(headers: &HeaderMap, body: Bytes, most: usize) -> Result<Bytes, CannotDecode> {
    let encodings = encodings(headers)?;
    // Also what answers a HEAD: it says how the body would be encoded.
    if body.is_empty() {
        return Ok(body);
    }
    encodings.into_iter().rev().try_fold(body, |body, encoding| undo(encoding, &body, most).map(Bytes::from))
}

/// In the order in which they were applied. They may be listed, or stand in headers of their own.
fn encodings(headers: &HeaderMap) -> Result<Vec<Encoding>, CannotDecode> {
    let mut encodings = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        let value = String::from_utf8_lossy(value.as_bytes());
        for name in value.split(',') {
            encodings.extend(Encoding::of(name.trim())?);
        }
    }
    if encodings.len() > MOST_ENCODINGS { Err(CannotDecode::TooMany) } else { Ok(encodings) }
}

fn undo(encoding: Encoding, body: &[u8], most: usize) -> Result<Vec<u8>, CannotDecode> {
    let mut out = Output { bytes: Vec::new(), most };
    let undone = match encoding {
        Encoding::Gzip => gunzip(body, &mut out),
        Encoding::Deflate => inflate(body, &mut out),
        Encoding::Brotli => unbrotli(body, &mut out),
        Encoding::Zstd => unzstd(body, &mut out),
    };
    let encoding = encoding.name();
    match undone {
        Ok(()) => Ok(out.bytes),
        Err(Stop::Full) => Err(CannotDecode::TooLarge { encoding, most }),
        Err(Stop::Broken(why)) => Err(CannotDecode::Broken { encoding, why }),
    }
}

/// Why decoding stopped before the end.
enum Stop {
    Full,
    Broken(String),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::truncated(),
            _ => Self::Broken(error.to_string()),
        }
    }
}

impl Stop {
    fn truncated() -> Self {
        Self::Broken("it ends too early".to_owned())
    }

    fn more_follows(rest: usize) -> Self {
        Self::Broken(format!("{rest} bytes follow its end"))
    }
}

/// What has been decoded, and how much it may be.
struct Output {
    bytes: Vec<u8>,
    most: usize,
}

impl Output {
    fn add(&mut self, piece: &[u8]) -> Result<(), Stop> {
        if piece.len() > self.most - self.bytes.len() {
            return Err(Stop::Full);
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    fn add_all(&mut self, mut from: impl Read) -> Result<(), Stop> {
        let mut piece = [0; PIECE];
        loop {
            match from.read(&mut piece)? {
                0 => return Ok(()),
                read => self.add(&piece[..read])?,
            }
        }
    }
}

/// Member for member; zeros behind the last one fill a block, as `gzip` itself takes them.
fn gunzip(mut body: &[u8], out: &mut Output) -> Result<(), Stop> {
    loop {
        let mut member = GzDecoder::new(body);
        out.add_all(&mut member)?;
        body = member.into_inner();
        if body.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
    }
}

/// A zlib stream, as the standard says, or the bare one that some servers send.
fn inflate(body: &[u8], out: &mut Output) -> Result<(), Stop> {
    match inflate_as(true, body, out) {
        Err(Stop::Broken(why)) => {
            out.bytes.clear();
            // What is wrong with neither is told of the one that it should be.
            inflate_as(false, body, out).map_err(|stop| match stop {
                Stop::Broken(_) => Stop::Broken(why),
                Stop::Full => stop,
            })
        }
        done => done,
    }
}

fn inflate_as(zlib: bool, body: &[u8], out: &mut Output) -> Result<(), Stop> {
    let mut stream = Decompress::new(zlib);
    let mut piece = [0; PIECE];
    loop {
        let (read, made) = (stream.total_in() as usize, stream.total_out());
        let status = stream
            .decompress(&body[read..], &mut piece, FlushDecompress::None)
            .map_err(|error| Stop::Broken(error.to_string()))?;
        let made = (stream.total_out() - made) as usize;
        out.add(&piece[..made])?;
        let now = stream.total_in() as usize;
        match status {
            Status::StreamEnd if now == body.len() => return Ok(()),
            Status::StreamEnd => return Err(Stop::more_follows(body.len() - now)),
            Status::Ok | Status::BufError if made == 0 && now == read => return Err(Stop::truncated()),
            Status::Ok | Status::BufError => {}
        }
    }
}

fn unbrotli(body: &[u8], out: &mut Output) -> Result<(), Stop> {
    let alloc = StandardAlloc::default;
    // Not the large windows: up to a gigabyte would be taken before the first byte comes out.
    let mut state = Box::new(BrotliState::new_strict(alloc(), alloc(), alloc()));
    let mut piece = [0; PIECE];
    let (mut left, mut at, mut total) = (body.len(), 0, 0);
    loop {
        let (mut room, mut made) = (PIECE, 0);
        let status = BrotliDecompressStream(
            &mut left, &mut at, body, &mut room, &mut made, &mut piece, &mut total, &mut state,
        );
        out.add(&piece[..made])?;
        match status {
            BrotliResult::ResultSuccess if left == 0 => return Ok(()),
            BrotliResult::ResultSuccess => return Err(Stop::more_follows(left)),
            BrotliResult::NeedsMoreInput => return Err(Stop::truncated()),
            BrotliResult::NeedsMoreOutput => {}
            BrotliResult::ResultFailure => return Err(Stop::Broken("it is damaged".to_owned())),
        }
    }
}

/// Frame for frame.
fn unzstd(body: &[u8], out: &mut Output) -> Result<(), Stop> {
    let mut frames = zstd::stream::read::Decoder::with_buffer(body)?;
    frames.window_log_max(ZSTD_WINDOW_LOG)?;
    out.add_all(frames)
}

#[cfg(test)]
mod tests;
