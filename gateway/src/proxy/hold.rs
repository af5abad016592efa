//! Collects a body for a plugin that wants to see it before its head goes on.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};

use super::body::{BodyError, Held, Upload, UpstreamBody, poll_client};
use super::connection::Client;
use super::error::ProxyError;
use super::finish::{Ending, Running};
use super::forward::Answered;
use crate::client::ClientError;
use crate::plugin_host::{CallFailure, Direction, Filter, Flow};

/// How collecting ended, if nothing broke.
enum Outcome {
    Whole,
    /// The body is longer than this.
    TooLong,
    /// The worker holds too much already.
    NoRoom,
}

/// Why a body could not be collected.
enum Broken {
    Body(BodyError),
    Plugin(CallFailure),
}

/// Collects the body of a request for one plugin after the other, until the chain has come to its end.
///
/// # Errors
///
/// If the body breaks off or is too long, or a plugin that has its chunks breaks it off.
pub(super) async fn request(ending: &mut Ending, most: u64, upload: &mut Upload) -> Result<Flow, ProxyError> {
    let client = Rc::clone(&ending.client);
    let mut flow = Flow::Collect(most);
    while let Flow::Collect(most) = flow {
        let most = within(&client, most);
        let outcome = collect_request(ending, most, upload, &client).await?;
        client.deadline.disarm();
        let Some(Running { exchange, chain, mut run }) = ending.running.take() else {
            return Ok(Flow::Continue);
        };
        let held = upload.held.as_mut();
        let mut bytes = held.as_ref().map(|held| held.bytes()).unwrap_or_default();
        let body = match outcome {
            Outcome::Whole => Ok(&mut bytes),
            Outcome::NoRoom => Err(CallFailure::Capacity),
            Outcome::TooLong => {
                ending.running = Some(Running { exchange, chain, run });
                return Err(ProxyError::TooLargeToHold);
            }
        };
        let whole = body.is_ok();
        let (exchange, next) =
            chain.on_request_body(&client.worker.instances, &mut run, exchange, body).await;
        if let (Some(held), true) = (held, whole) {
            held.replace(bytes);
        }
        ending.running = Some(Running { exchange, chain, run });
        flow = next;
    }
    Ok(flow)
}

/// What the operator lets a plugin have.
fn within(client: &Client, most: u64) -> usize {
    let limit = client.worker.settings.held_bodies.max_size;
    usize::try_from(most).unwrap_or(limit).min(limit)
}

async fn collect_request(
    ending: &mut Ending,
    most: usize,
    upload: &mut Upload,
    client: &Client,
) -> Result<Outcome, ProxyError> {
    let Upload { coming, held } = upload;
    if let Some(held) = held {
        let whole = coming.is_end_stream();
        return Ok(if held.len() > most {
            Outcome::TooLong
        } else if whole {
            Outcome::Whole
        } else {
            Outcome::NoRoom
        });
    }
    let Some(Running { exchange, chain, run }) = &mut ending.running else { return Ok(Outcome::Whole) };
    let filter = chain.stream_filter(Direction::Request, run, exchange);
    let filter = filter.filter(|_| !coming.is_end_stream());
    let known = coming.size_hint().exact().and_then(|length| usize::try_from(length).ok());
    let held = held.insert(Held::new(&client.worker.room));
    if known.is_some_and(|known| known > most) {
        return Ok(Outcome::TooLong);
    }
    held.expect(known.unwrap_or_default());
    let mut next = |cx: &mut Context<'_>| {
        let frame = poll_client(coming, client, cx);
        (frame, coming.is_end_stream())
    };
    let streams = filter.is_some();
    let collected = collect(&mut next, (held, most), filter, client).await;
    if let (Ok(Outcome::NoRoom), true) = (&collected, streams) {
        // Those who have seen the beginning could not see the rest.
        return Err(ProxyError::Plugin(CallFailure::Capacity));
    }
    collected.map_err(|broken| match broken {
        Broken::Plugin(failure) => ProxyError::Plugin(failure),
        Broken::Body(BodyError::TooLarge) => ProxyError::BodyTooLarge,
        Broken::Body(_) => ProxyError::BadRequest("the body breaks off"),
    })
}

