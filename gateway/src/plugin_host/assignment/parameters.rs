//! The parameters of one grant: each is taken once, and what is left at the end is a mistake.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::plugin_host::AssignError;
use crate::shared::{RedisSettings, Wanted};

/// Parameters that nobody has taken yet.
pub(super) struct Parameters {
    capability: String,
    values: Map<String, Value>,
    /// Private addresses are open: the operator wrote the very host.
    pub(super) trusted: bool,
}

impl Parameters {
    pub(super) fn new(capability: &str, values: Map<String, Value>, trusted: bool) -> Self {
        Self { capability: capability.to_owned(), values, trusted }
    }

    pub(super) fn wrong(&self, reason: String) -> AssignError {
        AssignError::Sandbox { field: format!("grants.{}", self.capability), reason }
    }

    /// Takes a list of texts that must be there. A null in it, which is a reference to a field that is
    /// not configured, grants nothing.
    pub(super) fn texts(&mut self, field: &str) -> Result<Vec<String>, AssignError> {
        let list = self.maybe_texts(field)?;
        list.ok_or_else(|| self.wrong(format!("expected a list of strings in `{field}`")))
    }

    /// Takes a list of texts.
    pub(super) fn maybe_texts(&mut self, field: &str) -> Result<Option<Vec<String>>, AssignError> {
        let items = match self.values.remove(field) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(self.wrong(format!("expected a list of strings in `{field}`"))),
        };
        let text = |item: Value| match item {
            Value::String(text) => Ok(text),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                Err(self.wrong(format!("`{field}` may only hold strings")))
            }
        };
        items.into_iter().filter(|item| !item.is_null()).map(text).collect::<Result<_, _>>().map(Some)
    }

    /// Takes a name: a word that can be part of a key.
    pub(super) fn name(&mut self, field: &str) -> Result<Option<String>, AssignError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        match self.values.remove(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(name)) if (1..=64).contains(&name.len()) && name.bytes().all(plain) => {
                Ok(Some(name))
            }
            Some(_) => {
                Err(self.wrong(format!("`{field}` is a word of up to 64 letters, digits, `-`, `_` and `.`")))
            }
        }
    }

    /// Takes a whole number between 1 and `most`.
    pub(super) fn number(&mut self, field: &str, unsaid: u64, most: u64) -> Result<u64, AssignError> {
        match self.values.remove(field) {
            None | Some(Value::Null) => Ok(unsaid),
            Some(value) => {
                let number = value.as_u64().filter(|number| (1..=most).contains(number));
                number.ok_or_else(|| self.wrong(format!("`{field}` is a whole number from 1 to {most}")))
            }
        }
    }

    /// Takes a switch.
    pub(super) fn flag(&mut self, field: &str) -> Result<bool, AssignError> {
        match self.values.remove(field) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(self.wrong(format!("`{field}` is true or false"))),
        }
    }

    /// Takes where nodes share something: `Some(None)` is wherever this gateway can. `None` is nowhere: the plugin
    /// counts on its node (`local`), by its own configuration.
    ///
    /// A plugin of the gateway itself may use Kong's words, and bring a server of its own.
    pub(super) fn backend(&mut self) -> Result<Option<Option<Wanted>>, AssignError> {
        let server = self.server()?;
        let word = match self.values.remove("backend") {
            None | Some(Value::Null) => return Ok(Some(None)),
            Some(Value::String(word)) => word,
            Some(_) => String::new(),
        };
        match (word.as_str(), server) {
            ("redis", Some(settings)) => Ok(Some(Some(Wanted::Server(Box::new(settings))))),
            ("redis", None) => Ok(Some(Some(Wanted::Redis))),
            ("database", _) => Ok(Some(Some(Wanted::Database))),
            ("cluster", _) if self.trusted => Ok(Some(Some(Wanted::Database))),
            ("local", _) if self.trusted => Ok(None),
            (_, _) => Err(self.wrong("`backend` is one of: redis, database".to_owned())),
        }
    }

    /// Takes a server of Redis, as Kong's plugins describe it; none without a `host`.
    fn server(&mut self) -> Result<Option<RedisSettings>, AssignError> {
        if !self.trusted {
            return Ok(None);
        }
        let Some(Value::Object(server)) = self.values.remove("server") else { return Ok(None) };
        let text = |field: &str| server.get(field).and_then(Value::as_str).map(str::to_owned);
        let number = |field: &str, unsaid: u64| server.get(field).and_then(Value::as_u64).unwrap_or(unsaid);
        let flag = |field: &str| server.get(field).and_then(Value::as_bool).unwrap_or_default();
        let Some(host) = text("host").filter(|host| !host.is_empty()) else { return Ok(None) };
        let wrong = |field: &str| self.wrong(format!("`server.{field}` is out of range"));
        Ok(Some(RedisSettings {
            host,
            port: u16::try_from(number("port", 6379)).map_err(|_| wrong("port"))?,
            username: text("username").filter(|name| !name.is_empty()),
            password: text("password").unwrap_or_default().into(),
            database: u32::try_from(number("database", 0)).map_err(|_| wrong("database"))?,
            ssl: flag("ssl"),
            ssl_verify: flag("ssl_verify"),
            timeout: Duration::from_millis(number("timeout", 2000).max(1)),
        }))
    }

    /// Takes a map of texts that must be there.
    pub(super) fn map(&mut self, field: &str) -> Result<Vec<(String, String)>, AssignError> {
        let Some(Value::Object(map)) = self.values.remove(field) else {
            return Err(self.wrong(format!("expected an object of strings in `{field}`")));
        };
        let pair = |(name, value)| match value {
            Value::String(text) => Ok((name, text)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                Err(self.wrong(format!("`{field}` may only hold strings")))
            }
        };
        map.into_iter().map(pair).collect()
    }

    /// Refuses what nobody took.
    pub(super) fn end(self) -> Result<(), AssignError> {
        let unknown: Vec<_> = self.values.keys().map(|name| format!("`{name}`")).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        Err(self.wrong(format!("unknown parameters: {}", unknown.join(", "))))
    }
}
