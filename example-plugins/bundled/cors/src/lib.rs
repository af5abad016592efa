//! Kong's `cors`: answers the questions that browsers ask before they let a page of another origin read a
//! response, and says in responses who may.
//!
//! What a response is given is known with the head of the request already, so that no phase of the response is
//! called. Only where another plugin or the gateway answered before this one was asked, it is called then.

mod config;
mod normal;
mod origins;

#[cfg(test)]
mod tests;

pub use config::{Config, Method};

use weir_plugin_sdk::{
    About, Answer, ConfigProblem, Deliver, Failure, HeaderOp, Input, InputList, Inputs, Phase, Plugin,
    Proceed, Repeatable, RequestHead, RequestVerdict, ResponseHead, ResponseVerdict, Setup, Slot,
};

use origins::{Allowed, Origins};

const ALLOW_ORIGIN: &str = "access-control-allow-origin";
const ALLOW_CREDENTIALS: &str = "access-control-allow-credentials";
const ALLOW_METHODS: &str = "access-control-allow-methods";
const EXPOSE_HEADERS: &str = "access-control-expose-headers";

/// The plugin, configured for one assignment.
pub struct Cors {
    origins: Origins,
    credentials: bool,
    exposed: Option<String>,
    preflight: Preflight,
    asked: Asked,
    /// In a response: it is the answer to a preflight already.
    allowed_methods: Slot,
}

/// What a browser is told beforehand, apart from who may ask.
struct Preflight {
    /// `None`: whatever the browser asks for.
    headers: Option<String>,
    methods: String,
    max_age: Option<String>,
    private_network: bool,
    /// The upstream answers.
    is_passed_on: bool,
}

/// Who may read a response.
struct Readers {
    /// `Access-Control-Allow-Origin`; taken away if nobody may.
    origin: Option<Vec<u8>>,
    credentials: bool,
}

/// Where the browser's question is. The slots are the same in both phases.
struct Asked {
    method: Slot,
    origin: Slot,
    with_method: Slot,
    with_headers: Slot,
    private_network: Slot,
}

impl Plugin for Cors {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(2000)
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        let mut problems = config.check();
        let origins = match Origins::read(config.origins.as_deref().unwrap_or_default()) {
            Ok(origins) if problems.is_empty() => origins,
            Ok(_) => return Err(problems),
            Err(more) => {
                problems.extend(more);
                return Err(problems);
            }
        };
        let mut inputs = InputList::new();
        let asked = Asked::new(&mut inputs);
        let mut response = inputs.clone();
        let plugin = Self {
            origins,
            credentials: config.credentials,
            exposed: joined(config.exposed_headers.as_deref()),
            asked,
            allowed_methods: response.want(Input::Header(ALLOW_METHODS.into())),
            preflight: Preflight {
                headers: joined(config.headers.as_deref()),
                methods: config.methods(),
                max_age: config.max_age.map(|seconds| seconds.to_string()),
                private_network: config.private_network,
                is_passed_on: config.preflight_continue,
            },
        };
        Ok((plugin, Setup::new().request_head(inputs).response_head(response)))
    }
}

impl RequestHead for Cors {
    fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        let proceed = Proceed::new().without_response();
        if !self.asked.is_preflight(inputs) {
            return Ok(proceed.response_edits(self.edits(inputs)).into());
        }
        if self.preflight.is_passed_on {
            return Ok(proceed.into());
        }
        Ok(self.answer(inputs).into())
    }
}

impl ResponseHead for Cors {
    fn on_response_head(&mut self, inputs: &Inputs, _: Option<&[u8]>) -> Result<ResponseVerdict, Failure> {
        let deliver = Deliver::new();
        // This plugin's own answer comes here too, complete as it is.
        let is_complete = self.asked.is_preflight(inputs) && inputs.is_present(self.allowed_methods);
        Ok(if is_complete { deliver } else { deliver.edits(self.edits(inputs)) }.into())
    }
}

impl Repeatable for Cors {
    const PHASES: &'static [Phase] = &[Phase::RequestHead];
}

