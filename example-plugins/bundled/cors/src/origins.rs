//! Which origins may read responses, and what they are told.

use regex_lite::Regex;
use weir_plugin_sdk::ConfigProblem;

use crate::normal::Normal;

/// The origins of a configuration.
pub(crate) enum Origins {
    /// Whoever asks, without a look at who it is.
    All,
    /// Everybody is told this one origin; the browser compares.
    One(String),
    /// All again, but as one of several entries: only who names an origin is told so.
    AllNamed,
    Listed(Vec<Entry>),
}

/// What `Access-Control-Allow-Origin` says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// `*`.
    All,
    One(String),
    /// The header is taken away.
    Nobody,
}

/// One of several origins, or a regular expression.
pub(crate) enum Entry {
    /// A normal form.
    Plain(String),
    /// Matched with the normal form of an origin.
    Pattern(Regex),
    /// Matched with its host.
    HostPattern(Regex),
}

impl Origins {
    /// Prepares the origins of a configuration.
    pub(crate) fn read(listed: &[String]) -> Result<Self, Vec<ConfigProblem>> {
        match listed {
            [] => return Ok(Self::All),
            [one] if one == "*" => return Ok(Self::All),
            [one] if is_plain(one) => return Ok(Self::One(one.clone())),
            _ => {}
        }
        let (mut entries, mut problems) = (Vec::new(), Vec::new());
        for (at, text) in listed.iter().enumerate().filter(|(_, text)| *text != "*") {
            match Entry::read(text) {
                Some(entry) => entries.push(entry),
                None => {
                    // In Kong's words.
                    let message = format!("'{text}' is not a valid regex");
                    problems.push(ConfigProblem::new(&format!("/origins/{at}"), &message));
                }
            }
        }
        let all = listed.iter().any(|text| text == "*");
        match (problems.is_empty(), all) {
            (false, _) => Err(problems),
            (true, true) => Ok(Self::AllNamed),
            (true, false) => Ok(Self::Listed(entries)),
        }
    }

    /// Whether the answer depends on who asks, so that caches must keep answers apart. Kong says so for one plain
    /// origin too.
    pub(crate) fn vary(&self) -> bool {
        !matches!(self, Self::All)
    }

    /// What a page of `origin` is told; an origin that is no text is no origin that anybody has allowed.
    pub(crate) fn allowed(&self, origin: Option<&[u8]>) -> Allowed {
        match (self, origin) {
            (Self::All, _) | (Self::AllNamed, Some(_)) => Allowed::All,
            (Self::One(one), _) => Allowed::One(one.clone()),
            (Self::Listed(entries), Some(origin)) => {
                let normal = std::str::from_utf8(origin).ok().map(Normal::of);
                let known = |normal: &Normal| entries.iter().any(|entry| entry.matches(normal));
                normal.filter(known).map_or(Allowed::Nobody, |normal| Allowed::One(normal.whole))
            }
            (Self::AllNamed | Self::Listed(_), None) => Allowed::Nobody,
        }
    }
}

impl Entry {
    fn read(text: &str) -> Option<Self> {
        if is_plain(text) {
            return Some(Self::Plain(Normal::of(text).whole));
        }
        let regex = anchored(text)?;
        Some(if text.contains(':') { Self::Pattern(regex) } else { Self::HostPattern(regex) })
    }

    fn matches(&self, origin: &Normal) -> bool {
        match self {
            Self::Plain(whole) => *whole == origin.whole,
            Self::Pattern(regex) => regex.is_match(&origin.whole),
            Self::HostPattern(regex) => regex.is_match(&origin.host),
        }
    }
}

/// `None` where Kong would find no regular expression, or one that cannot be matched in linear time.
fn anchored(text: &str) -> Option<Regex> {
    // By itself, since one that closes the group below would be read as another one.
    Regex::new(text).ok().filter(|_| !repeats_twice(text))?;
    // In a group, so that both anchors are for all alternatives.
    Regex::new(&format!("^(?:{text})$")).ok()
}

/// Whether something is repeated that is repeated already, as in `a**`. That is an error for Kong, or, as in
/// `a*+`, says that no shorter match is tried, which cannot be done here.
fn repeats_twice(text: &str) -> bool {
    let (mut in_class, mut repeated) = (false, false);
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if repeated && matches!(byte, b'*' | b'+') {
            return true;
        }
        if byte == b'\\' {
            rest.next();
        }
        in_class = if in_class { byte != b']' } else { byte == b'[' };
        repeated = !in_class && matches!(byte, b'*' | b'+' | b'?' | b'}');
    }
    false
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:/-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_repeated_twice() {
        for (text, twice) in [
            ("a*", false),
            ("a*?b", false),
            ("(a*)*", false),
            ("[a*+]+", false),
            (r"a\*+", false),
            ("a{2}b*", false),
            ("a**", true),
            ("a*+", true),
            ("a?*", true),
            ("a{2}+", true),
            (r"a\\*+", true),
            ("[a]]*+", true),
            ("(?:a)", false),
        ] {
            assert_eq!(repeats_twice(text), twice, "{text}");
        }
    }
}
