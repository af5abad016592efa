//! Kong's sets of ciphers, as far as rustls has them: with forward secrecy and authenticated, and nothing older.

use rustls::SupportedCipherSuite;
use rustls::crypto::aws_lc_rs::cipher_suite as suite;

use crate::config::CipherSuites;

/// All of them in the order of preference, with the names by which OpenSSL, and so Kong, knows them.
const ALL: [(SupportedCipherSuite, &str); 9] = [
    (suite::TLS13_AES_256_GCM_SHA384, "TLS_AES_256_GCM_SHA384"),
    (suite::TLS13_AES_128_GCM_SHA256, "TLS_AES_128_GCM_SHA256"),
    (suite::TLS13_CHACHA20_POLY1305_SHA256, "TLS_CHACHA20_POLY1305_SHA256"),
    (suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE-ECDSA-AES256-GCM-SHA384"),
    (suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    (suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-ECDSA-CHACHA20-POLY1305"),
    (suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384"),
    (suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256"),
    (suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-RSA-CHACHA20-POLY1305"),
];

/// The suites of a set, the preferred ones first. A list of the operator's keeps TLS 1.3 as it is, as OpenSSL
/// does, and passes over what does not exist here.
pub(super) fn suites(set: &CipherSuites) -> Vec<SupportedCipherSuite> {
    let is_in = |one: SupportedCipherSuite, name: &str| match set {
        CipherSuites::Modern => one.tls13().is_some(),
        CipherSuites::Intermediate | CipherSuites::Old => true,
        CipherSuites::Fips => !name.contains("CHACHA20"),
        CipherSuites::Custom(names) => one.tls13().is_some() || names.iter().any(|named| named == name),
    };
    ALL.iter().filter(|(one, name)| is_in(*one, name)).map(|(one, _)| *one).collect()
}

/// OpenSSL's name.
pub(super) fn name(suite: SupportedCipherSuite) -> &'static str {
    ALL.iter().find(|(one, _)| one.suite() == suite.suite()).map_or("unknown", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_kongs_without_what_is_weak() {
        let custom = CipherSuites::Custom(vec!["ECDHE-RSA-AES128-GCM-SHA256".into(), "AES128-SHA".into()]);
        for (set, count) in [
            (CipherSuites::Modern, 3),
            (CipherSuites::Intermediate, 9),
            (CipherSuites::Old, 9),
            (CipherSuites::Fips, 6),
            (custom, 4),
        ] {
            assert_eq!(suites(&set).len(), count, "{set:?}");
        }
    }
}
