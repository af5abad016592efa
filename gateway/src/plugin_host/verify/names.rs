//! Header names that plugins use, checked once for each thread.

use std::cell::RefCell;
use std::collections::HashMap;

use foldhash::fast::RandomState;
use http::HeaderName;

/// Names that a thread remembers. Plugins that make names up from requests get no further.
const MAX_KNOWN: usize = 512;
/// Bytes of a name that is worth remembering.
const MAX_LENGTH: usize = 64;

/// Headers that speak of the connection or of framing. The gateway writes them itself.
pub(super) const FORBIDDEN: [&str; 8] =
    ["connection", "content-length", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"];

thread_local! {
    static KNOWN: RefCell<HashMap<Box<[u8]>, HeaderName, RandomState>> = RefCell::default();
}

/// A name that a plugin may edit.
///
/// # Errors
///
/// What is wrong with it, for the operator's log.
pub(super) fn name(text: &[u8]) -> Result<HeaderName, String> {
    if let Some(known) = KNOWN.with_borrow(|known| known.get(text).cloned()) {
        return Ok(known);
    }
    let shown = || String::from_utf8_lossy(text.get(..64).unwrap_or(text)).into_owned();
    let name = HeaderName::from_bytes(text).map_err(|_| format!("{:?} is not a header name", shown()))?;
    if FORBIDDEN.contains(&name.as_str()) {
        return Err(format!("the header `{name}` belongs to the gateway"));
    }
    KNOWN.with_borrow_mut(|known| {
        if known.len() < MAX_KNOWN && text.len() <= MAX_LENGTH {
            known.insert(text.into(), name.clone());
        }
    });
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_bounded() {
        for number in 0..MAX_KNOWN + 10 {
            assert!(name(format!("x-{number}").as_bytes()).is_ok());
        }
        assert_eq!(KNOWN.with_borrow(HashMap::len), MAX_KNOWN);
        assert_eq!(
            name(b"X-1").as_ref().map(HeaderName::as_str),
            Ok("x-1"),
            "in capitals it is the same name"
        );
        assert!(name(b"upgrade").is_err() && name(b"upgrade").is_err(), "refused the second time too");
    }
}
