//! Which certificate is shown to a client that asks for a name.

use std::collections::HashMap;
use std::sync::Arc;

use super::Pairs;

/// Certificates by the names that operators gave them (Kong's SNIs).
#[derive(Debug, Default)]
pub struct Certificates(HashMap<Box<str>, Arc<Pairs>>);

impl Certificates {
    /// Gives a name, which may begin or end with `*`, its certificate.
    pub fn insert(&mut self, name: &str, pairs: Arc<Pairs>) {
        self.0.insert(name.to_ascii_lowercase().into(), pairs);
    }

    /// Kong's order: the name itself, its first label replaced by `*`, its last one replaced, `*` alone.
    pub fn find(&self, name: &str) -> Option<&Arc<Pairs>> {
        if self.0.is_empty() {
            return None;
        }
        let name = name.to_ascii_lowercase();
        let get = |name: String| self.0.get(name.as_str());
        let by_suffix = || name.split_once('.').and_then(|(_, rest)| get(format!("*.{rest}")));
        let by_prefix = || name.rsplit_once('.').and_then(|(rest, _)| get(format!("{rest}.*")));
        self.0.get(name.as_str()).or_else(by_suffix).or_else(by_prefix).or_else(|| self.0.get("*"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::self_signed;

    #[test]
    fn the_closest_name_wins() {
        let made = self_signed::make(&["a"]).expect("a certificate");
        let mut certificates = Certificates::default();
        let mut known = HashMap::new();
        for name in ["a.example.com", "*.example.com", "a.*", "EXAMPLE.org", "*.b.example.com"] {
            let pairs =
                Arc::new(Pairs::read([(made.certificate.as_str(), made.key.as_str())]).expect("it reads"));
            known.insert(name, Arc::clone(&pairs));
            certificates.insert(name, pairs);
        }
        let found = |certificates: &Certificates, name: &str| {
            let pairs = certificates.find(name)?;
            known.iter().find(|(_, one)| Arc::ptr_eq(one, pairs)).map(|(name, _)| *name)
        };
        for (case, name, want) in [
            ("itself", "a.example.com", Some("a.example.com")),
            ("in other letters", "A.Example.COM", Some("a.example.com")),
            ("named in other letters", "example.org", Some("EXAMPLE.org")),
            ("the first label", "b.example.com", Some("*.example.com")),
            ("one label only", "x.y.example.com", None),
            ("a longer suffix", "c.b.example.com", Some("*.b.example.com")),
            ("the last label", "a.net", Some("a.*")),
            ("none", "example.com", None),
            ("no dots", "localhost", None),
        ] {
            assert_eq!(found(&certificates, name), want, "{case}");
        }
        let pairs = certificates.find("a.net").cloned().expect("it is there");
        certificates.insert("*", pairs);
        assert_eq!(found(&certificates, "x.y.z"), Some("a.*"), "whatever is left");
    }
}
