//! What people and terminals are shown of text that others wrote: ids, names, policies, messages.
//!
//! INVARIANT: nothing that is printed steers a terminal, hides itself, or reads otherwise than it stands. Everything
//! that is written to standard output or standard error passes through here (see `output` and `terminal::say`); the
//! command's own colours alone pass, by a mark that no text can hold since every run draws its own.

use std::borrow::Cow;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, Write};
use std::sync::OnceLock;

/// Whether a character is shown by its number: control characters, what turns the direction of a line, what has no
/// width or no ink of its own where a letter is expected (but for spaces), what breaks a line other than `\n`, and what
/// is no character at all.
pub(crate) fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fdd0}'..='\u{fdef}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d159}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || matches!(u32::from(c) & 0xffff, 0xfffe | 0xffff)
}

/// The text with what [`is_hostile`] as `\u{…}`; line breaks (`\n`, `\r\n`) and tabs stay.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\n' | '\t' => out.push(c),
            // A line break of CSV, and of other systems.
            '\r' if rest.peek() == Some(&'\n') => out.push(c),
            c if c.is_ascii_control() => out.extend(c.escape_default()),
            c if is_hostile(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// Whether a text is shown as it is, but for line breaks of other systems.
pub(crate) fn is_plain(text: &str) -> bool {
    !text.chars().any(|c| is_hostile(c) && !matches!(c, '\n' | '\r' | '\t'))
}

/// The text in one line.
pub(crate) fn in_a_line(text: &str) -> String {
    printable(text).replace("\r\n", "\\r\\n").replace('\n', "\\n")
}

/// What stands for the start of an escape code of the command's own.
pub(crate) fn mark() -> &'static str {
    static MARK: OnceLock<String> = OnceLock::new();
    MARK.get_or_init(|| format!("\u{fdd0}{:016x}\u{fdd1}", RandomState::new().build_hasher().finish()))
}

/// The text for a terminal: as [`printable`] has it, with the command's own colours.
pub(crate) fn for_terminal(text: &str) -> String {
    let parts: Vec<String> = text.split(mark()).map(printable).collect();
    parts.join("\u{1b}[")
}

/// JSON on its way out: what [`is_hostile`] becomes `\u202e`, which reads back as it was.
pub(crate) struct Json<W> {
    to: W,
    /// The start of a character whose end has not come.
    started: Vec<u8>,
}

impl<W: Write> Json<W> {
    pub(crate) fn new(to: W) -> Self {
        Json { to, started: Vec::new() }
    }
}

impl<W: Write> Write for Json<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.started.is_empty() && bytes.iter().all(|byte| *byte < 0x7f) {
            self.to.write_all(bytes)?;
            return Ok(bytes.len());
        }
        let mut all = std::mem::take(&mut self.started);
        all.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&all) {
            Ok(text) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        let (text, rest) = all.split_at_checked(whole).unwrap_or((&all, &[]));
        self.to.write_all(json(&String::from_utf8_lossy(text)).as_bytes())?;
        self.started = rest.to_vec();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.write_all(&std::mem::take(&mut self.started))?;
        self.to.flush()
    }
}

/// JSON in which what [`is_hostile`] is escaped. It stands in strings alone, but for white space.
fn json(text: &str) -> Cow<'_, str> {
    let is_escaped = |c: char| is_hostile(c) && !c.is_ascii_whitespace();
    if !text.contains(is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_escaped(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::{Json, for_terminal, is_plain, mark, printable};

    const HOSTILE: &str = "\u{1b}[31m \u{7} \u{7f} \u{9b} \u{85} \u{2028} \u{202e} \u{2066} \u{200b} \u{feff} \u{ad} \u{e0041} \u{fdd0} \u{2800} \u{1d159}";

    #[test]
    fn what_steers_or_hides_is_shown_by_its_number() {
        assert_eq!(printable("a\u{1b}[31m\nb\u{9b}\u{202e}c"), "a\\u{1b}[31m\nb\\u{9b}\\u{202e}c");
        assert_eq!(printable("a\r\nb\rc\td"), "a\r\nb\\rc\td");
        assert_eq!(
            printable("Te Tāhuhu o te Mātauranga — 試験 🙂 é"),
            "Te Tāhuhu o te Mātauranga — 試験 🙂 é"
        );
        assert!(printable(HOSTILE).is_ascii());
        assert!(!is_plain(HOSTILE) && is_plain("a\r\nb\t"));
    }

    #[test]
    fn the_commands_own_colours_alone_pass() {
        let text = format!("{}32mallow{}0m \u{1b}[8m\u{fdd0}0000000000000000\u{fdd1}8m", mark(), mark());
        let shown = for_terminal(&text);
        assert!(shown.starts_with("\u{1b}[32mallow\u{1b}[0m \\u{1b}[8m\\u{fdd0}"), "{shown}");
    }

    #[test]
    fn json_reads_back_as_it_was() {
        let text = serde_json::to_string(&[HOSTILE, "Tāhuhu 🙂"]).unwrap();
        // In pieces of every length: a character may come in two.
        for piece in 1..8 {
            let mut out = Json::new(Vec::new());
            for bytes in text.as_bytes().chunks(piece) {
                out.write_all(bytes).unwrap();
            }
            out.flush().unwrap();
            let written = String::from_utf8(out.to).unwrap();
            assert!(is_plain(&written) && written.contains("Tāhuhu 🙂"), "{written}");
            assert_eq!(serde_json::from_str::<Vec<String>>(&written).unwrap(), [HOSTILE, "Tāhuhu 🙂"]);
        }
    }
}
