//! Kong's `key-auth`: lets requests in that carry a known API key, and says whose it is.
//!
//! Keys are looked for in headers, in the query and in the body, by each of `key_names` in order. A body is waited
//! for only if its type is one that can hold a key, and nothing before it has decided.

mod body;
mod config;
mod place;

#[cfg(test)]
mod tests;

pub use config::Config;

use bodies::Kind;
use serde::{Deserialize, Serialize};
use weir_plugin_sdk::auth::{self, Gate};
use weir_plugin_sdk::credentials::{self, Found};
use weir_plugin_sdk::{
    About, Answer, Capability, ConfigProblem, Failure, Input, InputList, Inputs, Phase, Plugin, Proceed,
    ProceedWithBody, Repeatable, RequestBody, RequestBodyVerdict, RequestHead, RequestVerdict, Setup, Slot,
};

use place::{Place, Search};

const KIND: &str = "keyauth_credentials";
/// Longest body that is looked into; what is longer is refused with 413.
const MOST_BYTES: u64 = 1 << 20;
/// What the head may leave for the body.
const MOST_CARRIED: usize = 4 << 10;

/// The plugin, configured for one assignment.
pub struct KeyAuth {
    places: Vec<Place>,
    /// Read only where `hide_credentials` may have to rewrite it.
    query: Option<Slot>,
    /// What the body is; read only where it may hold a key.
    body: Option<BodySlots>,
    gate: Gate,
    hides: bool,
    challenge: String,
}

#[derive(Clone, Copy)]
struct BodySlots {
    content_type: Slot,
    content_encoding: Slot,
}

/// What the head has to say to the call with the body.
#[derive(Serialize, Deserialize)]
struct Carry {
    kind: Kind,
    head: Search,
}

/// Why a request is not let in: the message for the caller, and a reason for the log.
struct Refusal(&'static str, &'static str);

const UNKNOWN: Refusal = Refusal("Unauthorized", "unknown-key");

impl Plugin for KeyAuth {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(1250)
            .needs(Capability::logging("to say that the anonymous consumer is not there"))
            .authenticates()
            .needs(Capability::credentials("to find out whose key it is", &[KIND]))
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        config.check()?;
        let mut inputs = InputList::new();
        let places = config.key_names.iter().map(|name| Place::of(name, &config, &mut inputs)).collect();
        let gate = Gate::new(config.anonymous, &mut inputs);
        let plugin = Self {
            places,
            query: (config.hide_credentials && config.key_in_query).then(|| inputs.want(Input::Query)),
            body: config.key_in_body.then(|| BodySlots {
                content_type: inputs.want(Input::Header("content-type".into())),
                content_encoding: inputs.want(Input::Header("content-encoding".into())),
            }),
            gate: if config.run_on_preflight { gate } else { gate.open_to_preflight(&mut inputs) },
            challenge: auth::challenge("Key", config.realm.as_deref()),
            hides: config.hide_credentials,
        };
        let setup = Setup::new().request_head(inputs);
        Ok((plugin, if config.key_in_body { setup.request_body() } else { setup }))
    }
}

impl RequestHead for KeyAuth {
    fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        if self.gate.is_open(inputs) {
            return Ok(Proceed::new().into());
        }
        let head = Search::of(&self.places, inputs);
        let hidden = self.hide(&head, inputs);
        if let Some(kind) = self.body_kind(&head, inputs) {
            let carry = serde_json::to_vec(&Carry { kind, head }).map_err(unreadable)?;
            if carry.len() > MOST_CARRIED {
                // A key as long as this is nobody's.
                return self.gate.turn_away(self.answer(&UNKNOWN), hidden);
            }
            return Ok(hidden.carry(carry).buffer(MOST_BYTES).into());
        }
        match identify(&head)? {
            Ok(found) => Ok(hidden.identity(found.into()).into()),
            Err(refusal) => self.gate.turn_away(self.answer(&refusal), hidden),
        }
    }
}

impl RequestBody for KeyAuth {
    fn on_request_body(&mut self, carry: Option<&[u8]>) -> Result<RequestBodyVerdict, Failure> {
        let Carry { kind, head } = serde_json::from_slice(carry.unwrap_or_default()).map_err(unreadable)?;
        let bytes = weir_plugin_sdk::body::all();
        // A name earlier in the list wins, wherever it is; of one name, the head wins.
        let before = self.places.iter().take(head.name().unwrap_or(usize::MAX)).enumerate();
        let search =
            body::search(&kind, &bytes, before.map(|(at, place)| (at, place.name.as_str()))).unwrap_or(head);
        let mut proceed = ProceedWithBody::new();
        if let (true, Search::Found { name, .. }) = (self.hides, &search) {
            let rest = self.places.get(*name).and_then(|place| body::without(&kind, &bytes, &place.name));
            proceed = rest.into_iter().fold(proceed, ProceedWithBody::replace);
        }
        match identify(&search)? {
            Ok(found) => Ok(proceed.identity(found.into()).into()),
            Err(refusal) => self.gate.turn_body_away(self.answer(&refusal), proceed),
        }
    }
}

impl Repeatable for KeyAuth {
    const PHASES: &'static [Phase] = &[Phase::RequestHead];
}

weir_plugin_sdk::export!(KeyAuth: repeatable, request_head, request_body);

impl KeyAuth {
    /// What the body is, if it has to be looked into.
    fn body_kind(&self, head: &Search, inputs: &Inputs) -> Option<Kind> {
        let slots = self.body?;
        let is_decided = head.name() == Some(0) && !self.hides;
        if is_decided || inputs.is_present(slots.content_encoding) {
            return None;
        }
        Kind::of(inputs.text(slots.content_type)?)
    }

    /// Takes the key out of what the upstream sees.
    fn hide(&self, search: &Search, inputs: &Inputs) -> Proceed {
        let proceed = Proceed::new().without_response();
        let Search::Found { name, .. } = search else {
            return proceed;
        };
        let Some(place) = self.places.get(*name).filter(|_| self.hides) else {
            return proceed;
        };
        place.hide(proceed, self.query.and_then(|slot| inputs.text(slot)), inputs)
    }

    fn answer(&self, &Refusal(message, reason): &Refusal) -> Answer {
        let answer = Answer::new(401).message(message).reason(reason);
        answer.header("www-authenticate", self.challenge.as_str())
    }
}

fn identify(search: &Search) -> Result<Result<Found, Refusal>, Failure> {
    let key = match search {
        Search::Found { key, .. } => key,
        Search::Missing | Search::Empty { .. } => {
            return Ok(Err(Refusal("No API key found in request", "no-key")));
        }
        Search::Duplicate { .. } => return Ok(Err(Refusal("Duplicate API key found", "duplicate-key"))),
    };
    let found = credentials::find(KIND, key).map_err(Failure::retryable)?;
    Ok(found.ok_or(UNKNOWN))
}

fn unreadable(error: serde_json::Error) -> Failure {
    Failure::permanent(format!("what the head left for the body: {error}"))
}
