//! Kong's `redirect`: sends clients to another URL, with their path and query or without.

mod config;
mod location;
mod path;

#[cfg(test)]
mod tests;

pub use config::Config;

use weir_plugin_sdk::{
    About, Answer, ConfigProblem, Failure, Input, InputList, Inputs, Phase, Plugin, Repeatable, RequestHead,
    RequestVerdict, Setup, Slot,
};

use location::Location;

/// The plugin, configured for one assignment.
pub struct Redirect {
    status: u16,
    to: To,
}

/// Where clients are sent.
enum To {
    Fixed(String),
    Kept { location: Location, path: Slot, query: Slot },
}

impl Plugin for Redirect {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(779)
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        config.check()?;
        let mut inputs = InputList::new();
        let kept = config.keeps().then(|| Location::of(&config.location)).flatten();
        let to = match kept {
            Some(location) => {
                To::Kept { location, path: inputs.want(Input::Path), query: inputs.want(Input::Query) }
            }
            None => To::Fixed(config.location),
        };
        Ok((Self { status: config.status_code, to }, Setup::new().request_head(inputs)))
    }
}

impl RequestHead for Redirect {
    fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        let location = match &self.to {
            To::Fixed(location) => location.clone(),
            To::Kept { location, path, query } => {
                location.with(inputs.text(*path).unwrap_or_default(), inputs.text(*query).unwrap_or_default())
            }
        };
        let answer = Answer::new(self.status).body("redirecting").reason("redirected");
        // nginx says so of a body that nobody described.
        Ok(answer.header("content-type", "text/plain; charset=UTF-8").header("location", location).into())
    }
}

impl Repeatable for Redirect {
    const PHASES: &'static [Phase] = &[Phase::RequestHead];
}

weir_plugin_sdk::export!(Redirect: repeatable, request_head);
