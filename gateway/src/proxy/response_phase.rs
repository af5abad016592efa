//! The response head is there: edits that wait for it, the plugins' response phases, and the way out.

use std::rc::Rc;

use bytes::Bytes;
use http::header::{self, Entry};
use http::{HeaderMap, Method, Response, StatusCode};
use tokio::time::Instant;

use super::error::{Page, ProxyError};
use super::finish::{Ending, Running};
use super::forward::Answered;
use super::{ResponseBody, headers, hold, respond, server_timing, tunnel};
use crate::exchange::{self, AnswerBody, Exchange, LocalAnswer, ResponseHead};
use crate::plugin_host::{CallFailure, Direction, ResponseFlow};

/// How an exchange was answered.
#[expect(
    clippy::large_enum_variant,
    reason = "it lives for a moment on the stack; a box would cost every request an allocation"
)]
pub(super) enum Outcome {
    Proxied(Answered),
    Local(LocalAnswer, Page),
}

/// Applies the edits that wait for the head, and asks the plugins.
pub(super) async fn run(ending: &mut Ending, outcome: Outcome) -> Outcome {
    let Some(mut running) = ending.running.take() else { return outcome };
    let (mut outcome, upstream_status, status, headers) = match outcome {
        Outcome::Proxied(mut answered) => {
            let headers = std::mem::take(&mut answered.headers);
            let status = answered.status;
            (Outcome::Proxied(answered), Some(status), status, headers)
        }
        Outcome::Local(mut answer, page) => {
            let headers = std::mem::take(&mut answer.headers);
            let status = answer.status;
            (Outcome::Local(answer, page), None, status, headers)
        }
    };
    let exchange = &mut running.exchange;
    exchange.response = Some(ResponseHead { status, headers, upstream_status });
    let edits = std::mem::take(&mut exchange.response_edits);
    if let Some(response) = &mut exchange.response {
        exchange::apply(edits, &mut response.headers);
    }
    if !running.chain.is_empty() {
        let Running { exchange, chain, mut run } = running;
        let (exchange, flow) = chain.on_response(&ending.client.worker.instances, &mut run, exchange).await;
        running = Running { exchange, chain, run };
        match flow {
            ResponseFlow::Continue => {}
            ResponseFlow::Replace(answer) => outcome = replaced(&mut running.exchange, answer, Page::Kong),
            ResponseFlow::Collect(most) => {
                // Boxed, because it is rare: it shall not make every request's future larger.
                ending.running = Some(running);
                return Box::pin(collected(ending, outcome, most)).await;
            }
        }
    }
    ending.running = Some(running);
    outcome
}

/// Another answer takes the place of the one that there was.
fn replaced(exchange: &mut Exchange, mut answer: LocalAnswer, page: Page) -> Outcome {
    let headers = std::mem::take(&mut answer.headers);
    let upstream_status = exchange.response.as_ref().and_then(|response| response.upstream_status);
    exchange.response = Some(ResponseHead { status: answer.status, headers, upstream_status });
    Outcome::Local(answer, page)
}

/// Collects the body for one plugin after the other, until the chain has come to its end.
async fn collected(ending: &mut Ending, mut outcome: Outcome, most: u64) -> Outcome {
    let client = Rc::clone(&ending.client);
    let mut flow = ResponseFlow::Collect(most);
    while let ResponseFlow::Collect(most) = flow {
        let Some(running) = &mut ending.running else { return outcome };
        let body = match body(running, &client, most, &mut outcome).await {
            Ok(body) => body,
            Err(error) => return replaced(&mut running.exchange, respond::from_error(&error), error.page()),
        };
        client.deadline.disarm();
        let Some(Running { exchange, chain, mut run }) = ending.running.take() else { return outcome };
        let instances = &client.worker.instances;
        let (exchange, next) = match body {
            None => {
                run.skip_body(Direction::Response);
                chain.on_response(instances, &mut run, exchange).await
            }
            Some(Err(failure)) => chain.on_response_body(instances, &mut run, exchange, Err(failure)).await,
            Some(Ok(mut bytes)) => {
                let answered = chain.on_response_body(instances, &mut run, exchange, Ok(&mut bytes)).await;
                put(&mut outcome, bytes);
                answered
            }
        };
        ending.running = Some(Running { exchange, chain, run });
        flow = next;
        if let (ResponseFlow::Replace(_), Some(running)) = (&flow, &mut ending.running)
            && let ResponseFlow::Replace(answer) = std::mem::replace(&mut flow, ResponseFlow::Continue)
        {
            outcome = replaced(&mut running.exchange, answer, Page::Kong);
        }
    }
    outcome
}

