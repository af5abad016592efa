//! The language under fuzz: whatever is written is read or refused, and what is read can be asked.

use gateway_tests::fuzz;
use http::HeaderMap;

use super::{Expression, Facts, Fields, HttpFacts};

const CORPUS: &[&[u8]] = &[
    br#"http.path ^= "/a" && (http.host == "a.com" || !(any(lower(http.headers.x_a)) =^ "b"))"#,
    br##"http.path ~ r#"^/(?<id>\d+)"# && net.src.ip not in 10.0.0.0/8"##,
    br#"http.path.segments.0_1 contains "x" || http.queries.q != "\"\\\n""#,
    b"net.dst.port >= 0x50 && net.src.port < 0777 && net.dst.ip == fd00::1",
    br#"tls.sni == "a" || net.protocol == "https" || http.path.segments.len > -1"#,
];
const WORDS: &[&str] = &[
    "(",
    ")",
    "!",
    "&&",
    "||",
    "any(",
    "lower(",
    "==",
    "!=",
    "~",
    "^=",
    "=^",
    ">=",
    "<",
    "in",
    "not in",
    "contains",
    "http.path",
    "http.headers.a",
    "net.src.ip",
    "\"",
    "\\",
    "r#\"",
    "\"#",
    "10.0.0.0/8",
    "::/0",
    "-1",
    "0x",
];

#[test]
fn fuzz_expressions() {
    let headers = HeaderMap::new();
    fuzz("expressions", CORPUS, WORDS, |input| {
        let text = String::from_utf8_lossy(input);
        for fields in [Fields::Http, Fields::Stream] {
            match Expression::parse(&text, fields) {
                Err(error) => assert!(!error.to_string().is_empty()),
                Ok(expression) => {
                    let http = HttpFacts {
                        method: "GET",
                        host: "a.com",
                        path: b"/a/\xff/b",
                        query: Some("q=%zz&q"),
                        headers: &headers,
                    };
                    let facts = Facts {
                        protocol: "http",
                        sni: None,
                        source: ([10, 0, 0, 1], 80).into(),
                        destination: ([127, 0, 0, 1], 81).into(),
                        http: (fields == Fields::Http).then_some(http),
                    };
                    assert_eq!(expression.holds(&facts), expression.find(&facts).is_some());
                    _ = expression.bounds();
                }
            }
        }
    });
}
