//! Origins in a form that can be compared.

/// An origin, taken apart as Kong does.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Normal {
    /// Without the port that the scheme has anyway.
    pub(crate) whole: String,
    pub(crate) host: String,
}

impl Normal {
    /// What has no host, such as `null` or a bare name, is compared as it stands.
    pub(crate) fn of(origin: &str) -> Self {
        let bare = || Self { whole: origin.into(), host: origin.into() };
        let (scheme, rest) = match origin.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
            Some(_) | None => (None, origin),
        };
        let Some(rest) = rest.strip_prefix("//") else { return bare() };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let address = authority.split_once('@').map_or(authority, |(_, address)| address);
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            Some(_) | None => (address, None),
        };
        if host.is_empty() {
            return bare();
        }
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = inner.filter(|inner| !inner.is_empty()).unwrap_or(host);
        let usual = matches!((scheme, port), (Some("http"), Some("80")) | (Some("https"), Some("443")));
        let mut whole = String::with_capacity(origin.len());
        if let Some(scheme) = scheme {
            whole.push_str(scheme);
            whole.push_str("://");
        }
        whole.push_str(host);
        if let Some(port) = port.filter(|_| !usual) {
            whole.push(':');
            whole.push_str(port);
        }
        Self { whole, host: host.into() }
    }
}

fn is_scheme(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    first && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_have_a_normal_form() {
        for (origin, whole, host) in [
            ("http://a.test", "http://a.test", "a.test"),
            ("http://a.test:80", "http://a.test", "a.test"),
            ("https://a.test:443", "https://a.test", "a.test"),
            ("https://a.test:80", "https://a.test:80", "a.test"),
            ("http://a.test:8080/path?query#part", "http://a.test:8080", "a.test"),
            ("http://user:word@a.test", "http://a.test", "a.test"),
            ("//a.test:80", "a.test:80", "a.test"),
            ("HTTP://A.test:80", "HTTP://A.test:80", "A.test"),
            ("http://[::1]:8080", "http://::1:8080", "::1"),
            ("http://[::1]", "http://::1", "::1"),
            ("http://a.test:", "http://a.test:", "a.test"),
            ("a.test", "a.test", "a.test"),
            ("a.test:80", "a.test:80", "a.test:80"),
            ("null", "null", "null"),
            ("http://", "http://", "http://"),
            ("http://:80", "http://:80", "http://:80"),
            ("http://[]", "http://[]", "[]"),
            ("", "", ""),
        ] {
            assert_eq!(Normal::of(origin), Normal { whole: whole.into(), host: host.into() }, "{origin}");
        }
    }
}
