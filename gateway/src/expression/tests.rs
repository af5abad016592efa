//! The language as a table: what holds, what does not, and what is refused in which words.

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::{Bounds, Expression, Facts, Fields, Found, HttpFacts, literal_prefix};

const SOURCE: &str = "192.168.1.7:5000";
const DESTINATION: &str = "10.0.0.1:8443";

fn headers() -> HeaderMap {
    let list = [("x-one", "A"), ("x-many", "a1"), ("x-many", "b2"), ("x_under", "u")];
    list.iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect()
}

/// A request `GET /a/b%20c/D?q=1&q=2&e&p=x+y%21` on TLS.
fn facts(headers: &HeaderMap) -> Facts<'_> {
    Facts {
        protocol: "https",
        sni: Some("sni.example.com"),
        source: SOURCE.parse().unwrap(),
        destination: DESTINATION.parse().unwrap(),
        http: Some(HttpFacts {
            method: "GET",
            host: "Example.com",
            path: b"/a/b c/D",
            query: Some("q=1&q=2&e&p=x+y%21"),
            headers,
        }),
    }
}

fn holds(text: &str) -> bool {
    let headers = headers();
    let expression = Expression::parse(text, Fields::Http).unwrap_or_else(|error| panic!("{text}: {error}"));
    let facts = facts(&headers);
    let holds = expression.holds(&facts);
    assert_eq!(expression.find(&facts).is_some(), holds, "{text}: find and holds agree");
    holds
}

