//! Kong's `key-auth`: lets requests in that carry a known API key, and says whose it is.
//!
//! Keys are looked for in headers and in the query, by each of `key_names` in order. A key in the
//! body is deliberately not looked for yet: that needs a body phase, and `configure` says so.

mod config;
mod query;

#[cfg(test)]
mod tests;

pub use config::Config;

use weir_plugin_sdk::auth::{self, Gate};
use weir_plugin_sdk::credentials::{self, Found};
use weir_plugin_sdk::{
    About, Answer, Capability, ConfigProblem, Failure, Input, InputList, Inputs, Plugin, Proceed,
    RequestHead, RequestVerdict, Setup, Slot,
};

const KIND: &str = "keyauth_credentials";

/// The plugin, configured for one assignment.
pub struct KeyAuth {
    places: Vec<Place>,
    /// Read only where `hide_credentials` may have to rewrite it.
    query: Option<Slot>,
    gate: Gate,
    hides: bool,
    challenge: String,
}

/// Where a key of one name may be.
struct Place {
    name: String,
    /// The name itself, then the name with `-` for `_`, as Kong looks headers up.
    headers: Vec<(String, Slot)>,
    query: Option<Slot>,
}

/// A key as it was found.
enum Search {
    Found { key: String, name: usize },
    Missing,
    Duplicate,
}

/// Why a request is not let in: the message for the caller, and a reason for the log.
struct Refusal(&'static str, &'static str);

impl Plugin for KeyAuth {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(1250)
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
            gate: if config.run_on_preflight { gate } else { gate.open_to_preflight(&mut inputs) },
            challenge: auth::challenge("Key", config.realm.as_deref()),
            hides: config.hide_credentials,
        };
        Ok((plugin, Setup::new().request_head(inputs)))
    }
}

impl RequestHead for KeyAuth {
    fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        if self.gate.is_open(inputs) {
            return Ok(Proceed::new().into());
        }
        let search = self.search(inputs);
        let hidden = self.hide(&search, inputs);
        match identify(&search)? {
            Ok(found) => Ok(hidden.identity(found.into()).into()),
            Err(Refusal(message, reason)) => {
                let answer = Answer::new(401).message(message).reason(reason);
                self.gate.turn_away(answer.header("www-authenticate", self.challenge.as_str()), hidden)
            }
        }
    }
}

weir_plugin_sdk::export!(KeyAuth: request_head);

impl Place {
    fn of(name: &str, config: &Config, inputs: &mut InputList) -> Self {
        let lower = name.to_ascii_lowercase();
        let hyphened = lower.replace('_', "-");
        let mut headers = Vec::new();
        if config.key_in_header {
            headers.push((lower.clone(), inputs.want(Input::Header(lower.clone()))));
        }
        if config.key_in_header && hyphened != lower {
            headers.push((hyphened.clone(), inputs.want(Input::Header(hyphened))));
        }
        let query = config.key_in_query.then(|| inputs.want(Input::QueryParam(name.to_owned())));
        Self { name: name.to_owned(), headers, query }
    }

    fn slots(&self) -> impl Iterator<Item = Slot> {
        self.headers.iter().map(|(_, slot)| *slot).chain(self.query)
    }
}

impl KeyAuth {
    /// The first key that is there decides, even if it is empty.
    fn search(&self, inputs: &Inputs) -> Search {
        for (name, place) in self.places.iter().enumerate() {
            let Some(slot) = place.slots().find(|slot| inputs.is_present(*slot)) else {
                continue;
            };
            return match (inputs.all(slot).count(), inputs.text(slot)) {
                (2.., _) => Search::Duplicate,
                (_, None | Some("")) => Search::Missing,
                (_, Some(key)) => Search::Found { key: key.to_owned(), name },
            };
        }
        Search::Missing
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
        let proceed =
            place.headers.iter().fold(proceed, |proceed, (name, _)| proceed.remove_header(name.as_str()));
        let in_query = place.query.is_some_and(|slot| inputs.is_present(slot));
        match self.query.and_then(|slot| inputs.text(slot)) {
            Some(query) if in_query => {
                let rest = query::without(query, &place.name);
                proceed.target(|target| target.query = Some(rest))
            }
            Some(_) | None => proceed,
        }
    }
}

fn identify(search: &Search) -> Result<Result<Found, Refusal>, Failure> {
    let key = match search {
        Search::Found { key, .. } => key,
        Search::Missing => return Ok(Err(Refusal("No API key found in request", "no-key"))),
        Search::Duplicate => return Ok(Err(Refusal("Duplicate API key found", "duplicate-key"))),
    };
    let found = credentials::find(KIND, key).map_err(Failure::retryable)?;
    Ok(found.ok_or(Refusal("Unauthorized", "unknown-key")))
}