/// The body of the response; `None` for one that cannot have any.
async fn body(
    running: &mut Running,
    client: &Rc<super::connection::Client>,
    most: u64,
    outcome: &mut Outcome,
) -> Result<Option<Result<Bytes, CallFailure>>, ProxyError> {
    if is_bodiless(&running.exchange) {
        return Ok(None);
    }
    match outcome {
        Outcome::Proxied(answered) => hold::response(running, client, most, answered).await.map(Some),
        Outcome::Local(answer, page) => {
            let bytes = rendered(&mut running.exchange, answer, *page);
            let fits = bytes.len() as u64 <= most;
            Ok(Some(if fits { Ok(bytes) } else { Err(CallFailure::BodyTooLarge) }))
        }
    }
}

/// Whether the response cannot have a body (RFC 9110 section 6.4.1).
fn is_bodiless(exchange: &Exchange) -> bool {
    let status = exchange.response.as_ref().map(|response| response.status);
    let by_status = status.is_some_and(|status| {
        status.is_informational() || [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status)
    });
    by_status || exchange.request.method == Method::HEAD
}

/// Puts the body back that a plugin may have replaced.
fn put(outcome: &mut Outcome, bytes: Bytes) {
    match outcome {
        Outcome::Proxied(Answered { held: Some(held), .. }) => held.replace(bytes),
        Outcome::Proxied(_) => {}
        Outcome::Local(answer, _) => answer.body = AnswerBody::Raw(bytes),
    }
}

/// Writes a local answer's body, once; the head of the response follows.
fn rendered(exchange: &mut Exchange, answer: &mut LocalAnswer, page: Page) -> Bytes {
    if let Some(response) = &exchange.response {
        answer.status = response.status;
    }
    let bytes = respond::render(exchange, answer, page);
    let headers = std::mem::take(&mut answer.headers);
    if let Some(response) = &mut exchange.response {
        response.status = answer.status;
        response.headers.extend(headers);
    }
    answer.body = AnswerBody::Raw(bytes.clone());
    bytes
}

/// Puts head and body together; from here on the body carries the exchange.
pub(super) fn finish(mut ending: Ending, mut outcome: Outcome) -> Response<ResponseBody> {
    let client = Rc::clone(&ending.client);
    let Some(Running { exchange, chain, run }) = &mut ending.running else {
        return Response::new(ResponseBody::local(Bytes::new(), None, ending));
    };
    // Without plugins nothing has happened since the upstream answered that would be worth a look at the clock.
    let answered = exchange.timing.upstream_answered.filter(|_| chain.is_empty());
    exchange.timing.answered = answered.or_else(|| Some(Instant::now()));
    let filter = chain.filter(Direction::Response, run, exchange);
    let bytes = match &mut outcome {
        Outcome::Proxied(_) => None,
        Outcome::Local(answer, page) => Some(rendered(exchange, answer, *page)),
    };
    let mut status = StatusCode::INTERNAL_SERVER_ERROR;
    let mut head = HeaderMap::new();
    if let Some(response) = &mut exchange.response {
        status = response.status;
        head = std::mem::take(&mut response.headers);
    }
    let for_head = exchange.request.method == Method::HEAD;
    let held = match &outcome {
        Outcome::Proxied(answered) => answered.held.is_some(),
        Outcome::Local(..) => false,
    };
    if !is_bodiless(exchange) && (held || filter.as_ref().is_some_and(|filter| filter.changes_length())) {
        head.remove(header::CONTENT_LENGTH);
    }
    headers::to_client(exchange, bytes.is_none(), &client.worker.settings.headers, &mut head);
    let callers = &client.worker.settings.server_timing;
    if !callers.is_empty() {
        server_timing::add(exchange, chain.times(run), callers, &mut head);
    }
    if let Entry::Vacant(date) = head.entry(header::DATE) {
        date.insert(client.worker.date());
    }
    if let (Some(bytes), true) = (&bytes, for_head) {
        // Its length is announced also where the body itself is left out.
        head.insert(header::CONTENT_LENGTH, bytes.len().into());
    }
    if let (Some(response), true) = (&mut exchange.response, chain.logs()) {
        response.headers = head.clone();
    }
    let mut response = Response::new(match (outcome, bytes) {
        (Outcome::Proxied(answered), _) if status == StatusCode::SWITCHING_PROTOCOLS => {
            tunnel::promise(ending, answered, &mut head)
        }
        (Outcome::Proxied(Answered { body, held, .. }), _) => {
            ResponseBody::upstream(body, (held, filter), ending)
        }
        (Outcome::Local(..), bytes) => {
            ResponseBody::local(bytes.filter(|_| !for_head).unwrap_or_default(), filter, ending)
        }
    });
    *response.status_mut() = status;
    *response.headers_mut() = head;
    response
}
