//! What things are called: entities in sentences, schemas and operations in generated clients.

use crate::model::Kind;

/// Kinds whose names do not read as English: one of them, and all of them.
const NOUNS: [(&str, &str, &str); 11] = [
    ("acls", "an ACL group", "ACL groups"),
    ("basicauth_credentials", "a basic-auth credential", "basic-auth credentials"),
    ("ca_certificates", "a CA certificate", "CA certificates"),
    ("custom_plugins", "an uploaded plugin", "uploaded plugins"),
    ("hmacauth_credentials", "an HMAC credential", "HMAC credentials"),
    ("jwt_secrets", "a JWT credential", "JWT credentials"),
    ("keyauth_credentials", "a key-auth credential", "key-auth credentials"),
    ("oauth2_credentials", "an OAuth 2.0 client", "OAuth 2.0 clients"),
    ("oauth2_tokens", "an OAuth 2.0 token", "OAuth 2.0 tokens"),
    ("plugins", "a plugin assignment", "plugin assignments"),
    ("snis", "an SNI", "SNIs"),
];

/// One entity of a kind, with its article: `an upstream`.
pub(super) fn one(kind: &Kind) -> String {
    let known = NOUNS.iter().find(|(name, ..)| *name == kind.name);
    known.map_or_else(
        || {
            let noun = singular(kind.name).replace('_', " ");
            let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
            format!("{article} {noun}")
        },
        |(_, one, _)| (*one).to_owned(),
    )
}

/// All entities of a kind: `upstreams`.
pub(super) fn all(kind: &Kind) -> String {
    let known = NOUNS.iter().find(|(name, ..)| *name == kind.name);
    known.map_or_else(|| kind.name.replace('_', " "), |(_, _, all)| (*all).to_owned())
}

/// The heading of a kind's operations: `SNIs`.
pub(super) fn tag(kind: &Kind) -> String {
    let mut text = all(kind);
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// The schema of one entity: `CaCertificate`.
pub(super) fn entity(kind: &Kind) -> String {
    joined(singular(kind.name))
}

/// The words of a name in one: `key_sets` as `KeySets`.
pub(super) fn joined(name: &str) -> String {
    name.split(['_', '-'])
        .map(|word| {
            let (first, rest) = word.split_at_checked(1).unwrap_or(("", word));
            first.to_ascii_uppercase() + rest
        })
        .collect()
}

fn singular(name: &str) -> &str {
    name.strip_suffix('s').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::kind;

    #[test]
    fn kinds_have_readable_names() {
        for (name, a, many, heading, schema) in [
            ("services", "a service", "services", "Services", "Service"),
            ("upstreams", "an upstream", "upstreams", "Upstreams", "Upstream"),
            ("key_sets", "a key set", "key sets", "Key sets", "KeySet"),
            ("snis", "an SNI", "SNIs", "SNIs", "Sni"),
            ("jwt_secrets", "a JWT credential", "JWT credentials", "JWT credentials", "JwtSecret"),
        ] {
            let kind = kind(name).unwrap();
            let found = [one(kind), all(kind), tag(kind), entity(kind)];
            assert_eq!(found, [a, many, heading, schema], "{name}");
        }
    }
}
