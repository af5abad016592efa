//! A function stands in the upstream's place: it is handed what the upstream would be sent, and its answer
//! goes the upstream's way.
//!
//! There is nothing to go on to without it: a function that fails is answered for by its failure, whatever
//! the policy of its assignment says.

use std::rc::Rc;
use std::sync::Arc;

use http::header::{CONNECTION, CONTENT_LENGTH, TE, UPGRADE};
use http::{HeaderMap, HeaderValue, Uri};
use http_body::Body;
use tokio::time::Instant;

use super::body::{FunctionBody, Patience, RequestBody, Upload, UpstreamBody};
use super::error::{Page, ProxyError};
use super::finish::{Ending, Running};
use super::forward::{self, Answered};
use super::handle::Matched;
use super::headers::{self, Forwarded};
use super::response_phase::Outcome;
use crate::exchange::Exchange;
use crate::plugin_host::{Assignment, Direction, FunctionHead, FunctionRequest};

/// The host of a request that names none.
const NO_HOST: &str = "localhost";

/// Calls the function, and waits for the head of its answer.
///
/// # Errors
///
/// If the request's body breaks off or is too long, or a plugin stops it.
pub(super) async fn send(
    ending: &mut Ending,
    matched: &Matched,
    upload: Upload,
    function: Arc<Assignment>,
) -> Result<Outcome, ProxyError> {
    let client = Rc::clone(&ending.client);
    let Running { exchange, chain, run } = ending.running.as_mut().ok_or(ProxyError::NoService)?;
    let filter = chain.filter(Direction::Request, run, exchange);
    let target = forward::target(exchange, matched)?;
    exchange.upstream_path = Some(target.clone());
    let patience = Patience { write: function.wall(), read: function.wall() };
    let body = RequestBody::new(upload, filter, Rc::clone(&client), patience);
    let host = exchange.target.host.as_deref().unwrap_or_else(|| exchange.authority());
    let host = if host.is_empty() { NO_HOST } else { host };
    let uri = Uri::builder().scheme(exchange.peer.scheme.as_str()).authority(host).path_and_query(target);
    let uri = uri.build().map_err(|_| ProxyError::BadRequest("the target is not a valid URL"))?;
    let host = HeaderValue::from_str(host).map_err(|_| ProxyError::BadRequest("invalid Host"))?;
    let mut fields = HeaderMap::new();
    let route = Forwarded { host: &host, prefix: matched.prefix.as_deref() };
    headers::to_upstream(exchange, &client.headers, &route, &mut fields);
    for hop in [CONNECTION, TE, UPGRADE] {
        fields.remove(hop);
    }
    fields.extend(
        body.size_hint().exact().filter(|length| *length > 0).map(|length| (CONTENT_LENGTH, length.into())),
    );
    let asked = FunctionRequest {
        id: exchange.id,
        scheme: exchange.peer.scheme,
        method: forward::method(exchange).clone(),
        uri,
        headers: fields,
        size: body.size_hint(),
    };
    exchange.timing.upstream_sent = Some(Instant::now());
    let called = client.worker.instances.call_function(&function, asked);
    let answered = match called {
        Ok(call) => {
            let mut body = FunctionBody::new(&client, (Arc::clone(&function), exchange.id), (call, body));
            body.head().await?.map(|head| answered(exchange, head, body))
        }
        Err(failure) => Err(failure),
    };
    client.deadline.disarm();
    Ok(match answered {
        Ok(answered) => Outcome::Proxied(answered),
        Err(failure) => {
            let time = exchange.timing.upstream_sent.map(|sent| sent.elapsed()).unwrap_or_default();
            client.worker.instances.function_ended(&function, &exchange.id, (Err(&failure), time));
            Outcome::Local(failure.answer(), Page::Kong)
        }
    })
}

fn answered(exchange: &mut Exchange, head: FunctionHead, mut body: FunctionBody) -> Answered {
    exchange.timing.upstream_answered = Some(Instant::now());
    let FunctionHead { status, mut headers } = head;
    headers::from_upstream(&mut headers);
    // What is sent is framed anew: by the length if the guest says it, and keeps to it.
    let length = headers.remove(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    body.expect(length);
    Answered { status, headers, body: UpstreamBody::of_function(body), held: None }
}
