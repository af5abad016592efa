//! Kong's `request-transformer`: changes headers, query, body, path and method on the way to the upstream.
//!
//! Templates are compiled when the plugin is configured. A body is waited for only if there is a rule for bodies, and
//! its type is one that has fields. A method without a body does not move the fields of a form into the query: where a
//! request goes is settled before its body comes.

mod body;
mod config;
mod fields;
mod headers;
mod query;
mod template;

#[cfg(test)]
mod tests;

pub use config::{Change, Config, Remove, Replace};

use weir_plugin_sdk::{
    About, Answer, ConfigProblem, Failure, Input, InputList, Inputs, Phase, Plugin, Proceed, ProceedWithBody,
    Repeatable, RequestBody, RequestBodyVerdict, RequestHead, RequestVerdict, Setup, Slot,
};

use body::{BodyEdits, Carry, Edited};
use fields::FieldEdits;
use headers::HeaderEdits;
use template::Template;

/// What one call can hand to a later one.
const MOST_CARRIED: usize = 4 << 10;

/// The plugin, configured for one assignment.
pub struct RequestTransformer {
    uri: Option<Template>,
    method: Option<String>,
    headers: HeaderEdits,
    query: FieldEdits,
    body: Option<BodyEdits>,
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
        let query = FieldEdits::compile("querystring", config.query_rules(), &mut inputs, &mut problems);
        let body = BodyEdits::compile(&config, &mut inputs, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        let uri_has_query = config.replace.uri.is_some_and(|uri| uri.contains('?'));
        let current_query = (!query.is_empty() || uri_has_query).then(|| inputs.want(Input::Query));
        let setup = Setup::new().request_head(inputs);
        let setup = if body.is_some() { setup.request_body() } else { setup };
        Ok((Self { uri, method: config.http_method, headers, query, body, current_query }, setup))
    }
}

impl RequestHead for RequestTransformer {
    fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        let edits = self.headers.edits(inputs);
        let carry = self.body.as_ref().and_then(|body| body.prepare(&edits, inputs));
        let mut proceed = Proceed::new().without_response().edits(edits);
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
        let Some(carry) = carry else { return Ok(proceed.into()) };
        let carry = serde_json::to_vec(&carry).map_err(unreadable)?;
        if carry.len() > MOST_CARRIED {
            return Ok(refusal("The values for the body are too long", "long-values").into());
        }
        // How long a body may be is the operator's to say.
        Ok(proceed.carry(carry).buffer(u64::MAX).into())
    }
}

impl RequestBody for RequestTransformer {
    fn on_request_body(&mut self, carry: Option<&[u8]>) -> Result<RequestBodyVerdict, Failure> {
        let Some(body) = &self.body else { return Ok(ProceedWithBody::new().into()) };
        let carry: Carry = serde_json::from_slice(carry.unwrap_or_default()).map_err(unreadable)?;
        Ok(match body.edited(&weir_plugin_sdk::body::all(), &carry) {
            Edited::Not => ProceedWithBody::new().into(),
            Edited::To(after) => ProceedWithBody::new().replace(after).into(),
            Edited::Refused => refusal("A value for the body holds its boundary", "broken-part").into(),
        })
    }
}

impl Repeatable for RequestTransformer {
    const PHASES: &'static [Phase] = &[Phase::RequestHead];
}

weir_plugin_sdk::export!(RequestTransformer: repeatable, request_head, request_body);

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
        let after = query::edited(before.as_bytes(), &self.query.for_request(inputs));
        let after = String::from_utf8_lossy(&after).into_owned();
        Some(after).filter(|after| from_uri.is_some() || after != current)
    }
}

fn refusal(message: &str, reason: &str) -> Answer {
    Answer::new(400).message(message).reason(reason)
}

fn unreadable(error: serde_json::Error) -> Failure {
    Failure::permanent(format!("what the head left for the body: {error}"))
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