weir_plugin_sdk::export!(Cors: repeatable, request_head, response_head);

impl Asked {
    fn new(inputs: &mut InputList) -> Self {
        let mut header = |name: &str| inputs.want(Input::RequestHeader(name.into()));
        Self {
            origin: header("origin"),
            with_method: header("access-control-request-method"),
            with_headers: header("access-control-request-headers"),
            private_network: header("access-control-request-private-network"),
            method: inputs.want(Input::Method),
        }
    }

    fn origin<'a>(&self, inputs: &'a Inputs) -> Option<&'a [u8]> {
        inputs.bytes(self.origin).filter(|origin| !origin.is_empty())
    }

    fn is_preflight(&self, inputs: &Inputs) -> bool {
        let is_options = inputs.text(self.method) == Some("OPTIONS");
        is_options && self.origin(inputs).is_some() && inputs.is_present(self.with_method)
    }
}

impl Cors {
    fn readers(&self, origin: Option<&[u8]>) -> Readers {
        let with = |origin: Option<Vec<u8>>, credentials| Readers { origin, credentials };
        match (self.origins.allowed(origin), origin) {
            // `*` and credentials exclude each other, so the one who asks is named.
            (Allowed::All, Some(origin)) if self.credentials => with(Some(origin.into()), true),
            (Allowed::All, _) => with(Some(b"*".into()), false),
            (Allowed::One(one), _) => with(Some(one.into()), self.credentials),
            (Allowed::Nobody, _) => with(None, self.credentials),
        }
    }

    /// What is added to a response that is not this plugin's.
    fn edits(&self, inputs: &Inputs) -> Vec<HeaderOp> {
        let origin = self.asked.origin(inputs);
        let readers = self.readers(origin);
        let mut edits = Vec::with_capacity(4);
        if self.varies(origin) {
            edits.push(HeaderOp::to_append("vary", "Origin"));
        }
        edits.push(match readers.origin {
            Some(origin) => HeaderOp::to_set(ALLOW_ORIGIN, origin),
            None => HeaderOp::Remove(ALLOW_ORIGIN.into()),
        });
        if readers.credentials {
            edits.push(HeaderOp::to_set(ALLOW_CREDENTIALS, "true"));
        }
        edits.extend(self.exposed.as_ref().map(|names| HeaderOp::to_set(EXPOSE_HEADERS, names.as_str())));
        edits
    }

    /// Whether caches must keep the answers to different origins apart.
    fn varies(&self, origin: Option<&[u8]>) -> bool {
        self.origins.vary() || (self.credentials && origin.is_some())
    }

    /// The answer to a browser's question.
    fn answer(&self, inputs: &Inputs) -> Answer {
        let Preflight { headers, methods, max_age, private_network, .. } = &self.preflight;
        let origin = self.asked.origin(inputs);
        let readers = self.readers(origin);
        let wished = || inputs.bytes(self.asked.with_headers);
        let private = *private_network && inputs.bytes(self.asked.private_network) == Some(b"true");
        let fields = [
            ("vary", self.varies(origin).then(|| b"Origin".to_vec())),
            (ALLOW_ORIGIN, readers.origin),
            (ALLOW_CREDENTIALS, readers.credentials.then(|| b"true".to_vec())),
            (
                "access-control-allow-headers",
                headers.as_deref().map(str::as_bytes).or_else(wished).map(Into::into),
            ),
            (ALLOW_METHODS, Some(methods.as_bytes().into())),
            ("access-control-max-age", max_age.as_ref().map(|seconds| seconds.as_bytes().into())),
            ("access-control-allow-private-network", private.then(|| b"true".to_vec())),
        ];
        fields.into_iter().fold(Answer::new(200).reason("preflight"), |answer, (name, value)| match value {
            Some(value) => answer.header(name, value),
            None => answer,
        })
    }
}

/// As one header; `None` if there are none.
fn joined(names: Option<&[String]>) -> Option<String> {
    names.filter(|names| !names.is_empty()).map(|names| names.join(","))
}
