//! The URL of the log server: credentials are taken out of it and sent as a header.

/// Where to send, and with which `Authorization`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) url: String,
    pub(crate) authorization: Option<String>,
}

impl Endpoint {
    /// Reads an HTTP or HTTPS URL.
    pub(crate) fn parse(url: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = url.split_once("://").ok_or("missing host in url")?;
        let scheme = scheme.to_ascii_lowercase();
        if scheme != "http" && scheme != "https" {
            return Err("must be an http or https url");
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let (user_info, host) =
            authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
        if host.is_empty() || host.starts_with(':') {
            return Err("missing host in url");
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        let path = path.split('#').next().unwrap_or_default();
        let authorization = user_info.map(|user_info| format!("Basic {}", base64(&decoded(user_info))));
        Ok(Self { url: format!("{scheme}://{host}{slash}{path}"), authorization })
    }
}

fn decoded(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        let escape = match rest {
            [b'%', high, low, after @ ..] => {
                hex(*high).zip(hex(*low)).map(|(high, low)| (high << 4 | low, after))
            }
            _ => None,
        };
        let (byte, after) = escape.unwrap_or((*byte, after));
        decoded.push(byte);
        rest = after;
    }
    decoded
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Standard base64 with padding. Once for each configuration, so its speed does not count.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let group = at(0) << 16 | at(1) << 8 | at(2);
        for position in 0..4 {
            let letter =
                usize::try_from(group >> (18 - 6 * position) & 63).ok().and_then(|at| LETTERS.get(at));
            let letter = letter.filter(|_| position <= chunk.len());
            text.push(letter.map_or('=', |letter| char::from(*letter)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_leave_the_url() {
        for (case, url, want_url, want_authorization) in [
            ("plain", "http://logs:9000/in?x=1", "http://logs:9000/in?x=1", None),
            ("no path", "https://logs", "https://logs/", None),
            ("query without a path", "http://logs?x=1", "http://logs/?x=1", None),
            ("credentials", "http://alice:secret@logs/in", "http://logs/in", Some("Basic YWxpY2U6c2VjcmV0")),
            ("escaped credentials", "http://al%69ce:s%40@logs/", "http://logs/", Some("Basic YWxpY2U6c0A=")),
            ("at sign in the path", "http://logs/a@b", "http://logs/a@b", None),
            ("scheme in capitals", "HTTP://logs/", "http://logs/", None),
        ] {
            let endpoint = Endpoint::parse(url).unwrap_or_else(|error| panic!("{case}: {error}"));
            assert_eq!(
                (endpoint.url.as_str(), endpoint.authorization.as_deref()),
                (want_url, want_authorization),
                "{case}"
            );
        }
        for (case, url) in [
            ("no scheme", "logs/in"),
            ("another scheme", "ftp://logs"),
            ("no host", "http:///in"),
            ("no host but a port", "http://:80/"),
        ] {
            assert!(Endpoint::parse(url).is_err(), "{case}");
        }
    }

    #[test]
    fn base64_pads_as_the_rfc_says() {
        for (text, want) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(base64(text.as_bytes()), want, "{text}");
        }
    }
}
