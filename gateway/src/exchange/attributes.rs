//! Values that plugins leave for later plugins and for the log: few, small and bounded.

/// Key and value bytes that one exchange may hold.
const MAX_BYTES: usize = 16 * 1024;

/// A small ordered map: an exchange has a handful of attributes, so a scan beats hashing.
#[derive(Debug, Default)]
pub struct Attributes {
    entries: Vec<(String, String)>,
    bytes: usize,
}

/// Why an attribute was not kept.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("attributes of one request may hold {MAX_BYTES} bytes")]
pub struct AttributeError;

impl Attributes {
    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        let found = self.entries.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str())
    }

    /// Sets `key`, in place of an earlier value.
    ///
    /// # Errors
    ///
    /// [`AttributeError`] if the quota would be passed; the earlier value stays.
    pub fn set(&mut self, key: String, value: String) -> Result<(), AttributeError> {
        let at = self.entries.iter().position(|(name, _)| *name == key);
        let freed = at.and_then(|at| self.entries.get(at)).map_or(0, |(name, old)| name.len() + old.len());
        let bytes = self.bytes - freed + key.len() + value.len();
        if bytes > MAX_BYTES {
            return Err(AttributeError);
        }
        self.bytes = bytes;
        match at.and_then(|at| self.entries.get_mut(at)) {
            Some(entry) => entry.1 = value,
            None => self.entries.push((key, value)),
        }
        Ok(())
    }

    /// All of them, in the order in which they were first set.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quota_counts_replaced_values_once() {
        let mut attributes = Attributes::default();
        let big = "x".repeat(MAX_BYTES - 1);
        assert_eq!(attributes.set("k".into(), big.clone()), Ok(()));
        assert_eq!(attributes.set("k".into(), big), Ok(()), "replacing frees the old value");
        assert_eq!(attributes.set("l".into(), String::new()), Err(AttributeError));
        assert!(attributes.get("l").is_none());
    }
}
