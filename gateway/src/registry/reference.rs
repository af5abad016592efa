//! What names a component in a registry: `ghcr.io/team/plugin@sha256:…`.

use super::PullError;

/// A component in a registry, by its digest. A tag would let the bytes change under the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    /// Host, and port if it has one.
    pub(super) registry: String,
    pub(super) repository: String,
    /// 64 hexadecimal digits.
    pub(super) digest: String,
}

impl Reference {
    /// Reads `registry/repository@sha256:…`, with `oci://` before it or a tag before the `@`.
    pub(super) fn read(text: &str) -> Result<Self, PullError> {
        let bad = || PullError::Reference(text.to_owned());
        let text = text.strip_prefix("oci://").unwrap_or(text);
        let (name, digest) = text.split_once("@sha256:").ok_or_else(bad)?;
        let (registry, rest) = name.split_once('/').ok_or_else(bad)?;
        let repository = rest.split(':').next().unwrap_or_default();
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-/".contains(&byte);
        let is_path = !repository.is_empty()
            && repository.bytes().all(plain)
            && repository.split('/').all(|part| !part.is_empty() && !part.starts_with('.'));
        let is_host = registry.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte));
        if !(is_path && is_host && !registry.is_empty() && is_digest(digest)) {
            return Err(bad());
        }
        Ok(Self {
            registry: registry.to_ascii_lowercase(),
            repository: repository.to_owned(),
            digest: digest.to_owned(),
        })
    }
}

/// Whether this is a SHA-256 as OCI writes it.
pub(super) fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_by_digest() {
        let digest = "0123456789abcdef".repeat(4);
        for (text, want) in [
            ("ghcr.io/team/plugin@sha256:D", Some(("ghcr.io", "team/plugin"))),
            ("oci://127.0.0.1:5000/p:1.0@sha256:D", Some(("127.0.0.1:5000", "p"))),
            ("ghcr.io/team/plugin:1.0", None),
            ("ghcr.io/team/../../x@sha256:D", None),
            ("ghcr.io/@sha256:D", None),
            ("user@ghcr.io/p@sha256:D", None),
            ("ghcr.io/p?x=1@sha256:D", None),
            ("ghcr.io/p@sha256:abc", None),
        ] {
            let found = Reference::read(&text.replace('D', &digest)).ok();
            let found = found.as_ref().map(|found| (found.registry.as_str(), found.repository.as_str()));
            assert_eq!(found, want, "{text}");
        }
    }
}
