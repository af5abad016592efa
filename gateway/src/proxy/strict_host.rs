//! What may stand in a Host header: `uri-host [ ":" port ]` (RFC 9110 section 7.2, RFC 3986 section
//! 3.2.2). Whether there is such a host is not decided here.

/// Whether a Host header is well-formed; an empty one is.
pub(super) fn is_host(value: &[u8]) -> bool {
    if let Some(rest) = value.strip_prefix(b"[") {
        let Some(end) = rest.iter().position(|byte| *byte == b']') else { return false };
        let (address, after) = rest.split_at(end);
        let address = std::str::from_utf8(address).unwrap_or_default();
        return address.parse::<std::net::Ipv6Addr>().is_ok() && is_port(after.get(1..).unwrap_or_default());
    }
    let end = value.iter().position(|byte| *byte == b':').unwrap_or(value.len());
    let (name, port) = value.split_at(end);
    name.iter().all(|byte| is_name(*byte)) && is_port(port)
}

/// A character of a registered name. The comma would be one too; but a Host with a comma is two that
/// somebody has joined.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+;=%".contains(&byte)
}

/// Nothing, or a colon and a number; the number may be missing (RFC 3986 section 3.2.3).
fn is_port(text: &[u8]) -> bool {
    let Some(digits) = text.strip_prefix(b":") else { return text.is_empty() };
    digits.iter().all(u8::is_ascii_digit)
        && (digits.is_empty()
            || std::str::from_utf8(digits).is_ok_and(|digits| digits.parse::<u16>().is_ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_with_or_without_a_port() {
        for (host, want) in [
            ("", true),
            ("example.com", true),
            ("example.com:", true),
            ("example.com:8000", true),
            ("EXAMPLE_1.com", true),
            ("192.0.2.1:80", true),
            ("[2001:db8::1]", true),
            ("[::1]:8000", true),
            ("%6cocalhost", true),
            ("example.com:80a", false),
            ("example.com:99999", false),
            ("example.com:80:81", false),
            ("[::1", false),
            ("[::1]x", false),
            ("[x]", false),
            ("::1", false),
            ("a, b", false),
            ("a,b", false),
            ("a/b", false),
            ("a?b", false),
            ("a#b", false),
            ("u@a", false),
            ("a\\b", false),
            ("a b", false),
            ("h\u{f6}st", false),
        ] {
            assert_eq!(is_host(host.as_bytes()), want, "{host:?}");
        }
    }
}
