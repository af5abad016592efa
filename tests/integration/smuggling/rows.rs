//! The rows, by what they try, and how they are made.

use super::{Row, Want, bodies, heads};

pub(super) const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

pub(super) fn all() -> Vec<Row> {
    let parts = [bodies::all(), heads::all()];
    parts.into_iter().flatten().collect()
}

pub(super) fn row(class: &str, name: &str, text: String, want: Want) -> Row {
    Row { name: format!("{class}: {name:?}"), text, want }
}

pub(super) fn post(fields: &str, body: &str) -> String {
    format!("POST {{T}} HTTP/1.1\r\nHost: a\r\n{fields}\r\n{body}")
}

pub(super) fn get(fields: &str) -> String {
    format!("GET {{T}} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

/// All controls but tab, CR and LF, and DEL.
pub(super) fn controls() -> impl Iterator<Item = char> {
    (0_u8..32).chain([127]).map(char::from).filter(|control| !"\t\r\n".contains(*control))
}
