//! Kong's `request-transformer`: changes headers, query, path and method on the way to the upstream.
//!
//! Templates are compiled when the plugin is configured. Bodies are deliberately left alone yet:
//! `configure` says so, and a method without a body does not move form fields into the query.

mod config;
mod headers;
mod query;
mod template;

#[cfg(test)]
mod tests;

pub use config::{Change, Config, Remove, Replace};

use weir_plugin_sdk::{
    About, ConfigProblem, Failure, Input, InputList, Inputs, Plugin, Proceed, RequestHead, RequestVerdict,
    Setup, Slot,
};

use headers::HeaderEdits;
use query::QueryEdits;
use template::Template;

/// The plugin, configured for one assignment.
pub struct RequestTransformer {
    uri: Option<Template>,
    method: Option<String>,
    headers: HeaderEdits,
    query: QueryEdits,
    /// Read only if something may change it.
    current_query: Option<Slot>,
}

impl Plugin for RequestTransformer {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(801)
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        let mut problems = config.problems();
        let mut inputs = InputList::new();
        let uri = config.replace.uri.as_deref().map(|uri| Template::compile(uri, &mut inputs)).transpose();
        let uri = uri.unwrap_or_else(|message| {
            problems.push(ConfigProblem::new("/replace/uri", &message));
            None
        });
        let headers = HeaderEdits::compile(&config, &mut inputs, &mut problems);
        let query = QueryEdits::compile(&config, &mut inputs, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        let uri_has_query = config.replace.uri.is_some_and(|uri| uri.contains('?'));
        let current_query = (!query.is_empty() || uri_has_query).then(|| inputs.want(Input::Query));
        let plugin = Self { uri, method: config.http_method, headers, query, current_query };
        Ok((plugin, Setup::new().request_head(inputs)))
    }
}

impl RequestHead for RequestTransformer {
    fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        let mut proceed = Proceed::new().without_response().edits(self.headers.edits(inputs));
        let current = self.current_query.and_then(|slot| inputs.text(slot)).unwrap_or_default();
        let (path, query) = self.uri(inputs, current);
        if let Some(path) = path {
            proceed = proceed.target(|target| target.path = Some(path));
        }
        if let Some(query) = self.query(query, current, inputs) {
            proceed = proceed.target(|target| target.query = Some(query));
        }
        if let Some(method) = &self.method {
            proceed = proceed.target(|target| target.method = Some(method.clone()));
        }
        if let Some(host) = self.headers.host(inputs) {
            proceed = proceed.target(|target| target.host = Some(host));
        }
        Ok(proceed.into())
    }
}

weir_plugin_sdk::export!(RequestTransformer: request_head);

impl RequestTransformer {
    /// The new path, and the query if the path brought one: it comes before the caller's own.
    fn uri(&self, inputs: &Inputs, current: &str) -> (Option<String>, Option<String>) {
        let Some(template) = &self.uri else {
            return (None, None);
        };
        let uri = printable(&template.render(inputs));
        let (path, query) =
            uri.split_once('?').map_or((uri.as_str(), None), |(path, query)| (path, Some(query)));
        let slash = if path.starts_with('/') { "" } else { "/" };
        let query = query
            .map(|query| if current.is_empty() { query.to_owned() } else { format!("{query}&{current}") });
        (Some(format!("{slash}{path}")), query)
    }

    fn query(&self, from_uri: Option<String>, current: &str, inputs: &Inputs) -> Option<String> {
        if self.query.is_empty() {
            return from_uri;
        }
        let before = from_uri.as_deref().unwrap_or(current);
        Some(self.query.edited(before, inputs)).filter(|after| from_uri.is_some() || after != current)
    }
}

/// Percent-encodes what cannot stand in a request line.
fn printable(uri: &[u8]) -> String {
    let mut text = String::with_capacity(uri.len());
    for byte in uri {
        match byte {
            b'!'..=b'~' if *byte != b'#' => text.push(char::from(*byte)),
            _ => {
                let digit =
                    |value: u8| char::from_digit(value.into(), 16).unwrap_or('0').to_ascii_uppercase();
                text.extend(['%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
    text
}
