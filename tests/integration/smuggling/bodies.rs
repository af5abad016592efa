//! Rows about where a body ends: codings, lengths, chunks.

use super::rows::{CHUNKED, controls, post, row};
use super::{Row, Want};

pub(super) fn all() -> Vec<Row> {
    [codings(), lengths(), chunks()].into_iter().flatten().collect()
}

/// Each of them is refused, with a length beside it and alone.
const CODINGS: &[&str] = &[
    "Transfer-Encoding : chunked",
    "Transfer-Encoding\t: chunked",
    "Transfer Encoding: chunked",
    "Transfer_Encoding: chunked",
    "Transfer.Encoding: chunked",
    "Transf\u{82}r-Encoding: chunked",
    "Transfer-Encoding\u{a0}: chunked",
    " Transfer-Encoding: chunked",
    "\tTransfer-Encoding: chunked",
    "X: y\nTransfer-Encoding: chunked",
    "X: y\rTransfer-Encoding: chunked",
    "Transfer\r-Encoding: chunked",
    "Transfer-Encoding:\r\n chunked",
    "Transfer-Encoding:\r\n\tchunked",
    "X: y\r\n Transfer-Encoding: chunked",
    "Transfer-\r\n Encoding: chunked",
    "Transfer-Encoding: chunked\r",
    "Transfer-Encoding: \u{a0}chunked",
    "Transfer-Encoding: chunked\u{85}",
    "Transfer-Encoding: \u{ff}chunked",
    "Transfer-Encoding: \"chunked\"",
    "Transfer-Encoding: 'chunked'",
    "Transfer-Encoding: cow, chunked",
    "Transfer-Encoding: chunked, cow",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding: ,chunked",
    "Transfer-Encoding: chunked,",
    "Transfer-Encoding: chunked;q=1",
    "Transfer-Encoding: chunk",
    "Transfer-Encoding: chunkedx",
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding:",
    "Transfer-Encoding: chunked bar",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: gzip",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow",
    "Transfer-Encoding: cow\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding:\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding chunked",
    "Transfer-Encoding=chunked: x",
    "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked",
];

/// Transfer-Encoding in disguise, or with a coding that is none: a length says where the body ends, and whoever
/// believes the coding finds a request behind it.
fn codings() -> Vec<Row> {
    let named = CODINGS.iter().map(|line| (*line).to_owned());
    let before = controls().map(|control| format!("Transfer-Encoding: {control}chunked"));
    let after = controls().map(|control| format!("Transfer-Encoding: chunked{control}"));
    let inside = controls().map(|control| format!("Transfer-Encoding{control}: chunked"));
    let mut rows = Vec::new();
    for line in named.chain(before).chain(after).chain(inside) {
        let text = post(&format!("{line}\r\nContent-Length: 5\r\n"), "0\r\n\r\n{S}");
        rows.push(row("coding before a length", &line, text, Want::Refused));
        if line.contains("chunked") && line != "Transfer-Encoding: chunked" {
            let reject = !line.starts_with("Connection: ");
            let want = if reject { Want::Refused } else { Want::Served("Z") };
            rows.push(row("coding alone", &line, post(&format!("{line}\r\n"), "1\r\nZ\r\n0\r\n\r\n"), want));
        }
    }
    for (name, fields) in [
        ("1.0", ""),
        ("1.0 and a length", "Content-Length: 3\r\n"),
        ("1.0 kept", "Connection: keep-alive\r\n"),
    ] {
        let text = format!("POST {{T}} HTTP/1.0\r\n{CHUNKED}{fields}\r\n0\r\n\r\n{{S}}");
        rows.push(row("chunked in HTTP", name, text, Want::Refused));
    }
    rows
}

/// Content-Length: another number to whoever reads it otherwise.
fn lengths() -> Vec<Row> {
    let refused = [
        "Content-Length: +3",
        "Content-Length: -3",
        "Content-Length: 0x3",
        "Content-Length: 3.0",
        "Content-Length: 3e0",
        "Content-Length: 0_3",
        "Content-Length: 0 3",
        "Content-Length: 3abc",
        "Content-Length: 3,",
        "Content-Length: 3, 3",
        "Content-Length: 3, 4",
        "Content-Length: 3\r\nContent-Length: 3",
        "Content-Length: 0\r\nContent-Length: 3",
        "Content-Length: 3\r\nContent-Length: 0",
        "Content-Length: 3\r\ncontent-LENGTH: 03",
        "Content-Length:",
        "Content-Length: \r\nContent-Length: 3",
        "Content-Length: 99999999999999999999",
        "Content-Length: 18446744073709551619",
        "Content-Length: \u{a0}3",
        "Content-Length: 3\u{85}",
        "Content-Length: \"3\"",
        "Content-Length : 3",
        "Content-Length\t: 3",
        "Content-Length\u{85}: 3",
        "Content_Length: 3",
        "Content.Length: 3",
        " Content-Length: 3",
        "Content-Length:\r\n 3",
        "Content-Length 3",
        "X: y\rContent-Length: 3",
        "X: y\nContent-Length: 3",
        "Content-Length: \u{ef}\u{bc}\u{93}",
        "Content-Length: \u{d9}\u{a3}",
    ];
    let mut rows: Vec<Row> = refused
        .into_iter()
        .map(|line| row("length", line, post(&format!("{line}\r\n"), "abc"), Want::Refused))
        .collect();
    for control in controls() {
        let line = format!("Content-Length: {control}3");
        rows.push(row("length", &line, post(&format!("{line}\r\n"), "abc"), Want::Refused));
    }
    let zeros = format!("Content-Length: {}3", "0".repeat(400));
    for (line, body, want) in [
        ("Content-Length: 003", "abc", Want::Served("abc")),
        (zeros.as_str(), "abc", Want::Served("abc")),
        ("Content-Length:\t3 ", "abc", Want::Served("abc")),
        ("Connection: Content-Length\r\nContent-Length: 3", "abc", Want::Served("abc")),
        ("Content-Length: 4294967299", "abc", Want::Safe),
        ("Content-Length: 9223372036854775807", "abc{S}", Want::Safe),
        ("Content-Length: 10", "abc", Want::Safe),
    ] {
        rows.push(row("length", line, post(&format!("{line}\r\n"), body), want));
    }
    rows
}

