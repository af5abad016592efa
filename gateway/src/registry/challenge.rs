//! What a registry wants before it answers: `WWW-Authenticate` of the distribution specification.

/// A way to authenticate that a registry asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// Name and password with each request.
    Basic,
    /// A token, which another service gives out.
    Bearer {
        /// Where that service is.
        realm: String,
        service: Option<String>,
        scope: Option<String>,
    },
}

impl Challenge {
    /// Reads the header; `None` if it asks for something else.
    pub(super) fn read(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let parameter =
            |name: &str| parameters(rest).find(|(known, _)| *known == name).map(|(_, value)| value);
        let text = |name| parameter(name).map(str::to_owned);
        Some(Self::Bearer { realm: text("realm")?, service: text("service"), scope: text("scope") })
    }
}

/// `name="value"` pairs; a scope has commas between its quotes.
fn parameters(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (name, after) = rest.split_once('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(',').unwrap_or((after, "")),
        };
        rest = after;
        Some((name.trim_matches([',', ' ']), value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read() {
        let bearer = |realm: &str, service: Option<&str>, scope: Option<&str>| Challenge::Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
            scope: scope.map(str::to_owned),
        };
        for (header, want) in [
            ("Basic realm=\"x\"", Some(Challenge::Basic)),
            (
                r#"Bearer realm="https://a.test/token",service="a.test",scope="repository:t/p:pull,push""#,
                Some(bearer("https://a.test/token", Some("a.test"), Some("repository:t/p:pull,push"))),
            ),
            (
                r#"bearer realm=https://a.test/, service="s""#,
                Some(bearer("https://a.test/", Some("s"), None)),
            ),
            ("Bearer service=\"x\"", None),
            ("Negotiate", None),
        ] {
            assert_eq!(Challenge::read(header), want, "{header}");
        }
    }
}
