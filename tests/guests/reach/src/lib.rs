//! A plugin that reaches for what is outside of it: hosts, all at once, and a secret, which it tells whoever listens.

use serde::Deserialize;
use weir_plugin_sdk::http::{Request, send_all};
use weir_plugin_sdk::metrics::Counter;
use weir_plugin_sdk::{
    About, Capability, ConfigProblem, Failure, InputList, Inputs, JsonSchema, Plugin, Proceed, RequestHead,
    RequestVerdict, Setup, exchange, logging, schemars, secrets,
};

/// What the operator orders.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// Calls all of them at once.
    #[serde(default)]
    urls: Vec<String>,
    /// Says how long the secret `key` is.
    #[serde(default)]
    measure: bool,
    /// Tells the secret `key` to the log, to attributes and to metrics, and fails with it.
    #[serde(default)]
    tell: bool,
}

/// The plugin, configured for one assignment.
pub struct Reach {
    config: Config,
}

impl Plugin for Reach {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .needs(Capability::http_client("to call hosts", &[]))
            .needs(Capability::logging("to tell"))
            .needs(Capability::metrics("to tell"))
            .needs(Capability::secrets("to have something to tell", &["key"]))
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        Ok((Self { config }, Setup::new().request_head(InputList::new())))
    }
}

impl RequestHead for Reach {
    fn on_request_head(&mut self, _inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        if self.config.tell {
            return Err(Failure::permanent(tell().map_err(Failure::permanent)?));
        }
        if self.config.measure {
            let key = secrets::open("key").map_err(Failure::permanent)?;
            let length = key.reveal().map_or(0, |key| key.len()).to_string();
            return Ok(Proceed::new().set_response_header("x-key-length", length).into());
        }
        let requests: Vec<_> = self.config.urls.iter().map(|url| get(url)).collect();
        let answers = send_all(&requests);
        let said: Vec<_> = answers
            .into_iter()
            .map(|answer| {
                answer.map_or_else(|error| format!("{error:?}"), |answer| answer.status.to_string())
            })
            .collect();
        Ok(Proceed::new().set_response_header("x-reached", said.join(" ")).into())
    }
}

fn get(url: &str) -> Request {
    Request {
        method: "GET".to_owned(),
        url: url.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        timeout_ms: 60_000,
        max_response_bytes: 1000,
    }
}

/// Tells everybody, and gives what there is to fail with.
fn tell() -> Result<String, String> {
    let revealed = secrets::open("key")?.reveal().ok_or("it is not to be seen")?;
    let secret = String::from_utf8(revealed).map_err(|error| error.to_string())?;
    logging::error(&format!("the key is {secret}"), &[("key", &secret), (&secret, "key")]);
    exchange::set_attribute("key", &secret);
    exchange::set_attribute("said", &format!("it is {secret}!"));
    Counter::new("told", &["what"]).add(1, &[&secret]);
    Ok(format!("the key was {secret}"))
}

weir_plugin_sdk::export!(Reach: request_head);
