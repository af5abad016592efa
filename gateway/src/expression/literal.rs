//! The right side of a comparison.

use std::net::IpAddr;

use super::cursor::Cursor;
use super::syntax::Value;
use super::{AddressBlock, ExpressionError};

/// Reads a text, a raw text, an address, a block of addresses or a number.
pub(super) fn literal(cursor: &mut Cursor<'_>) -> Result<Value, ExpressionError> {
    let rest = cursor.rest();
    if rest.starts_with('"') {
        return text(cursor).map(Value::Text);
    }
    if rest.starts_with("r#\"") {
        return raw_text(cursor).map(Value::Text);
    }
    if is_v4(rest) || is_v6(rest) {
        return address(cursor);
    }
    number(cursor)
}

fn text(cursor: &mut Cursor<'_>) -> Result<String, ExpressionError> {
    let begin = *cursor;
    cursor.take("\"");
    let mut text = String::new();
    loop {
        text.push_str(cursor.take_while(|letter| !matches!(letter, '"' | '\\')));
        if cursor.take("\"") {
            return Ok(text);
        }
        let escapes = [("\\\"", '"'), ("\\\\", '\\'), ("\\n", '\n'), ("\\r", '\r'), ("\\t", '\t')];
        match escapes.into_iter().find(|(escape, _)| cursor.take(escape)) {
            Some((_, letter)) => text.push(letter),
            None if cursor.is_at_end() => return Err(begin.expected("rhs")),
            None => return Err(cursor.expected("str_esc or str_char")),
        }
    }
}

fn raw_text(cursor: &mut Cursor<'_>) -> Result<String, ExpressionError> {
    let begin = *cursor;
    cursor.take("r#\"");
    let rest = cursor.rest();
    let end = rest.find("\"#").ok_or_else(|| begin.expected("rhs"))?;
    cursor.advance(end + 2);
    Ok(rest.get(..end).unwrap_or_default().to_owned())
}

/// `1.` is enough: no other literal has a dot.
fn is_v4(rest: &str) -> bool {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    digits > 0 && rest.as_bytes().get(digits) == Some(&b'.')
}

/// `:` after a few hexadecimal digits, or at once.
fn is_v6(rest: &str) -> bool {
    let digits = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
    digits <= 4 && rest.as_bytes().get(digits) == Some(&b':')
}

fn address(cursor: &mut Cursor<'_>) -> Result<Value, ExpressionError> {
    let from = cursor.at();
    let text = cursor.take_while(|letter| letter.is_ascii_hexdigit() || matches!(letter, '.' | ':'));
    let address: Option<IpAddr> = text.parse().ok();
    let block = cursor.take("/").then(|| cursor.take_while(|letter| letter.is_ascii_digit()));
    let kind = if text.contains(':') { "IPv6" } else { "IPv4" };
    let address = address.ok_or_else(|| cursor.unusable(from, &format!("invalid {kind} address syntax")))?;
    let Some(bits) = block else { return Ok(Value::Address(address)) };
    let block = bits.parse().ok().and_then(|bits| AddressBlock::new(address, Some(bits)));
    let block = block.ok_or_else(|| cursor.unusable(from, "invalid length for network"))?;
    if block.begins_with(address) {
        Ok(Value::Block(block))
    } else {
        Err(cursor.unusable(from, "host part of address was not zero"))
    }
}

/// Decimal, `0x` and hexadecimal, or `0` and octal.
fn number(cursor: &mut Cursor<'_>) -> Result<Value, ExpressionError> {
    let begin = *cursor;
    let sign = if cursor.take("-") { -1 } else { 1 };
    let (radix, digits) = if cursor.take("0x") {
        (16, cursor.take_while(|letter| letter.is_ascii_hexdigit()))
    } else {
        let digits = cursor.take_while(|letter| letter.is_ascii_digit());
        let octal = digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|digit| digit < b'8');
        (if octal { 8 } else { 10 }, digits)
    };
    if digits.is_empty() {
        return Err(begin.expected("rhs"));
    }
    let number = i64::from_str_radix(digits, radix);
    let number = number.map_err(|error| cursor.unusable(begin.at(), &error.to_string()))?;
    Ok(Value::Number(sign * number))
}
