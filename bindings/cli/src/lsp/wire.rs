//! Messages on a pair of streams: each with its length before it.
//!
//! What is no message is passed over and told of; the stream goes on behind it.

use std::io::{self, BufRead, Read as _, Write};

use lsp_server::Message;
use serde::Serialize;

/// Bytes of one message.
const MOST_BYTES: u64 = 64 << 20;
/// Bytes of a line of a head.
const MOST_LINE: u64 = 4 << 10;

/// What was read.
pub(super) enum Read {
    Message(Message),
    /// What it was is no message, and why.
    Garbage(String),
}

/// The next message; `None` at the end of the stream.
pub(super) fn read(input: &mut impl BufRead) -> io::Result<Option<Read>> {
    let Some(length) = length(input)? else { return Ok(None) };
    if length > MOST_BYTES {
        let skipped = io::copy(&mut input.take(length), &mut io::sink())?;
        let why = format!("a message of {length} bytes, more than the {MOST_BYTES} that are taken");
        return Ok((skipped == length).then_some(Read::Garbage(why)));
    }
    let mut body = Vec::new();
    // As much as comes: a length alone takes no memory.
    let read = input.take(length).read_to_end(&mut body)?;
    if read as u64 != length {
        return Ok(None);
    }
    Ok(Some(match serde_json::from_slice(&body) {
        Ok(message) => Read::Message(message),
        Err(error) => Read::Garbage(format!("what is no message of JSON-RPC: {error}")),
    }))
}

/// The length of the message whose head comes next. Lines that are of no head are passed over.
fn length(input: &mut impl BufRead) -> io::Result<Option<u64>> {
    let mut length = None;
    loop {
        let mut line = Vec::new();
        if input.take(MOST_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end_matches(['\r', '\n']);
        match (line.split_once(':'), length) {
            (None, Some(length)) if line.is_empty() => return Ok(Some(length)),
            (Some((name, value)), _) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().ok();
            }
            _ => {}
        }
    }
}

/// Writes a message.
pub(super) fn write(out: &mut impl Write, message: Message) -> io::Result<()> {
    message.write(out)
}

/// Says that something was no message: it has no id that could be answered.
pub(super) fn write_garbage(out: &mut impl Write, why: &str) -> io::Result<()> {
    #[derive(Serialize)]
    struct Answer<'a> {
        jsonrpc: &'static str,
        id: Option<u32>,
        error: Said<'a>,
    }
    #[derive(Serialize)]
    struct Said<'a> {
        code: i32,
        message: &'a str,
    }
    let code = lsp_server::ErrorCode::ParseError as i32;
    let text =
        serde_json::to_string(&Answer { jsonrpc: "2.0", id: None, error: Said { code, message: why } })?;
    write!(out, "Content-Length: {}\r\n\r\n{text}", text.len())?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::{Read, read};

    fn all(bytes: &[u8]) -> Vec<String> {
        let mut input = bytes;
        let mut told = Vec::new();
        while let Some(read) = read(&mut input).expect("bytes are read") {
            told.push(match read {
                Read::Message(message) => serde_json::to_string(&message).expect("it is JSON"),
                Read::Garbage(why) => why.split([':', ',']).next().unwrap_or_default().to_owned(),
            });
        }
        told
    }

    #[test]
    fn what_is_no_message_ends_nothing() {
        let ask = br#"{"id":1,"method":"a"}"#;
        let framed =
            |body: &[u8]| [format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat();
        let garbage = "what is no message of JSON-RPC";
        let asked = r#"{"id":1,"method":"a"}"#;
        for (bytes, expected) in [
            (framed(ask), vec![asked]),
            ([framed(b"{"), framed(ask)].concat(), vec![garbage, asked]),
            ([framed(b"\xff\xfe"), framed(ask)].concat(), vec![garbage, asked]),
            ([b"hello\n\nthere: x\r\n".to_vec(), framed(ask)].concat(), vec![asked]),
            ([b"Content-Length: x\r\n\r\n".to_vec(), framed(ask)].concat(), vec![asked]),
            (b"Content-Length: 99999999999999\r\n\r\n{}".to_vec(), vec![]),
            (framed(ask)[..30].to_vec(), vec![]),
            (Vec::new(), vec![]),
        ] {
            assert_eq!(all(&bytes), expected, "{}", String::from_utf8_lossy(&bytes));
        }
    }
}