/// What is no size of a chunk.
const SIZES: &[&str] = &[
    "0x3",
    "+3",
    "-3",
    "0_3",
    " 3",
    "3 ",
    "3\t",
    "0 3",
    "3g",
    "ZZ",
    "",
    ";a",
    "3,a",
    "100000000000000000003",
    "10000000000000003",
    "\u{ff}3",
    "\"3\"",
    "3\rx",
    "3\r",
    "3;a\rb",
    "3;a\nb",
];

/// Chunks: sizes, extensions, data and trailers that two readers could see differently.
fn chunks() -> Vec<Row> {
    let mut rows: Vec<Row> = SIZES
        .iter()
        .map(|size| {
            row("chunk size", size, post(CHUNKED, &format!("{size}\r\nabc\r\n0\r\n\r\n")), Want::Refused)
        })
        .collect();
    for control in controls() {
        let body = format!("3{control}\r\nabc\r\n0\r\n\r\n");
        rows.push(row("chunk size", &format!("3{control}"), post(CHUNKED, &body), Want::Refused));
        let body = format!("3;a{control}b\r\nabc\r\n0\r\n\r\n");
        rows.push(row("chunk extension", &format!("{control}"), post(CHUNKED, &body), Want::Refused));
    }
    let long = format!("3;{}\r\nabc\r\n0\r\n\r\n", "a".repeat(65_536));
    let trailers = format!("3\r\nabc\r\n0\r\n{}\r\n", "X: y\r\n".repeat(5_000));
    let ones = format!("{}0\r\n\r\n", "1\r\nx\r\n".repeat(500));
    for (name, body, want) in [
        ("a bare LF after the size", "3\nabc\r\n0\r\n\r\n", Want::Refused),
        ("a bare LF after data", "3\r\nabc\n0\r\n\r\n", Want::Refused),
        ("no end of data", "3\r\nabc0\r\n\r\n", Want::Refused),
        ("another end of data", "3\r\nabcXX0\r\n\r\n", Want::Refused),
        ("more data", "3\r\nabcdef\r\n0\r\n\r\n", Want::Refused),
        ("less data", "5\r\nabc\r\n0\r\n\r\n", Want::Safe),
        ("a bare LF after the last size", "3\r\nabc\r\n0\n\r\n", Want::Refused),
        ("bare LF at the end", "3\r\nabc\r\n0\r\n\n", Want::Refused),
        ("no end", "3\r\nabc\r\n0\r\n", Want::Safe),
        ("a request in an extension", "2;\nxx\r\n2c\r\n{S}0\r\n\r\n", Want::Refused),
        ("CR CR", "5\r\r;ABCD\r\n34\r\nE\r\n0\r\n\r\n{S}", Want::Refused),
        ("an extension", "3;a=\"b c\"\r\nabc\r\n0;x\r\n\r\n", Want::Served("abc")),
        ("a long extension", &long, Want::Safe),
        ("2000 trailers", &trailers, Want::Safe),
        ("a byte each", &ones, Want::Safe),
        ("fifteen digits", "000000000000003\r\nabc\r\n0\r\n\r\n", Want::Served("abc")),
        ("a trailer without a colon", "3\r\nabc\r\n0\r\nXT\r\n\r\n", Want::Refused),
        ("a space in a trailer's name", "3\r\nabc\r\n0\r\nX T: 1\r\n\r\n", Want::Refused),
        ("a folded trailer", "3\r\nabc\r\n0\r\nXT: a\r\n b\r\n\r\n", Want::Refused),
        ("a request as trailers", "3\r\nabc\r\n0\r\n{S}", Want::Refused),
        ("a length in the trailers", "3\r\nabc\r\n0\r\nContent-Length: 5\r\n\r\n", Want::Safe),
        ("a host in the trailers", "3\r\nabc\r\n0\r\nHost: evil\r\n\r\n", Want::Safe),
        ("garbage behind it", "0\r\n\r\n\u{0}\u{1}\u{2}", Want::Safe),
        ("no chunks but a request", "INVALID\r\n{S}", Want::Refused),
    ] {
        rows.push(row("chunks", name, post(CHUNKED, body), want));
    }
    rows
}
