//! Rows about lines: fields, the first line, whom it is for, and what comes behind it all.

use super::rows::{controls, get, post, row};
use super::{Row, Want};

pub(super) fn all() -> Vec<Row> {
    [names_and_values(), request_lines(), hosts(), connections()].into_iter().flatten().collect()
}

/// Header lines.
fn names_and_values() -> Vec<Row> {
    let refused = [
        "FooBar",
        ": x",
        ":",
        "Foo : bar",
        "Foo\t: bar",
        "Foo Bar: x",
        "\u{ef}oo: x",
        "Foo\u{a0}: x",
        "F(o): x",
        "F/o: x",
        "F@o: x",
        "F\"o: x",
        "Fo\ro: x",
        "Te\nst: x",
        "Foo: a\rX-Hidden: y",
        "Foo: a\nX-Hidden: y",
        "Foo: a\r\n\rX-Hidden: b",
        "Foo: a\r\n b",
        "Foo: a\r\n\tb",
        "Foo: a\r\n \r\nBar: b",
        "Foo:\n\nGET {T}-hidden HTTP/1.1\r\nHost: a",
    ];
    let named = refused.into_iter().map(str::to_owned);
    let names = controls().map(|control| format!("Fo{control}o: x"));
    let nul = std::iter::once("Foo: a\0b".to_owned());
    let mut rows: Vec<Row> = named
        .chain(names)
        .chain(nul)
        .map(|line| row("field", &line, get(&format!("{line}\r\n")), Want::Refused))
        .collect();
    let long = format!("X-A: {}", "a".repeat(70_000));
    let many = vec!["X: y"; 600].join("\r\n");
    for (line, want) in [
        ("X!#$%&'*+.^_`|~9: b", Want::Served("")),
        ("X-A:", Want::Served("")),
        ("X-A:  \t b \t ", Want::Served("")),
        ("X-A: caf\u{c3}\u{a9}", Want::Safe),
        ("Foo:::: x", Want::Safe),
        ("Connection: close, x-hidden\r\nX-Hidden: y", Want::Served("")),
        ("Connection: keep-alive, X-Hidden\r\nX-Hidden: y", Want::Served("")),
        ("Connection: Host", Want::Safe),
        ("TE: trailers, deflate\r\nConnection: TE", Want::Safe),
        (&long, Want::Refused),
        (&many, Want::Refused),
    ] {
        rows.push(row("field", line.get(..40).unwrap_or(line), get(&format!("{line}\r\n")), want));
    }
    for (name, text) in [
        ("a fold after the request line", "GET {T} HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n"),
        ("bare LF everywhere", "GET {T} HTTP/1.1\nHost: a\n\n"),
        ("one bare LF", "GET {T} HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"),
        ("a bare LF at the end", "GET {T} HTTP/1.1\r\nHost: a\r\n\n"),
        ("CR CR LF", "GET {T} HTTP/1.1\r\r\nHost: a\r\n\r\n"),
    ] {
        rows.push(row("ends of lines", name, text.to_owned(), Want::Refused));
    }
    rows
}

/// First lines that are none.
const LINES: &[&str] = &[
    "GET\u{b}{T} HTTP/1.1",
    " GET {T} HTTP/1.1",
    "GET {T} x HTTP/1.1",
    "GET {T} HTTP/1.1 HTTP/1.1",
    "GET {T}\rx HTTP/1.1",
    "GET {T}\nHTTP/1.1",
    "GET {T}\0x HTTP/1.1",
    "GET {T}#frag HTTP/1.1",
    "GET {T}\u{c3}\u{a9} HTTP/1.1",
    "GET k HTTP/1.1",
    "GET {T} HTTP/1.10",
    "GET {T} HTTP/01.1",
    "GET {T} HTTP/2.0",
    "GET {T} HTTP/0.9",
    "GET {T} HTTP/9.9",
    "GET {T} HTTP/1",
    "GET {T} http/1.1",
    "GET {T} HTTP/1.1x",
    "GET {T} HTTP/+1.1",
    "GET {T} HTTP/\r1.1",
    "GET {T} ICE/1.0",
    "GET {T}",
    "\0 {T} HTTP/1.1",
    "G\u{1}T {T} HTTP/1.1",
    "G\u{c3}\u{89}T {T} HTTP/1.1",
    "G(T) {T} HTTP/1.1",
    "GET @evil.test{T} HTTP/1.1",
    "GET :80{T} HTTP/1.1",
    "GET ?x=1 HTTP/1.1",
    "PROXY TCP4 1.2.3.4 5.6.7.8 1 2",
    "GET {T}/..;/x HTTP/1.1",
    "GET {T}/%2e%2e%2fx HTTP/1.1",
    "GET {T}/%252e%252e/x HTTP/1.1",
    "GET  HTTP/1.1",
];

