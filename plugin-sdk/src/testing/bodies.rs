//! The phases of bodies, as a test calls them.

use crate::{
    BeforeRouting, Chunk, Failure, Header, HeaderOp, Inputs, Phase, RequestBody, RequestBodyVerdict,
    RequestStream, RequestTrailers, ResponseBody, ResponseBodyVerdict, ResponseStream, ResponseTrailers,
    RoutingVerdict,
};

use super::{Headers, Host, Request, Response, Tester};

/// What a call with a whole body led to.
#[derive(Debug)]
pub struct BodyOutcome<V> {
    /// The verdict as it was given.
    pub verdict: Result<V, Failure>,
    /// The headers of the message after the edits.
    pub headers: Headers,
    /// The body after the verdict.
    pub body: Vec<u8>,
}

impl<P: RequestBody> Tester<P> {
    /// Calls the request body phase with a body, and what the head phase carried over.
    pub fn request_body(&mut self, request: &Request, body: &[u8]) -> BodyOutcome<RequestBodyVerdict> {
        Host::with(|host| host.body = body.to_vec());
        let verdict = self.plugin.on_request_body(self.carry.as_deref());
        let mut outcome = BodyOutcome { verdict, headers: request.headers().clone(), body: body.to_vec() };
        if let Ok(RequestBodyVerdict::Proceed(proceed)) = &outcome.verdict {
            proceed.identity.iter().for_each(|identity| outcome.headers.announce(identity));
            outcome.headers.apply(&proceed.edits);
            outcome.body = proceed.body.clone().unwrap_or(outcome.body);
            self.carry = proceed.carry.clone().or(self.carry.take());
        }
        outcome
    }
}

impl<P: ResponseBody> Tester<P> {
    /// Calls the response body phase with a body, and what earlier phases carried over.
    pub fn response_body(&mut self, response: &Response, body: &[u8]) -> BodyOutcome<ResponseBodyVerdict> {
        Host::with(|host| host.body = body.to_vec());
        let verdict = self.plugin.on_response_body(self.carry.as_deref());
        let mut outcome = BodyOutcome { verdict, headers: response.headers().clone(), body: body.to_vec() };
        if let Ok(ResponseBodyVerdict::Proceed(proceed)) = &outcome.verdict {
            outcome.headers.apply(&proceed.edits);
            outcome.body = proceed.body.clone().unwrap_or(outcome.body);
        }
        outcome
    }
}

impl<P: RequestStream> Tester<P> {
    /// Puts chunks through the request stream phase, the last of them as the last.
    ///
    /// # Errors
    ///
    /// What the plugin said when it broke the body off.
    pub fn request_chunks(&mut self, chunks: &[&[u8]]) -> Result<Vec<u8>, String> {
        through(chunks, |chunk, last| self.plugin.on_request_chunk(chunk, last))
    }
}

impl<P: ResponseStream> Tester<P> {
    /// Puts chunks through the response stream phase, the last of them as the last.
    ///
    /// # Errors
    ///
    /// What the plugin said when it broke the body off.
    pub fn response_chunks(&mut self, chunks: &[&[u8]]) -> Result<Vec<u8>, String> {
        through(chunks, |chunk, last| self.plugin.on_response_chunk(chunk, last))
    }
}

impl<P: RequestTrailers> Tester<P> {
    /// Calls the request trailers phase.
    pub fn request_trailers(&mut self, trailers: &[Header]) -> Vec<HeaderOp> {
        self.plugin.on_request_trailers(trailers)
    }
}

impl<P: ResponseTrailers> Tester<P> {
    /// Calls the response trailers phase.
    pub fn response_trailers(&mut self, trailers: &[Header]) -> Vec<HeaderOp> {
        self.plugin.on_response_trailers(trailers)
    }
}

impl<P: BeforeRouting> Tester<P> {
    /// Calls the phase before routing.
    ///
    /// # Errors
    ///
    /// What the plugin answered.
    pub fn before_routing(&mut self, request: &Request) -> Result<RoutingVerdict, Failure> {
        let inputs = self.inputs(Phase::BeforeRouting).unwrap_or_default();
        let values = inputs.iter().map(|input| request.answer(input)).collect();
        self.plugin.on_before_routing(&Inputs::new(values))
    }
}

fn through(chunks: &[&[u8]], mut call: impl FnMut(Vec<u8>, bool) -> Chunk) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let mut rest = chunks.iter();
    while let Some(chunk) = rest.next() {
        match call(chunk.to_vec(), rest.len() == 0) {
            Chunk::Forward => out.extend_from_slice(chunk),
            Chunk::Replace(bytes) => out.extend(bytes),
            Chunk::Drop => {}
            Chunk::ForwardRest => {
                out.extend_from_slice(chunk);
                rest.by_ref().for_each(|chunk| out.extend_from_slice(chunk));
            }
            Chunk::Abort(why) => return Err(why),
        }
    }
    Ok(out)
}
