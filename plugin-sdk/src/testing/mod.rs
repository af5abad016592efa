//! A pretend host, so that plugins are tested natively with `cargo test`.
//!
//! [`Tester`] configures a plugin and calls its phases with the inputs that it asked for, taken
//! from a [`Request`] or [`Response`] that the test describes. Calls into the gateway are answered
//! by [`Host`], one for each thread.
//!
//! ```
//! # use weir_plugin_sdk::*;
//! # #[derive(serde::Deserialize, JsonSchema)]
//! # struct Config { prefix: String }
//! # struct Tag { prefix: String, path: Slot }
//! # impl Plugin for Tag {
//! #     type Config = Config;
//! #     fn about() -> About { About::new("tag", "0.1.0") }
//! #     fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
//! #         let mut inputs = InputList::new();
//! #         let path = inputs.want(Input::Path);
//! #         Ok((Self { prefix: config.prefix, path }, Setup::new().request_head(inputs)))
//! #     }
//! # }
//! # impl RequestHead for Tag {
//! #     fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
//! #         let value = format!("{}{}", self.prefix, inputs.text(self.path).unwrap_or_default());
//! #         Ok(Proceed::new().set_header("x-tag", value).into())
//! #     }
//! # }
//! use weir_plugin_sdk::testing::{Request, Tester};
//!
//! let mut tester = Tester::<Tag>::new(&serde_json::json!({ "prefix": "at " })).expect("valid");
//! let outcome = tester.request_head(&Request::get("/things?page=2"));
//! assert_eq!(outcome.headers.get("x-tag"), Some("at /things"));
//! ```

mod bodies;
mod exchange;
mod headers;
mod host;
#[doc(hidden)]
pub mod raw;
#[doc(hidden)]
pub mod state;
mod tester;

pub use bodies::BodyOutcome;
pub use exchange::{Request, Response};
pub use headers::Headers;
pub use host::{Host, LogLine};
pub use tester::{Outcome, ResponseOutcome, Tester};
