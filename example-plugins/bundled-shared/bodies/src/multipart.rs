//! Bodies in parts (RFC 7578).
//!
//! What a lenient reader takes for a part is one: lines may end with a line feed alone, and the last part may lack its
//! end. Who takes fields away must not see fewer than the reader behind.

use crate::parameters;

/// One part of a body.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    /// The name that its `Content-Disposition` says.
    pub name: Option<String>,
    headers: &'a [u8],
    /// What it holds.
    pub content: &'a [u8],
    /// Whether another boundary follows. Without one, more may have been meant to come.
    pub is_whole: bool,
}

/// The parts of a body, in order. What comes before the first and behind the last is none.
pub fn parts<'a>(body: &'a [u8], boundary: &str) -> impl Iterator<Item = Part<'a>> {
    let boundary = boundary.to_owned();
    let mut rest = Delimiter::next(body, &boundary).and_then(|delimiter| delimiter.more);
    std::iter::from_fn(move || {
        let begun = rest.take()?;
        let Some(next) = Delimiter::next(begun, &boundary) else {
            return Some(Part::new(begun, false));
        };
        rest = next.more;
        Some(Part::new(next.before, true))
    })
}

/// Whether `content` would end its part early.
pub fn breaks_out(content: &[u8], boundary: &str) -> bool {
    Delimiter::next(content, boundary).is_some()
}

/// A body of these parts: their headers, each line without its end, and their contents.
pub fn write<'a, H>(parts: impl IntoIterator<Item = (H, &'a [u8])>, boundary: &str) -> Vec<u8>
where
    H: IntoIterator<Item: AsRef<[u8]>>,
{
    let mut body = Vec::new();
    for (headers, content) in parts {
        body.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        for line in headers {
            body.extend_from_slice(line.as_ref());
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"\r\n");
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    body
}

impl<'a> Part<'a> {
    fn new(text: &'a [u8], is_whole: bool) -> Self {
        let (headers, content) = divide(text);
        Self { name: lines(headers).find_map(disposed_name), headers, content, is_whole }
    }

    /// Whether its `Content-Disposition` has this name.
    pub fn is_named(&self, name: &str) -> bool {
        self.name.as_deref() == Some(name)
    }

    /// The lines of its headers, without their ends.
    pub fn headers(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        lines(self.headers)
    }
}

fn lines(headers: &[u8]) -> impl Iterator<Item = &[u8]> {
    headers.split(|byte| *byte == b'\n').map(without_return).filter(|line| !line.is_empty())
}

fn disposed_name(line: &[u8]) -> Option<String> {
    let line = String::from_utf8_lossy(line);
    let (header, value) = line.split_once(':')?;
    let is_disposition = header.trim().eq_ignore_ascii_case("content-disposition");
    is_disposition.then(|| parameters::find(value, "name")).flatten()
}

/// A line that is a boundary, and what is around it.
struct Delimiter<'a> {
    /// Without the end of the line before.
    before: &'a [u8],
    /// Two hyphens behind the boundary end the body.
    more: Option<&'a [u8]>,
}

impl<'a> Delimiter<'a> {
    fn next(bytes: &'a [u8], boundary: &str) -> Option<Self> {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let (line, behind) = line(rest);
            if let Some(is_last) = is_delimiter(line, boundary) {
                let before = bytes.get(..at)?;
                let before = without_return(before.strip_suffix(b"\n").unwrap_or(before));
                // A boundary without the end of its line begins nothing.
                let more = (!is_last && line.len() < rest.len()).then_some(behind);
                return Some(Self { before, more });
            }
            at = bytes.len() - behind.len();
        }
        None
    }
}

/// `Some(true)` for the last one. Another boundary may begin with this one, so only white space may follow.
fn is_delimiter(line: &[u8], boundary: &str) -> Option<bool> {
    let rest = line.strip_prefix(b"--")?.strip_prefix(boundary.as_bytes())?;
    let is_last = rest.starts_with(b"--");
    (is_last || rest.trim_ascii().is_empty()).then_some(is_last)
}

/// Headers, and what is behind the first empty line.
fn divide(part: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    while let Some(rest) = part.get(at..).filter(|rest| !rest.is_empty()) {
        let (line, behind) = line(rest);
        if without_return(line).is_empty() {
            return (part.get(..at).unwrap_or_default(), behind);
        }
        at = part.len() - behind.len();
    }
    (part, &[])
}

/// The first line without its line feed, and what is behind.
fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (line, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
    (line, rest.get(1..).unwrap_or_default())
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Vec<(Option<String>, String, bool)> {
        let text = |part: &Part<'_>| String::from_utf8_lossy(part.content).into_owned();
        parts(body.as_bytes(), "b").map(|part| (part.name.clone(), text(&part), part.is_whole)).collect()
    }

    #[test]
    fn parts_are_what_lenient_readers_find() {
        let a = |content: &str, is_whole| vec![(Some("a".to_owned()), content.to_owned(), is_whole)];
        for (case, body, want) in [
            (
                "as it should be",
                "--b\r\nContent-Disposition: x; name=\"a\"\r\n\r\n1\r\n--b--\r\n",
                a("1", true),
            ),
            (
                "something before",
                "x --b\r\n--b \t\r\ncontent-disposition: x; name=a\r\n\r\n1\r\n--b--x",
                a("1", true),
            ),
            ("line feeds alone", "--b\ncontent-disposition: x; name=a\n\n1\n2\n--b--", a("1\n2", true)),
            ("empty", "--b\r\ncontent-disposition: x; name=a\r\n\r\n\r\n--b--", a("", true)),
            ("no line for what it holds", "--b\r\ncontent-disposition: x; name=a\r\n\r\n--b--", a("", true)),
            ("no end", "--b\r\ncontent-disposition: x; name=a\r\n\r\n1\r\n", a("1\r\n", false)),
            (
                "another boundary",
                "--b\r\ncontent-disposition: x; name=a\r\n\r\n--b1\r\n--b--",
                a("--b1", true),
            ),
            ("no name", "--b\r\nx: y\r\n\r\n1\r\n--b--", vec![(None, "1".to_owned(), true)]),
            ("behind the end", "--b--\r\n--b\r\ncontent-disposition: x; name=a\r\n\r\n1\r\n--b--", vec![]),
            ("a boundary at the very end", "--b", vec![]),
            ("not in parts", "a=1", vec![]),
            ("nothing", "", vec![]),
        ] {
            assert_eq!(read(body), want, "{case}");
        }
    }

    #[test]
    fn what_is_written_reads_the_same() {
        let body = b"--b\ncontent-disposition: x; name=a\nx: y\n\n1\n--b\n\n2";
        let written = write(parts(body, "b").map(|part| (part.headers(), part.content)), "b");
        let want = "--b\r\ncontent-disposition: x; name=a\r\nx: y\r\n\r\n1\r\n--b\r\n\r\n2\r\n--b--\r\n";
        assert_eq!(String::from_utf8_lossy(&written), want);
    }

    #[test]
    fn a_value_that_ends_its_part_is_noticed() {
        for (content, does) in
            [("1", false), ("--b1", false), ("x --b", false), ("--b", true), ("1\n--b--", true)]
        {
            assert_eq!(breaks_out(content.as_bytes(), "b"), does, "{content:?}");
        }
    }
}
