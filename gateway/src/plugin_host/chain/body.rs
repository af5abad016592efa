//! A collected body goes to the plugin that asked for it, and the walk goes on behind it.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};

use super::call::{Caller, Said};
use super::named::Named;
use super::next::Next;
use super::run::Run;
use super::{Chain, Flow, Placement, ResponseFlow, settled};
use crate::exchange::{self, Exchange, LocalAnswer};
use crate::plugin_host::guest::verdict::{RequestBody, ResponseBody};
use crate::plugin_host::guest::{BodyWork, Outcome, RequestVerdict, ResponseVerdict, Work};
use crate::plugin_host::{Assignment, CallFailure, Direction, Instances, verify};

/// The body that was collected, or why there is none. A plugin may put another in its place.
pub type Collected<'b> = Result<&'b mut Bytes, CallFailure>;

impl Chain {
    /// Hands the body of the request to the plugin that asked for it, and goes on with the heads of
    /// those behind it.
    pub async fn on_request_body(
        &self,
        instances: &Instances,
        run: &mut Run,
        exchange: Box<Exchange>,
        body: Collected<'_>,
    ) -> (Box<Exchange>, Flow) {
        let (exchange, answer) = self.hand_over(instances, run, exchange, (Direction::Request, body)).await;
        match answer {
            Some(answer) => (exchange, Flow::Respond(*answer)),
            None => self.on_request(instances, run, exchange).await,
        }
    }

    /// The same for the response.
    pub async fn on_response_body(
        &self,
        instances: &Instances,
        run: &mut Run,
        exchange: Box<Exchange>,
        body: Collected<'_>,
    ) -> (Box<Exchange>, ResponseFlow) {
        let (exchange, answer) = self.hand_over(instances, run, exchange, (Direction::Response, body)).await;
        match answer {
            Some(answer) => (exchange, ResponseFlow::Replace(*answer)),
            None => self.on_response(instances, run, exchange).await,
        }
    }

    async fn hand_over(
        &self,
        instances: &Instances,
        run: &mut Run,
        mut exchange: Box<Exchange>,
        (direction, body): (Direction, Collected<'_>),
    ) -> (Box<Exchange>, Option<Box<LocalAnswer>>) {
        let at = run.turn(direction);
        *at += 1;
        let at = *at - 1;
        let (Some(slot), Some(state)) = (self.slots.get(at), run.slots.get_mut(at)) else {
            return (exchange, None);
        };
        let Some(Placement::Live(assignment)) = state.placement(slot, &exchange) else {
            return (exchange, None);
        };
        let caller = Caller { assignment, instances, phase: direction.body() };
        let result = match body {
            Err(failure) => {
                super::response::report(&assignment.core, &exchange.id, &failure);
                Err(failure)
            }
            Ok(body) => {
                let work = Work::Body(BodyWork::Whole(direction, body.clone(), state.carry.clone()));
                let settle = async |said: Said<'_>| settle(said, assignment, body).await;
                let (back, result) = caller.call(state, exchange, work, settle).await;
                exchange = back;
                result
            }
        };
        let answer = match settled(result, assignment.core.on_failure) {
            Next::Answer(answer) => Some(answer),
            Next::Go | Next::Collect(_) | Next::Stream(_) => None,
        };
        (exchange, answer)
    }
}

/// Checks a verdict whole, and only then applies it.
async fn settle(said: Said<'_>, assignment: &Arc<Assignment>, body: &mut Bytes) -> Result<Next, CallFailure> {
    let Said { outcome, kept: _, told, basis: _, exchange, state } = said;
    match outcome {
        Outcome::RequestBody(verdict) => {
            let RequestBody { edits, body: new, carry, identity } = match verdict {
                RequestVerdict::Proceed(proceed) => proceed,
                RequestVerdict::Respond(said) => return Next::answer(said),
            };
            let carry = verify::carry(carry).map_err(CallFailure::BadAnswer)?;
            let edits = verify::edits(edits).map_err(CallFailure::BadAnswer)?;
            let mut named = identity.map(|said| Named::read(assignment, *said.0, &told)).transpose()?;
            if let Some(named) = &mut named {
                named.be_introduced(assignment).await?;
            }
            replace(body, new, assignment, &mut exchange.request.headers)?;
            named.into_iter().for_each(|named| named.take_effect(exchange));
            exchange::apply(edits, &mut exchange.request.headers);
            state.carry = carry.or_else(|| state.carry.take());
        }
        Outcome::ResponseBody(verdict) => {
            let ResponseBody { status, edits, body: new } = match verdict {
                ResponseVerdict::Proceed(proceed) => proceed,
                ResponseVerdict::Replace(said) => return Next::answer(said),
            };
            let edits = verify::edits(edits).map_err(CallFailure::BadAnswer)?;
            let status = status.map(verify::status).transpose().map_err(CallFailure::BadAnswer)?;
            if let Some(head) = &mut exchange.response {
                replace(body, new, assignment, &mut head.headers)?;
                exchange::apply(edits, &mut head.headers);
                head.status = status.unwrap_or(head.status);
            }
        }
        Outcome::BeforeRouting(_)
        | Outcome::RequestHead(_)
        | Outcome::ResponseHead(_)
        | Outcome::Chunk(_)
        | Outcome::Trailers(_)
        | Outcome::Logged => return Err(CallFailure::BadAnswer("another phase's".into())),
    }
    Ok(Next::Go)
}

/// Puts another body in place. Its length goes into the head for the plugins that come later; what is
/// sent is framed anew anyway.
fn replace(
    body: &mut Bytes,
    new: Option<Vec<u8>>,
    assignment: &Assignment,
    head: &mut HeaderMap,
) -> Result<(), CallFailure> {
    let Some(new) = new else { return Ok(()) };
    if new.len() > assignment.core.services.max_body_bytes {
        return Err(CallFailure::BadAnswer("its body is larger than the gateway holds".into()));
    }
    head.remove(TRANSFER_ENCODING);
    head.insert(CONTENT_LENGTH, new.len().into());
    *body = new.into();
    Ok(())
}