/// First lines that may be taken, as what they are.
const ODD_LINES: &[&str] = &[
    "GET  {T} HTTP/1.1",
    "GET {T}  HTTP/1.1",
    "GET\t{T}\tHTTP/1.1",
    "GET {T} HTTP/1.1 ",
    "GET {T}\\x HTTP/1.1",
    "GET {T}<\"> HTTP/1.1",
    "GET {T}{|}^` HTTP/1.1",
    "GET {T}%zz HTTP/1.1",
    "GET {T}%00 HTTP/1.1",
    "GET {T}%0d%0aX-Hidden:%20y HTTP/1.1",
    "GET {T} HTTP/1.2",
    "get {T} HTTP/1.1",
    "CONNECT {T} HTTP/1.1",
    "TRACE {T} HTTP/1.1",
    "GET http://evil.test{T} HTTP/1.1",
    "GET ftp://a{T} HTTP/1.1",
    "GET //evil.test{T} HTTP/1.1",
    "GET http://u:p@a{T} HTTP/1.1",
    "FROB {T} HTTP/1.1",
    "GET {T}\u{7f}x HTTP/1.1",
    "GET {T}\u{1}x HTTP/1.1",
];

/// The first line.
fn request_lines() -> Vec<Row> {
    let line = |line: &str, want| row("request line", line, format!("{line}\r\nHost: a\r\n\r\n"), want);
    let mut rows: Vec<Row> = LINES.iter().map(|text| line(text, Want::Refused)).collect();
    rows.extend(ODD_LINES.iter().map(|text| line(text, Want::Safe)));
    let long = format!("GET {{T}}/{} HTTP/1.1", "a".repeat(70_000));
    rows.push(row("request line", "70 000 bytes", format!("{long}\r\nHost: a\r\n\r\n"), Want::Refused));
    rows
}

/// Whom it is for.
fn hosts() -> Vec<Row> {
    let refused = [
        "",
        "X: y\r\n",
        "Host: a\r\nHost: a\r\n",
        "Host: a\r\nhOST: evil\r\n",
        "Host: a, evil\r\n",
        "Host: a/x\r\n",
        "Host: a?x\r\n",
        "Host: a#x\r\n",
        "Host: u@a\r\n",
        "Host: a evil\r\n",
        "Host: a\tevil\r\n",
        "Host: a\0evil\r\n",
        "Host: a\rX: y\r\n",
        "Host: a\\evil\r\n",
        "Host: a:80a\r\n",
        "Host: a:99999\r\n",
        "Host: a:80:81\r\n",
        "Host: [::1\r\n",
        "Host : a\r\n",
        "Host:\r\n a\r\n",
        "Host: a\nHost: evil\r\n",
    ];
    let line = |fields: &str, want| row("host", fields, format!("GET {{T}} HTTP/1.1\r\n{fields}\r\n"), want);
    let mut rows: Vec<Row> = refused.into_iter().map(|fields| line(fields, Want::Refused)).collect();
    let long = format!("Host: {}\r\n", "a".repeat(3_000));
    rows.extend(["Host:\r\n", "Host: ..\r\n", "Host: %6c\r\n", &long].map(|fields| line(fields, Want::Safe)));
    rows
}

/// What comes after the first request, and requests that ask for another protocol.
fn connections() -> Vec<Row> {
    let websocket = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    [
        (
            "close, and a request behind it",
            format!("{}{{S}}", get("Connection: close\r\n")),
            Want::Served(""),
        ),
        ("HTTP/1.0, and a request behind it", "GET {T} HTTP/1.0\r\n\r\n{S}".to_owned(), Want::Served("")),
        (
            "a refused request, and a good one behind it",
            format!("{}{{S}}", get("Foo : bar\r\n")),
            Want::Refused,
        ),
        ("an unknown expectation", post("Expect: 200-ok\r\nContent-Length: 3\r\n", "abc"), Want::Safe),
        ("an expectation", post("Expect: 100-continue\r\nContent-Length: 3\r\n", "abc"), Want::Served("abc")),
        ("garbage behind it", format!("{}\u{0}\u{ff}\r\n\r\n", get("")), Want::Served("")),
        ("an unknown protocol", get("Connection: Upgrade\r\nUpgrade: foo/2\r\n"), Want::Safe),
        ("websocket that is not agreed to", get(websocket), Want::Safe),
        ("a record of TLS", format!("\u{16}\u{3}\u{1}\0\u{a5}{}", "U".repeat(160)), Want::Refused),
        (
            "a header of the PROXY protocol",
            format!("\r\n\r\n\0\r\nQUIT\n!\u{11}\0\u{c}{}", get("")),
            Want::Refused,
        ),
        ("random bytes", (0..600_u32).map(|i| char::from((i * 73 % 256) as u8)).collect(), Want::Refused),
    ]
    .into_iter()
    .map(|(name, text, want)| row("connection", name, text, want))
    .collect()
}
