//! What a phase is handed: asked for once in `configure`, read by slot in each call.

use crate::bindings::imports::weir::plugin::types::{Header, Input, Value};

/// The inputs that one phase asks for. Each answer is read by the slot that [`want`] gave.
///
/// [`want`]: InputList::want
///
/// ```
/// use weir_plugin_sdk::{Input, InputList};
///
/// let mut inputs = InputList::new();
/// let method = inputs.want(Input::Method);
/// let api_key = inputs.want(Input::Header("x-api-key".into()));
/// assert_ne!(method, api_key);
/// ```
#[derive(Debug, Default, Clone)]
pub struct InputList(Vec<Input>);

/// The place of one input in its phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(usize);

impl InputList {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for `input`; one that was asked for before gives the same slot again.
    pub fn want(&mut self, input: Input) -> Slot {
        if let Some(at) = self.0.iter().position(|known| *known == input) {
            return Slot(at);
        }
        self.0.push(input);
        Slot(self.0.len() - 1)
    }

    pub(crate) fn into_inner(self) -> Vec<Input> {
        self.0
    }
}

/// What the host handed to one call.
#[derive(Debug, Clone, PartialEq)]
pub struct Inputs(Vec<Value>);

impl Inputs {
    pub(crate) fn new(values: Vec<Value>) -> Self {
        Self(values)
    }

    /// The raw value.
    pub fn get(&self, slot: Slot) -> &Value {
        self.0.get(slot.0).unwrap_or(&Value::Absent)
    }

    /// Whether there is a value at all, even an empty one.
    pub fn is_present(&self, slot: Slot) -> bool {
        !matches!(self.get(slot), Value::Absent)
    }

    /// The (first) value as text; `None` if it is absent, a number, or not UTF-8.
    pub fn text(&self, slot: Slot) -> Option<&str> {
        match self.get(slot) {
            Value::Text(text) => Some(text),
            Value::Bytes(_) | Value::Headers(_) => {
                self.bytes(slot).and_then(|bytes| std::str::from_utf8(bytes).ok())
            }
            Value::Absent | Value::Number(_) => None,
        }
    }

    /// The (first) value as bytes; `None` if it is absent or a number.
    pub fn bytes(&self, slot: Slot) -> Option<&[u8]> {
        match self.get(slot) {
            Value::Text(text) => Some(text.as_bytes()),
            Value::Bytes(bytes) => Some(bytes),
            Value::Headers(headers) => headers.first().map(|header| header.value.as_slice()),
            Value::Absent | Value::Number(_) => None,
        }
    }

    /// The value as a number.
    pub fn number(&self, slot: Slot) -> Option<u64> {
        match self.get(slot) {
            Value::Number(number) => Some(*number),
            Value::Absent | Value::Text(_) | Value::Bytes(_) | Value::Headers(_) => None,
        }
    }

    /// Every value of a header, query parameter or cookie, in order.
    pub fn all(&self, slot: Slot) -> impl Iterator<Item = &[u8]> {
        let (one, many) = match self.get(slot) {
            Value::Headers(headers) => (None, headers.as_slice()),
            Value::Absent | Value::Text(_) | Value::Bytes(_) | Value::Number(_) => {
                (self.bytes(slot), [].as_slice())
            }
        };
        one.into_iter().chain(many.iter().map(|header| header.value.as_slice()))
    }

    /// All headers, for [`Input::AllHeaders`].
    pub fn headers(&self, slot: Slot) -> &[Header] {
        match self.get(slot) {
            Value::Headers(headers) => headers,
            Value::Absent | Value::Text(_) | Value::Bytes(_) | Value::Number(_) => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_and_several_read_alike() {
        let header = |value: &str| Header { name: "x".into(), value: value.into() };
        let mut list = InputList::new();
        let one = list.want(Input::Header("x".into()));
        let many = list.want(Input::Header("y".into()));
        let gone = list.want(Input::Header("z".into()));
        assert_eq!(list.want(Input::Header("y".into())), many, "asked for twice, handed once");
        let values =
            vec![Value::Bytes(b"a".to_vec()), Value::Headers(vec![header("b"), header("c")]), Value::Absent];
        let inputs = Inputs::new(values);
        let all = |slot| {
            inputs.all(slot).map(|value| String::from_utf8_lossy(value).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(all(one), ["a"]);
        assert_eq!(all(many), ["b", "c"]);
        assert!(all(gone).is_empty());
        assert_eq!((inputs.text(one), inputs.text(many), inputs.text(gone)), (Some("a"), Some("b"), None));
    }
}
