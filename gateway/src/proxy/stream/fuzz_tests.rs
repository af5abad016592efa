//! The reader of TLS hellos under fuzz: it never says another name than who ends the TLS, nor another one for
//! the same bytes in pieces.

use gateway_tests::fuzz;

use super::hello::server_name;
use super::hello::tests::{extension, hello, name};

/// The name as rustls reads it; `None` if rustls does not take the hello.
fn by_rustls(bytes: &[u8]) -> Option<Option<String>> {
    let mut acceptor = rustls::server::Acceptor::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        acceptor.read_tls(&mut rest).ok()?;
        if let Some(accepted) = acceptor.accept().ok()? {
            return Some(accepted.client_hello().server_name().map(str::to_ascii_lowercase));
        }
    }
    None
}

#[test]
fn fuzz_hellos() {
    // What rustls asks of a hello, and ours does not.
    let schemes = extension(13, &[0, 4, 4, 3, 8, 4]);
    let versions = extension(43, &[4, 3, 4, 3, 3]);
    let usual = [name(b"a.example.com"), schemes.clone(), versions].concat();
    let corpus: Vec<Vec<u8>> = vec![
        hello(&usual, 1 << 14),
        hello(&usual, 20),
        hello(&[schemes, name(b"B.c")].concat(), 1 << 14),
        hello(&[], 1 << 14),
    ];
    let corpus: Vec<&[u8]> = corpus.iter().map(Vec::as_slice).collect();
    let words = &["\u{16}\u{3}\u{1}", "\0\0\0", "\0\u{1}", "a.b", "\0\u{5}", "\u{1}\0"];
    fuzz("hellos", &corpus, words, |input| {
        let whole = server_name(input);
        if let (Ok(Some(found)), Some(theirs)) = (&whole, by_rustls(input)) {
            assert_eq!(found.as_deref(), theirs.as_deref(), "two names for one hello");
        }
        let Ok(Some(found)) = whole else { return };
        for end in 0..input.len() {
            match server_name(&input[..end]) {
                Ok(None) => {}
                Ok(Some(part)) => return assert_eq!(part, found, "another name for its first {end} bytes"),
                Err(error) => panic!("{error} for the first {end} bytes of a whole hello"),
            }
        }
    });
}