/// Collects the body of a response. The inner result says why the plugin cannot have it; what was read
/// until then is held, and goes before the rest.
///
/// # Errors
///
/// If the body breaks off.
pub(super) async fn response(
    running: &mut Running,
    client: &Rc<Client>,
    most: u64,
    answered: &mut Answered,
) -> Result<Result<Bytes, CallFailure>, ProxyError> {
    let most = within(client, most);
    let Answered { body, held, .. } = answered;
    let outcome = match held {
        Some(held) if held.len() > most => Outcome::TooLong,
        Some(_) if body.is_end_stream() => Outcome::Whole,
        Some(_) => Outcome::NoRoom,
        None => collect_response(running, client, most, (body, held)).await?,
    };
    Ok(match outcome {
        Outcome::Whole => Ok(held.as_ref().map(Held::bytes).unwrap_or_default()),
        Outcome::TooLong => Err(CallFailure::BodyTooLarge),
        Outcome::NoRoom => Err(CallFailure::Capacity),
    })
}

async fn collect_response(
    running: &mut Running,
    client: &Rc<Client>,
    most: usize,
    (body, held): (&mut UpstreamBody, &mut Option<Held>),
) -> Result<Outcome, ProxyError> {
    let known = body.size_hint().exact().and_then(|length| usize::try_from(length).ok());
    if known.is_some_and(|known| known > most) {
        return Ok(Outcome::TooLong);
    }
    let filter = running.chain.stream_filter(Direction::Response, &mut running.run, &running.exchange);
    let filter = filter.filter(|_| !body.is_end_stream());
    let held = held.insert(Held::new(&client.worker.room));
    held.expect(known.unwrap_or_default());
    let mut next = |cx: &mut Context<'_>| {
        let frame = body.poll_frame(client, cx);
        (frame, body.is_end_stream())
    };
    let streams = filter.is_some();
    let collected = collect(&mut next, (held, most), filter, client).await;
    match (&collected, streams) {
        // Those who have seen the beginning could not see the rest.
        (Ok(Outcome::TooLong), true) => return Err(ProxyError::Plugin(CallFailure::BodyTooLarge)),
        (Ok(Outcome::NoRoom), true) => return Err(ProxyError::Plugin(CallFailure::Capacity)),
        (Ok(Outcome::Whole | Outcome::TooLong | Outcome::NoRoom) | Err(_), _) => {}
    }
    collected.map_err(|broken| match broken {
        Broken::Plugin(failure) => ProxyError::Plugin(failure),
        Broken::Body(BodyError::UpstreamTimeout) => ProxyError::UpstreamTimeout,
        Broken::Body(BodyError::Upstream(error)) => ProxyError::Upstream(ClientError::Response(error)),
        Broken::Body(_) => ProxyError::BadRequest("the request's body breaks off"),
    })
}

type Polled = Poll<Option<Result<Frame<Bytes>, BodyError>>>;

/// Reads a body to its end, or until it is too long.
async fn collect(
    next: &mut dyn FnMut(&mut Context<'_>) -> (Polled, bool),
    (held, most): (&mut Held, usize),
    mut filter: Option<Filter>,
    client: &Client,
) -> Result<Outcome, Broken> {
    let mut over = false;
    while !over {
        let (frame, last) = poll_fn(|cx| match next(cx) {
            (Poll::Ready(frame), last) => Poll::Ready((frame, last)),
            (Poll::Pending, _) => Poll::Pending,
        })
        .await;
        over = last || frame.is_none();
        let mut data = Bytes::new();
        match frame.transpose().map_err(Broken::Body)?.map(Frame::into_data) {
            Some(Ok(bytes)) => data = bytes,
            Some(Err(frame)) => {
                held.trail(frame.into_trailers().unwrap_or_default());
                over = true;
            }
            None => {}
        }
        if let Some(filter) = &mut filter {
            client.deadline.disarm();
            data = filter.chunk(&client.worker.instances, data, over).await.map_err(Broken::Plugin)?;
        }
        let room = held.add(&data);
        if held.len() > most || !room {
            held.complete();
            return Ok(if room { Outcome::TooLong } else { Outcome::NoRoom });
        }
    }
    if let Some(filter) = &mut filter {
        filter.end(&client.worker.instances);
    }
    held.complete();
    Ok(Outcome::Whole)
}
