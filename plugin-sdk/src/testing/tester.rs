//! A configured plugin whose phases a test calls.

use serde_json::Value as Json;

use crate::bindings::base::exports::weir::plugin::lifecycle::{self, Phase};
use crate::{
    ConfigProblem, Failure, Input, Inputs, LocalResponse, Log, LogEntry, Plugin, RequestHead, RequestVerdict,
    ResponseHead, ResponseVerdict, Setup,
};

use super::{Headers, Request, Response};

/// A plugin, configured as for an assignment.
pub struct Tester<P> {
    pub(super) plugin: P,
    setup: lifecycle::Setup,
    pub(super) carry: Option<Vec<u8>>,
}

/// What a call to the request head phase led to.
#[derive(Debug)]
pub struct Outcome {
    /// The verdict as it was given.
    pub verdict: Result<RequestVerdict, Failure>,
    /// The request's headers after the edits.
    pub headers: Headers,
    /// The headers that the response would get.
    pub response_headers: Headers,
}

/// What a call to the response head phase led to.
#[derive(Debug)]
pub struct ResponseOutcome {
    /// The verdict as it was given.
    pub verdict: Result<ResponseVerdict, Failure>,
    /// The status after the verdict.
    pub status: u16,
    /// The response's headers after the edits.
    pub headers: Headers,
}

impl<P: Plugin> Tester<P> {
    /// Configures the plugin; defaults are those of serde.
    ///
    /// # Errors
    ///
    /// The problems that the plugin, or serde, has with the configuration.
    pub fn new(config: &Json) -> Result<Self, Vec<ConfigProblem>> {
        let config = serde_json::from_value(config.clone())
            .map_err(|error| vec![ConfigProblem::new("", &error.to_string())])?;
        let (plugin, setup) = P::configure(config)?;
        Ok(Self { plugin, setup: Setup::into_inner(setup), carry: None })
    }

    /// What `configure` asked for: phases, inputs, log batches.
    pub fn log_batch(&self) -> Option<&lifecycle::LogBatch> {
        self.setup.log_batch.as_ref()
    }

    /// The inputs that a phase is handed; `None` if it is not called.
    pub(super) fn inputs(&self, phase: Phase) -> Option<&[Input]> {
        let named = self.setup.phases.iter().find(|setup| setup.phase == phase);
        named.map(|setup| setup.inputs.as_slice())
    }
}

impl<P: RequestHead> Tester<P> {
    /// Calls the request head phase. A plugin that did not ask for it lets the request go on.
    pub fn request_head(&mut self, request: &Request) -> Outcome {
        let mut headers = request.headers().clone();
        let mut response_headers = Headers::default();
        let Some(inputs) = self.inputs(Phase::RequestHead) else {
            return Outcome { verdict: Ok(crate::Proceed::new().into()), headers, response_headers };
        };
        let values = inputs.iter().map(|input| request.answer(input)).collect();
        let verdict = self.plugin.on_request_head(&Inputs::new(values));
        match &verdict {
            Ok(RequestVerdict::Proceed(proceed)) => {
                if let Some(identity) = &proceed.identity {
                    headers.announce(identity);
                }
                headers.apply(&proceed.edits);
                response_headers.apply(&proceed.response_edits);
                self.carry.clone_from(&proceed.carry);
            }
            Ok(RequestVerdict::Respond(answer)) => {
                answer
                    .headers
                    .iter()
                    .for_each(|header| response_headers.add(&header.name, header.value.clone()));
            }
            Err(_) => {}
        }
        Outcome { verdict, headers, response_headers }
    }
}

impl<P: ResponseHead> Tester<P> {
    /// Calls the response head phase, with what the request phase carried over.
    pub fn response_head(&mut self, request: &Request, response: &Response) -> ResponseOutcome {
        let mut outcome = ResponseOutcome {
            verdict: Ok(crate::Deliver::new().into()),
            status: response.status(),
            headers: response.headers().clone(),
        };
        let Some(inputs) = self.inputs(Phase::ResponseHead) else {
            return outcome;
        };
        let values = inputs.iter().map(|input| response.answer(request, input)).collect();
        outcome.verdict = self.plugin.on_response_head(&Inputs::new(values), self.carry.as_deref());
        match &outcome.verdict {
            Ok(ResponseVerdict::Proceed(proceed)) => {
                outcome.headers.apply(&proceed.edits);
                outcome.status = proceed.status.unwrap_or(outcome.status);
            }
            Ok(ResponseVerdict::Replace(answer)) => outcome.status = answer.status,
            Err(_) => {}
        }
        outcome
    }
}

impl<P: Log> Tester<P> {
    /// Calls the log phase with one entry for each request.
    ///
    /// # Errors
    ///
    /// What the plugin answered.
    pub fn log(&mut self, exchanges: &[(Request, Response)]) -> Result<(), Failure> {
        let inputs = self.inputs(Phase::Log).unwrap_or_default();
        let values = |(request, response): &(Request, Response)| {
            inputs.iter().map(|input| response.answer(request, input)).collect()
        };
        let entries: Vec<_> =
            exchanges.iter().map(|exchange| LogEntry::new(values(exchange), self.carry.clone())).collect();
        self.plugin.on_log(&entries)
    }
}

impl Outcome {
    /// The answer that the plugin gave in place of the upstream.
    ///
    /// # Panics
    ///
    /// If it let the request go on, or failed.
    #[expect(clippy::panic, reason = "a test reads this")]
    pub fn answer(&self) -> &LocalResponse {
        match &self.verdict {
            Ok(RequestVerdict::Respond(answer)) => answer,
            other => panic!("the plugin answered {other:?}"),
        }
    }
}
