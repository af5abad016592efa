//! The text of a reference: `{vault://prefix/resource[/key][?options][#version]}`, as in Kong.

use percent_encoding::percent_decode_str;

const BEGIN: &str = "{vault://";
const END: &str = "}";
/// Longest part of a reference that is looked up.
const LONGEST: usize = 4_096;

/// A reference, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The prefix of a vault, or the name of one that is always there: `env`, `file`.
    pub vault: String,
    /// The segments of the path, decoded. The last of several may be the key of a member instead.
    pub path: Vec<String>,
    /// Kong's number of an older value: 2 is the one before.
    pub version: Option<u32>,
}

impl Reference {
    /// Whether a text is meant as a reference.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(BEGIN) && text.ends_with(END)
    }

    /// Takes a reference apart.
    ///
    /// # Errors
    ///
    /// What is wrong with it, without its text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let inner = text.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
        let inner = inner.ok_or("a reference begins with {vault:// and ends with }")?;
        if inner.len() > LONGEST {
            return Err(format!("a reference has {LONGEST} bytes at most"));
        }
        let (inner, version) = inner.split_once('#').map_or((inner, None), |(rest, end)| (rest, Some(end)));
        let version = version.map(|version| version.parse().ok().filter(|number| *number > 0));
        let version =
            version.map(|number| number.ok_or("the version of a reference is a number")).transpose()?;
        // Options are Kong's words for single vaults; none of ours has any.
        let (inner, _options) = inner.split_once('?').unwrap_or((inner, ""));
        let (vault, path) = inner.split_once('/').unwrap_or((inner, ""));
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if vault.is_empty() || !vault.bytes().all(plain) {
            return Err("a reference names a vault, such as env, after {vault://".to_owned());
        }
        let segments = path.split('/').filter(|segment| !segment.is_empty());
        let decoded = segments.map(|segment| {
            let text = percent_decode_str(segment).decode_utf8();
            let text = text.map_err(|_| "a reference holds bytes that are no UTF-8")?.into_owned();
            if text.contains('\0') { Err("a reference holds a NUL") } else { Ok(text) }
        });
        let path: Vec<String> = decoded.collect::<Result<_, _>>()?;
        if path.is_empty() {
            return Err("a reference names something in the vault, after its name and a slash".to_owned());
        }
        Ok(Self { vault: vault.to_owned(), path, version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_taken_apart_as_in_kong() {
        let parsed =
            |text: &str| Reference::parse(text).map(|found| (found.vault, found.path, found.version));
        let path = |segments: &[&str]| segments.iter().map(ToString::to_string).collect::<Vec<_>>();
        for (text, vault, segments, version) in [
            ("{vault://env/my-secret}", "env", &["my-secret"][..], None),
            ("{vault://env/json/key}", "env", &["json", "key"], None),
            ("{vault://my-env/a%2Fb#2}", "my-env", &["a/b"], Some(2)),
            ("{vault://file/run/secrets/x?ttl=1#1}", "file", &["run", "secrets", "x"], Some(1)),
        ] {
            assert_eq!(parsed(text), Ok((vault.to_owned(), path(segments), version)), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused_in_words() {
        for (text, want) in [
            ("{vault://env}", "names something in the vault"),
            ("{vault://env/}", "names something in the vault"),
            ("{vault:///x}", "names a vault"),
            ("{vault://My_env/x}", "names a vault"),
            ("{vault://env/x#latest}", "is a number"),
            ("{vault://env/x#0}", "is a number"),
            ("{vault://env/%ff}", "no UTF-8"),
            ("{vault://env/a%00b}", "a NUL"),
            ("vault://env/x", "begins with"),
        ] {
            let refused = Reference::parse(text).expect_err(text);
            assert!(refused.contains(want), "{text}: {refused}");
        }
    }
}
