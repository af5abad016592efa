//! Signatures that are good, and all the ways in which they are not.

use super::*;

/// Made by `openssl genpkey -algorithm ed25519`.
const KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIF5IJUdnbh9nm4rzZN5VhNhxGJ9Uk6JJzGNTVminQidf
-----END PRIVATE KEY-----
";
const OTHER: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJy8VT1BM0mP6yZBQIy2RKxanTReilXUR3FWI/I7llEm
-----END PRIVATE KEY-----
";

fn signed(key: &str, bytes: &[u8]) -> (String, TrustedKey) {
    let (signature, public) = sign(key, bytes).unwrap();
    (read_signature(&signature).unwrap(), public)
}

#[test]
fn only_a_listed_key_over_these_very_bytes_counts() {
    let (good, key) = signed(KEY, b"component");
    let (other, other_key) = signed(OTHER, b"component");
    let trust = Trust::new(SignaturePolicy::Require, vec![key]);
    let by_key = Standing::Signed { key: key.id() };
    for (case, bytes, signatures, want) in [
        ("signed", &b"component"[..], vec![good.clone()], by_key.clone()),
        ("one of two", b"component", vec![other.clone(), good.clone()], by_key),
        ("altered", b"componenT", vec![good.clone()], Standing::Unknown),
        ("by a stranger", b"component", vec![other], Standing::Unknown),
        ("not a signature", b"component", vec!["AAAA".to_owned(), "?".to_owned()], Standing::Unknown),
        ("unsigned", b"component", vec![], Standing::Unsigned),
    ] {
        assert_eq!(trust.standing(bytes, &signatures), want, "{case}");
        let admitted = trust.admit(bytes, &signatures).is_ok();
        assert_eq!(admitted, matches!(want, Standing::Signed { .. }), "{case}");
        assert!(Trust::new(SignaturePolicy::Warn, vec![key]).admit(bytes, &signatures).is_ok(), "{case}");
    }
    let revoked = Trust::new(SignaturePolicy::Require, vec![other_key]);
    assert!(revoked.admit(b"component", &[good]).is_err(), "its key is off the list");
}

#[test]
fn keys_are_read_in_both_forms() {
    let (_, key) = signed(KEY, b"");
    let inline = key.inline();
    let raw = STANDARD.decode(inline.trim_start_matches("ed25519:")).unwrap();
    let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let der = STANDARD.encode([&prefix[..], &raw].concat());
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n");
    assert_eq!((TrustedKey::read(&inline), TrustedKey::read(&pem)), (Ok(key), Ok(key)));
    for bad in ["", "ed25519:AAAA", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", KEY] {
        assert_eq!(TrustedKey::read(bad), Err(KeyError::Key), "{bad}");
    }
    assert_eq!(sign("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", b""), Err(SignError));
}
