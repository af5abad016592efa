//! Bodies in parts (RFC 7578), as far as a field of one name is concerned.

/// One part: all of it, and what it holds.
pub(super) struct Part<'a> {
    /// From behind the line of its boundary to before the next one.
    whole: &'a [u8],
    headers: &'a [u8],
    pub(super) content: &'a [u8],
}

/// The boundary that the parameters of `Content-Type` name. RFC 2046, section 5.1.1: 70 characters at most.
pub(super) fn boundary(parameters: &str) -> Option<String> {
    let pairs = parameters.split(';').filter_map(|parameter| parameter.split_once('='));
    let (_, value) = pairs.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))?;
    let value = value.trim().trim_matches('"');
    (1..=70).contains(&value.len()).then(|| value.to_owned())
}

/// The parts of a body, in order. What comes before the first and behind the last is none.
pub(super) fn parts<'a>(body: &'a [u8], boundary: &str) -> impl Iterator<Item = Part<'a>> {
    let delimiter = format!("--{boundary}").into_bytes();
    let mut rest = behind(body, &delimiter).map(|(_, rest)| rest);
    std::iter::from_fn(move || {
        // Two hyphens behind the boundary end the body.
        let begun = rest.filter(|rest| !rest.starts_with(b"--"))?;
        let (_, begun) = split(begun, b"\r\n")?;
        let between = [b"\r\n", delimiter.as_slice()].concat();
        let (whole, next) = behind(begun, &between)?;
        rest = Some(next);
        let (headers, content) = split(whole, b"\r\n\r\n").unwrap_or((whole, &[]));
        Some(Part { whole, headers, content })
    })
}

/// The body without the parts of this name.
pub(super) fn without(body: &[u8], boundary: &str, name: &str) -> Vec<u8> {
    let mut rest = Vec::with_capacity(body.len());
    for part in parts(body, boundary).filter(|part| !part.is_named(name)) {
        rest.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        rest.extend_from_slice(part.whole);
        rest.extend_from_slice(b"\r\n");
    }
    rest.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    rest
}

impl Part<'_> {
    /// Whether its `Content-Disposition` has this name.
    pub(super) fn is_named(&self, name: &str) -> bool {
        let headers = String::from_utf8_lossy(self.headers);
        let mut lines = headers.split("\r\n").filter_map(|line| line.split_once(':'));
        let disposition = lines.find(|(header, _)| header.trim().eq_ignore_ascii_case("content-disposition"));
        let parameters = disposition.into_iter().flat_map(|(_, value)| value.split(';'));
        let mut pairs = parameters.filter_map(|parameter| parameter.split_once('='));
        pairs.any(|(key, value)| {
            key.trim().eq_ignore_ascii_case("name") && value.trim().trim_matches('"') == name
        })
    }
}

/// What is before `mark`, and what is behind it.
fn split<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(mark.len()).position(|window| window == mark)?;
    let (before, rest) = bytes.split_at_checked(at)?;
    Some((before, rest.get(mark.len()..)?))
}

/// The same for a boundary. Another one may begin with it: what follows is white space, the end of a line or `--`.
fn behind<'a>(bytes: &'a [u8], boundary: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let mut from = 0;
    loop {
        let (before, rest) = split(bytes.get(from..)?, boundary)?;
        if matches!(rest.first(), Some(b'\r' | b'-' | b' ' | b'\t')) {
            return Some((bytes.get(..from + before.len())?, rest));
        }
        from += before.len() + boundary.len();
    }
}
