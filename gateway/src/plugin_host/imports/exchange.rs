//! `exchange`: more of the running exchange than the declared inputs.

use wasmtime::Result;

use crate::plugin_host::bindings::weir::plugin::exchange::Host;
use crate::plugin_host::bindings::weir::plugin::types::{Header, Input, Value};
use crate::plugin_host::guest::{CallState, Held};
use crate::plugin_host::inputs::Reader;

/// Values that one call of `get-many` may ask for.
const MAX_WANTED: usize = 256;

impl Host for CallState {
    fn get_many(&mut self, what: Vec<Input>) -> Result<Vec<Value>> {
        self.charge()?;
        if what.len() > MAX_WANTED {
            return Err(wasmtime::Error::msg("`get-many` answers 256 values at most"));
        }
        let Some(exchange) = &self.exchange else {
            return Ok(what.iter().map(|_| Value::Absent).collect());
        };
        let in_response = exchange.response.is_some();
        let reader = Reader::new(exchange, in_response, self.core.services.deps.log_record);
        Ok(what.iter().map(|input| owned(reader.read(input))).collect())
    }

    fn attribute(&mut self, key: String) -> Result<Option<String>> {
        self.charge()?;
        let exchange = self.exchange.as_ref();
        Ok(exchange.and_then(|exchange| exchange.attributes.get(&key)).map(str::to_owned))
    }

    fn set_attribute(&mut self, mut key: String, mut value: String) -> Result<()> {
        self.charge()?;
        // The access log shows attributes.
        [&mut key, &mut value].into_iter().for_each(|text| self.core.grants.secrets.redact(text));
        let Some(exchange) = &mut self.exchange else { return Ok(()) };
        let left = self.attributes.checked_sub(key.len() + value.len());
        let kept = left.is_some() && exchange.attributes.set(key, value).is_ok();
        if kept {
            self.attributes = left.unwrap_or_default();
        } else if let Some(left_out) = self.core.report() {
            let plugin = self.core.plugin.info.name.as_str();
            tracing::warn!(
                plugin,
                left_out,
                "an attribute was dropped: the plugin or the request has too many"
            );
        }
        Ok(())
    }

    fn groups(&mut self) -> Result<Vec<String>> {
        self.charge_repeatable(1)?;
        let groups = self.exchange.as_ref().map(|exchange| exchange.groups()).unwrap_or_default();
        self.basis.note_groups(groups);
        Ok(groups.to_vec())
    }

    fn budget_left(&mut self) -> Result<u64> {
        self.charge()?;
        Ok(self.budget.saturating_sub(self.ticks) * 1000)
    }
}

fn owned(held: Held) -> Value {
    match held {
        Held::Absent => Value::Absent,
        Held::Static(text) => Value::Text(text.to_owned()),
        Held::Text(text) => Value::Text(text.into()),
        Held::Record(text) => Value::Text(text),
        Held::Path(uri) => Value::Text(uri.path().to_owned()),
        Held::Query(uri) => uri.query().map_or(Value::Absent, |query| Value::Text(query.to_owned())),
        Held::Id(id) => Value::Text(id.as_str().to_owned()),
        Held::Bytes(bytes) => Value::Bytes(bytes.into()),
        Held::Header(value) => Value::Bytes(value.as_bytes().to_owned()),
        Held::Number(number) => Value::Number(number),
        Held::Headers(all) => {
            let header = |(name, value): (http::HeaderName, http::HeaderValue)| Header {
                name: name.as_str().to_owned(),
                value: value.as_bytes().to_owned(),
            };
            Value::Headers(all.into_iter().map(header).collect())
        }
        Held::Values(name, all) => {
            let header = |value: bytes::Bytes| Header { name: name.to_string(), value: value.into() };
            Value::Headers(all.into_iter().map(header).collect())
        }
    }
}