#[test]
fn each_field_and_operator() {
    for (text, want) in [
        (r#"http.method == "GET""#, true),
        (r#"http.method != "GET""#, false),
        (r#"http.host == "Example.com""#, true),
        (r#"http.host == "example.com""#, false),
        (r#"lower(http.host) == "example.com""#, true),
        (r#"http.host =^ ".com""#, true),
        (r#"http.path == "/a/b c/D""#, true),
        (r#"http.path ^= "/a""#, true),
        (r#"http.path ^= "/b""#, false),
        (r#"http.path contains "b c""#, true),
        (r#"http.path contains "x""#, false),
        (r#"http.path ~ "^/[a-z]/""#, true),
        (r##"http.path ~ r#"\\"#"##, false),
        (r#"http.path ~ "D$""#, true),
        (r#"lower(http.path) =^ "/d""#, true),
        (r#"http.path.segments.0 == "a""#, true),
        (r#"http.path.segments.1 == "b c""#, true),
        (r#"http.path.segments.9 != "a""#, false),
        (r#"http.path.segments.0_1 == "a/b c""#, true),
        (r#"http.path.segments.1_3 == "b c/D""#, false),
        ("http.path.segments.len == 3", true),
        ("http.path.segments.len >= 4", false),
        ("http.path.segments.len < 4", true),
        ("http.path.segments.len > 2", true),
        ("http.path.segments.len <= 2", false),
    ] {
        assert_eq!(holds(text), want, "{text}");
    }
}

#[test]
fn each_field_with_several_values_and_each_of_connections() {
    for (text, want) in [
        (r#"http.headers.x_one == "A""#, true),
        (r#"http.headers.X_One == "A""#, true),
        (r#"http.headers.x_one == "a""#, false),
        (r#"lower(http.headers.x_one) == "a""#, true),
        (r#"http.headers.x_under == "u""#, true),
        (r#"http.headers.x_none != "u""#, false),
        (r#"!(http.headers.x_none == "u")"#, true),
        (r#"http.headers.x_many == "a1""#, false),
        (r#"any(http.headers.x_many) == "b2""#, true),
        (r#"http.headers.x_many ~ "^[ab]""#, true),
        (r#"any(lower(http.headers.x_many)) ^= "c""#, false),
        (r#"lower(any(http.headers.x_one)) == "a""#, true),
        (r#"any(http.queries.q) == "2""#, true),
        (r#"http.queries.q == "2""#, false),
        (r#"http.queries.e == """#, true),
        (r#"http.queries.p == "x y!""#, true),
        (r#"http.queries.P == "x y!""#, false),
        (r#"tls.sni == "sni.example.com""#, true),
        (r#"tls.sni =^ ".org""#, false),
        (r#"net.protocol == "https""#, true),
        ("net.src.ip == 192.168.1.7", true),
        ("net.src.ip != 192.168.1.7", false),
        ("net.src.ip in 192.168.0.0/16", true),
        ("net.src.ip not in 192.168.0.0/16", false),
        ("net.src.ip in fd00::/8", false),
        ("net.src.ip not  in fd00::/8", true),
        ("net.src.port == 5000", true),
        ("net.src.port == 0x1388", true),
        ("net.src.port == 011610", true),
        ("net.src.port > -1", true),
        ("net.dst.ip == 10.0.0.1", true),
        ("net.dst.port == 8443", true),
        ("net.port == 8443", true),
    ] {
        assert_eq!(holds(text), want, "{text}");
    }
}

#[test]
fn literals_can_hold_every_character() {
    for (text, want) in [
        (r#"http.headers.x_one != "\"\\\n\r\t""#, true),
        (r##"http.path != r#"a"b\"#"##, true),
        (r#"http.path == "/a/b\tc/D""#, false),
    ] {
        assert_eq!(holds(text), want, "{text}");
    }
}

#[test]
fn or_binds_tighter_than_and_as_in_kongs_engine() {
    const YES: &str = r#"http.method == "GET""#;
    const NO: &str = r#"http.method == "PUT""#;
    for (text, want) in [
        (format!("{YES} && {NO}"), false),
        (format!("{NO} || {YES}"), true),
        (format!("{NO} && {NO} || {YES}"), false),
        (format!("({NO} && {NO}) || {YES}"), true),
        (format!("{YES} || {NO} && {NO}"), false),
        (format!("!({NO}) && ! ({NO} || {NO})"), true),
        (format!("(({YES}))\n\t&&\r{YES}"), true),
    ] {
        assert_eq!(holds(&text), want, "{text}");
    }
}

#[test]
fn what_cannot_be_read_is_pointed_at() {
    for (text, want) in [
        ("! a == 1", " --> 1:1\n  |\n1 | ! a == 1\n  | ^---\n  |\n  = expected term"),
        ("", " --> 1:1\n  |\n1 | \n  | ^---\n  |\n  = expected term"),
        (
            r#"http.path == "a" x"#,
            " --> 1:18\n  |\n1 | http.path == \"a\" x\n  |                  ^---\n  |\n  = expected EOI, and_op, or or_op",
        ),
        (
            "http.path = 1",
            " --> 1:11\n  |\n1 | http.path = 1\n  |           ^---\n  |\n  = expected binary_operator",
        ),
        ("http.path ==\n x", " --> 2:2\n  |\n2 |  x\n  |  ^---\n  |\n  = expected rhs"),
        (
            r#"upper(http.path) == "a""#,
            " --> 1:1\n  |\n1 | upper(http.path) == \"a\"\n  | ^--------------^\n  |\n  = unknown transformation function: upper",
        ),
        (
            "http.path ~ 1",
            " --> 1:13\n  |\n1 | http.path ~ 1\n  |             ^\n  |\n  = regex operator can only be used with String operands",
        ),
        (
            "net.src.ip in 10.0.0.1/8",
            " --> 1:15\n  |\n1 | net.src.ip in 10.0.0.1/8\n  |               ^--------^\n  |\n  = host part of address was not zero",
        ),
    ] {
        let error = Expression::parse(text, Fields::Http).unwrap_err();
        assert_eq!(error.to_string(), want, "{text}");
    }
}

#[test]
fn what_makes_no_sense_is_said_in_kongs_words() {
    const MISMATCH: &str = "Type mismatch between the LHS and RHS values of predicate";
    for (text, want) in [
        (r#"unknown == "a""#, "Unknown LHS field"),
        (r#"http.cookies.a == "a""#, "Unknown LHS field"),
        (r#"http.headers.a.b == "a""#, "Unknown LHS field"),
        ("http.path == 1", MISMATCH),
        (r#"net.src.port == "1""#, MISMATCH),
        ("net.src.ip == 10.0.0.0/8", MISMATCH),
        (
            r#"http.path > "a""#,
            "Greater/GreaterOrEqual/Lesser/LesserOrEqual operators only supports integer operands",
        ),
        ("net.src.port ^= 1", "Regex/Prefix/Postfix operators only supports string operands"),
        ("net.src.port contains 1", "Contains operator only supports string operands"),
        (r#"net.src.port ~ "1""#, "Regex operators only supports string operands"),
        ("net.src.ip in 10.0.0.1", "In/NotIn operators only supports IP in CIDR"),
        (r#"http.path in "a""#, "In/NotIn operators only supports IP in CIDR"),
        (
            "lower(net.src.port) == 1",
            "lower-case transformation function only supported with String type fields",
        ),
        (r#"http.path.segments.01 == "a""#, "illformed http.path.segments.* field"),
        (r#"http.path.segments.2_1 == "a""#, "illformed http.path.segments.* field"),
        (r#"http.path.segments.x == "a""#, "illformed http.path.segments.* field"),
    ] {
        assert_eq!(Expression::parse(text, Fields::Http).unwrap_err().to_string(), want, "{text}");
    }
    let stream = Expression::parse(r#"http.path == "a""#, Fields::Stream);
    assert_eq!(stream.unwrap_err().to_string(), "Unknown LHS field", "streams have no path");
    assert!(Expression::parse(r#"tls.sni == "a" && net.dst.port == 1"#, Fields::Stream).is_ok());
}

#[test]
fn size_and_depth_have_limits() {
    let nested = |depth: usize| format!("{}net.src.port == 1{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Expression::parse(&nested(32), Fields::Http).is_ok());
    let deep = Expression::parse(&nested(33), Fields::Http).unwrap_err().to_string();
    assert!(deep.ends_with("parentheses are nested too deeply"), "{deep}");
    let functions = format!("{}http.path{} == \"a\"", "any(".repeat(5000), ")".repeat(5000));
    assert!(Expression::parse(&functions, Fields::Http).is_err());
    let long = vec!["net.src.port == 1"; 2000].join(" || ");
    assert!(Expression::parse(&long, Fields::Http).is_err());
    let wide = vec!["net.src.port == 1"; 700].join(" || ");
    assert!(Expression::parse(&wide, Fields::Http).is_ok());
    assert!(Expression::parse(r#"http.path ~ "(a{1000}){1000}""#, Fields::Http).is_err());
}

#[test]
fn a_match_leaves_its_length_and_its_groups() {
    let headers = headers();
    let found = |text: &str| Expression::parse(text, Fields::Http).unwrap().find(&facts(&headers));
    let capture = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(found(r#"http.path ^= "/a" && http.method == "GET""#).unwrap().path, Some(2));
    assert_eq!(found(r#"http.method == "GET""#), Some(Found::default()));
    let both = found(r#"http.path ~ "^/(?<one>[a-z])/(b)" && any(http.headers.x_many) ~ "(\\d)""#).unwrap();
    assert_eq!(both.path, Some(4));
    assert_eq!(
        both.captures,
        [capture("one", "a"), capture("1", "2"), capture("2", "b")].map(|(name, value)| {
            // `any` stops at the first value that fits.
            if name == "1" { (name, "1".to_owned()) } else { (name, value) }
        })
    );
}

#[test]
fn bounds_are_what_every_match_has() {
    let bounds = |text: &str| Expression::parse(text, Fields::Http).unwrap().bounds();
    let of = |hosts: &[&str], prefixes: &[&str]| Bounds {
        hosts: (!hosts.is_empty()).then(|| hosts.iter().map(|host| Box::from(*host)).collect()),
        prefixes: (!prefixes.is_empty())
            .then(|| prefixes.iter().map(|prefix| prefix.as_bytes().into()).collect()),
    };
    for (text, hosts, prefixes) in [
        (r#"http.host == "a" && http.path ^= "/x""#, &["a"][..], &["/x"][..]),
        (r#"(http.host == "a" || http.host == "b") && http.path == "/x""#, &["a", "b"], &["/x"]),
        (r#"http.host == "a" || http.method == "GET""#, &[], &[]),
        (r#"!(http.host == "a")"#, &[], &[]),
        (r#"lower(http.host) == "a" && lower(http.path) ^= "/a""#, &[], &[]),
        (r#"http.path ~ "^/foo/\\d+""#, &[], &["/foo/"]),
        (r#"http.path ~ "/foo/\\d+""#, &[], &[]),
    ] {
        assert_eq!(bounds(text), of(hosts, prefixes), "{text}");
    }
    assert!(literal_prefix("^/v[12]/x").starts_with(b"/v"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever is written, reading it ends without a panic, and what is read can be asked.
    #[test]
    fn any_text_is_read_or_refused(text in r##"([(!]{0,2}(any\(|lower\()?(http\.(path|host|headers\.x_one|queries\.q)|net\.src\.(ip|port))\)?\)? ?(==|!=|~|\^=|=\^|>|in|not in|contains) ?("[a-z\\.*(+]{0,4}"|[0-9:./]{1,9}|r#"[a-z]"#)[)]{0,2} ?(&&|\|\||)? ?){0,3}"##) {
        if let Ok(expression) = Expression::parse(&text, Fields::Http) {
            let headers = headers();
            let facts = facts(&headers);
            prop_assert_eq!(expression.holds(&facts), expression.find(&facts).is_some());
        }
    }
}
