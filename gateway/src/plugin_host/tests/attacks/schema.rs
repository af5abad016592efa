//! Schemas that would cost the gateway, or lead it elsewhere.

use std::time::{Duration, Instant};

use crate::plugin_host::tests::Fixture;
use crate::plugin_host::tests::guests::Guest;

/// A guest whose schema is `text`; longer ones are only said to be there.
fn with_schema(text: &str, length: usize) -> Vec<u8> {
    let word = |number: usize| -> String {
        let bytes = u32::try_from(number).unwrap().to_le_bytes();
        bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
    };
    let escaped: String = text.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    let more = format!(
        "(data (i32.const 131072) \"{escaped}\") (data (i32.const 280) \"{}{}\")",
        word(131_072),
        word(length)
    );
    Guest { more: &more, pages: 400, ..Guest::default() }.build()
}

#[tokio::test]
async fn schemas_are_bounded_and_stay_at_home() {
    let fixture = Fixture::new();
    let deep = |depth: usize| format!("{}{}{}", r#"{"not":"#.repeat(depth), "{}", "}".repeat(depth));
    for (case, text, length, words) in [
        ("ten megabytes", String::new(), 10_000_000, "too much data"),
        ("a hundred kilobytes", String::new(), 100_000, "64 KiB"),
        ("no JSON", "{".into(), 0, "not JSON"),
        ("no object", "true".into(), 0, "expected an object"),
        ("nested 40 levels", deep(40), 0, "deeper than 32"),
        ("nested 10 000 levels", deep(6000), 0, "config-schema"),
        ("a reference into the network", r#"{"$ref":"http://127.0.0.1:1/a"}"#.into(), 0, "`$ref`"),
        ("a reference into the file system", r#"{"$ref":"file:///etc/passwd"}"#.into(), 0, "`$ref`"),
        ("a wrong type", r#"{"type":"nonsense"}"#.into(), 0, "config-schema"),
        ("NUL", "{\"type\":\"object\0\"}".into(), 0, "not JSON"),
        ("invalid UTF-8 in a string", "{\"a\":\"\\ud800\"}".into(), 0, "not JSON"),
    ] {
        let length = if length == 0 { text.len() } else { length };
        let begun = Instant::now();
        let refused = fixture.host.admit(with_schema(&text, length).into()).await.map(|_| ());
        let refused = refused.expect_err(case).to_string();
        assert!(refused.contains(words), "{case}: {refused}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{case}: {:?}", begun.elapsed());
    }
}
