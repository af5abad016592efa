//! From an author's type to a component: the adapter between the traits and the raw exports, and
//! the [`export!`](crate::export) macro.

use std::marker::PhantomData;

use crate::bindings::base::exports::weir::plugin::{lifecycle, meta};
use crate::bindings::before_routing::exports::weir::plugin::before_routing;
use crate::bindings::config_migration::exports::weir::plugin::config_migration;
use crate::bindings::imports::weir::plugin::types::{Failure, Header, HeaderOp, Value};
use crate::bindings::log_phase::exports::weir::plugin::log_phase;
use crate::bindings::repeatable::exports::weir::plugin::repeatable;
use crate::bindings::request_body::exports::weir::plugin::request_body;
use crate::bindings::request_head::exports::weir::plugin::request_head;
use crate::bindings::request_stream::exports::weir::plugin::request_stream;
use crate::bindings::request_trailers::exports::weir::plugin::request_trailers;
use crate::bindings::response_body::exports::weir::plugin::response_body;
use crate::bindings::response_head::exports::weir::plugin::response_head;
use crate::bindings::response_stream::exports::weir::plugin::response_stream;
use crate::bindings::response_trailers::exports::weir::plugin::response_trailers;
use crate::{
    BeforeRouting, Chunk, ConfigMigration, ConfigProblem, Inputs, Log, LogEntry, Phase, Plugin, Repeatable,
    RequestBody, RequestHead, RequestStream, RequestTrailers, ResponseBody, ResponseHead, ResponseStream,
    ResponseTrailers, schema,
};

/// Makes a crate a component: exports `meta`, `lifecycle` and the phases that are named.
///
/// A phase that is not named is not exported, and the host never calls it. The phases are those of the
/// traits, in the spelling of functions: `before_routing` ([`BeforeRouting`]), `request_head`
/// ([`RequestHead`]), `request_body` ([`RequestBody`]), `request_stream` ([`RequestStream`]),
/// `request_trailers` ([`RequestTrailers`]), the same for `response_…`, and `log` ([`Log`]).
/// [`ConfigMigration`] is named among them as `config_migration`, and [`Repeatable`] as `repeatable`.
///
/// ```
/// use weir_plugin_sdk::{
///     About, ConfigProblem, Failure, Inputs, InputList, JsonSchema, Plugin, Proceed, RequestHead,
///     RequestVerdict, Setup,
/// };
///
/// #[derive(serde::Deserialize, JsonSchema)]
/// struct Config {}
///
/// struct Stamp;
///
/// impl Plugin for Stamp {
///     type Config = Config;
///
///     fn about() -> About {
///         About::new("stamp", "0.1.0")
///     }
///
///     fn configure(_: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
///         Ok((Self, Setup::new().request_head(InputList::new())))
///     }
/// }
///
/// impl RequestHead for Stamp {
///     fn on_request_head(&mut self, _: &Inputs) -> Result<RequestVerdict, Failure> {
///         Ok(Proceed::new().set_header("x-stamp", "1").into())
///     }
/// }
///
/// weir_plugin_sdk::export!(Stamp: request_head);
/// ```
#[macro_export]
macro_rules! export {
    ($plugin:ident : $($phase:ident),+ $(,)?) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            impl $crate::export::Exported for $plugin {
                const SCHEMA: ::core::option::Option<&'static str> =
                    ::core::option_env!(::core::concat!("WEIR_CONFIG_SCHEMA_", ::core::env!("CARGO_CRATE_NAME")));

                fn with<R>(call: impl FnOnce(&mut Option<Self>) -> R) -> R {
                    ::std::thread_local! {
                        static PLUGIN: ::std::cell::RefCell<Option<$plugin>> =
                            const { ::std::cell::RefCell::new(None) };
                    }
                    PLUGIN.with(|plugin| call(&mut plugin.borrow_mut()))
                }
            }
            type Component = $crate::export::Adapter<$plugin>;
            $crate::bindings::base::export_base!(Component with_types_in $crate::bindings::base);
            $($crate::__export_phase!($phase Component);)+
        };
        #[cfg(not(target_family = "wasm"))]
        const _: () = { $($crate::__check_phase!($phase $plugin);)+ };
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export_phase {
    (request_head $component:ident) => {
        $crate::bindings::request_head::export_request_head!($component with_types_in $crate::bindings::request_head);
    };
    (response_head $component:ident) => {
        $crate::bindings::response_head::export_response_head!($component with_types_in $crate::bindings::response_head);
    };
    (config_migration $component:ident) => {
        $crate::bindings::config_migration::export_config_migration!($component with_types_in $crate::bindings::config_migration);
    };
    (repeatable $component:ident) => {
        $crate::bindings::repeatable::export_repeatable!($component with_types_in $crate::bindings::repeatable);
    };
    (before_routing $component:ident) => {
        $crate::bindings::before_routing::export_before_routing!($component with_types_in $crate::bindings::before_routing);
    };
    (request_body $component:ident) => {
        $crate::bindings::request_body::export_request_body!($component with_types_in $crate::bindings::request_body);
    };
    (request_stream $component:ident) => {
        $crate::bindings::request_stream::export_request_stream!($component with_types_in $crate::bindings::request_stream);
    };
    (request_trailers $component:ident) => {
        $crate::bindings::request_trailers::export_request_trailers!($component with_types_in $crate::bindings::request_trailers);
    };
    (response_body $component:ident) => {
        $crate::bindings::response_body::export_response_body!($component with_types_in $crate::bindings::response_body);
    };
    (response_stream $component:ident) => {
        $crate::bindings::response_stream::export_response_stream!($component with_types_in $crate::bindings::response_stream);
    };
    (response_trailers $component:ident) => {
        $crate::bindings::response_trailers::export_response_trailers!($component with_types_in $crate::bindings::response_trailers);
    };
    (log $component:ident) => {
        $crate::bindings::log_phase::export_log_phase!($component with_types_in $crate::bindings::log_phase);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __check_phase {
    (request_head $plugin:ident) => {
        const _: fn() = $crate::export::has_request_head::<$plugin>;
    };
    (response_head $plugin:ident) => {
        const _: fn() = $crate::export::has_response_head::<$plugin>;
    };
    (config_migration $plugin:ident) => {
        const _: fn() = $crate::export::has_config_migration::<$plugin>;
    };
    (repeatable $plugin:ident) => {
        const _: fn() = $crate::export::is_repeatable::<$plugin>;
    };
    (before_routing $plugin:ident) => {
        const _: fn() = $crate::export::has_before_routing::<$plugin>;
    };
    (request_body $plugin:ident) => {
        const _: fn() = $crate::export::has_request_body::<$plugin>;
    };
    (request_stream $plugin:ident) => {
        const _: fn() = $crate::export::has_request_stream::<$plugin>;
    };
    (request_trailers $plugin:ident) => {
        const _: fn() = $crate::export::has_request_trailers::<$plugin>;
    };
    (response_body $plugin:ident) => {
        const _: fn() = $crate::export::has_response_body::<$plugin>;
    };
    (response_stream $plugin:ident) => {
        const _: fn() = $crate::export::has_response_stream::<$plugin>;
    };
    (response_trailers $plugin:ident) => {
        const _: fn() = $crate::export::has_response_trailers::<$plugin>;
    };
    (log $plugin:ident) => {
        const _: fn() = $crate::export::has_log::<$plugin>;
    };
}

#[doc(hidden)]
pub fn has_request_head<P: RequestHead>() {}
#[doc(hidden)]
pub fn has_response_head<P: ResponseHead>() {}
#[doc(hidden)]
pub fn has_config_migration<P: ConfigMigration>() {}
#[doc(hidden)]
pub fn is_repeatable<P: Repeatable>() {}
#[doc(hidden)]
pub fn has_before_routing<P: BeforeRouting>() {}
#[doc(hidden)]
pub fn has_request_body<P: RequestBody>() {}
#[doc(hidden)]
pub fn has_request_stream<P: RequestStream>() {}
#[doc(hidden)]
pub fn has_request_trailers<P: RequestTrailers>() {}
#[doc(hidden)]
pub fn has_response_body<P: ResponseBody>() {}
#[doc(hidden)]
pub fn has_response_stream<P: ResponseStream>() {}
#[doc(hidden)]
pub fn has_response_trailers<P: ResponseTrailers>() {}
#[doc(hidden)]
pub fn has_log<P: Log>() {}

/// The one configured plugin of an instance.
pub trait Exported: Plugin {
    /// The schema of its configuration, if `weir plugin build` found it out beforehand. The code that
    /// makes one is then left out of the component: a constant decides.
    const SCHEMA: Option<&'static str>;

    /// Runs `call` with it; `None` before `configure`.
    fn with<R>(call: impl FnOnce(&mut Option<Self>) -> R) -> R;
}

/// Implements the raw exports for a plugin type.
pub struct Adapter<P>(PhantomData<P>);

impl<P: Exported> meta::Guest for Adapter<P> {
    fn describe() -> meta::PluginInfo {
        let schema = match P::SCHEMA {
            Some(schema) => schema.to_owned(),
            None => schema::of::<P::Config>().to_string(),
        };
        P::about().into_info(schema)
    }
}

impl<P: Exported> lifecycle::Guest for Adapter<P> {
    fn configure(config_json: String) -> Result<lifecycle::Setup, Vec<ConfigProblem>> {
        report_panics();
        let config = serde_json::from_str(&config_json)
            .map_err(|error| vec![ConfigProblem::new("", &error.to_string())])?;
        let (plugin, setup) = P::configure(config)?;
        P::with(|place| *place = Some(plugin));
        Ok(setup.into_inner())
    }
}

impl<P: Exported + ConfigMigration> config_migration::Guest for Adapter<P> {
    fn migrate(from_version: String, config_json: String) -> Result<String, String> {
        let config = serde_json::from_str(&config_json).map_err(|error| error.to_string())?;
        P::migrate(&from_version, config).map(|config| config.to_string())
    }
}

impl<P: Exported + Repeatable> repeatable::Guest for Adapter<P> {
    fn repeatable_phases() -> Vec<Phase> {
        P::PHASES.to_vec()
    }
}

impl<P: Exported + RequestHead> request_head::Guest for Adapter<P> {
    fn on_request_head(inputs: Vec<Value>) -> Result<request_head::Verdict, Failure> {
        configured::<P, _>(|plugin| plugin.on_request_head(&Inputs::new(inputs)))
    }
}

impl<P: Exported + ResponseHead> response_head::Guest for Adapter<P> {
    fn on_response_head(
        inputs: Vec<Value>,
        carry: Option<Vec<u8>>,
    ) -> Result<response_head::Verdict, Failure> {
        configured::<P, _>(|plugin| plugin.on_response_head(&Inputs::new(inputs), carry.as_deref()))
    }
}

impl<P: Exported + BeforeRouting> before_routing::Guest for Adapter<P> {
    fn on_before_routing(inputs: Vec<Value>) -> Result<before_routing::Verdict, Failure> {
        configured::<P, _>(|plugin| plugin.on_before_routing(&Inputs::new(inputs)))
    }
}

impl<P: Exported + RequestBody> request_body::Guest for Adapter<P> {
    fn on_request_body(carry: Option<Vec<u8>>) -> Result<request_body::Verdict, Failure> {
        configured::<P, _>(|plugin| plugin.on_request_body(carry.as_deref()))
    }
}

impl<P: Exported + ResponseBody> response_body::Guest for Adapter<P> {
    fn on_response_body(carry: Option<Vec<u8>>) -> Result<response_body::Verdict, Failure> {
        configured::<P, _>(|plugin| plugin.on_response_body(carry.as_deref()))
    }
}

impl<P: Exported + RequestStream> request_stream::Guest for Adapter<P> {
    fn on_request_chunk(chunk: Vec<u8>, last: bool) -> Chunk {
        chunk_of::<P>(|plugin| plugin.on_request_chunk(chunk, last))
    }
}

impl<P: Exported + ResponseStream> response_stream::Guest for Adapter<P> {
    fn on_response_chunk(chunk: Vec<u8>, last: bool) -> Chunk {
        chunk_of::<P>(|plugin| plugin.on_response_chunk(chunk, last))
    }
}

impl<P: Exported + RequestTrailers> request_trailers::Guest for Adapter<P> {
    fn on_request_trailers(trailers: Vec<Header>) -> Vec<HeaderOp> {
        P::with(|plugin| plugin.as_mut().map(|plugin| plugin.on_request_trailers(&trailers)))
            .unwrap_or_default()
    }
}

impl<P: Exported + ResponseTrailers> response_trailers::Guest for Adapter<P> {
    fn on_response_trailers(trailers: Vec<Header>) -> Vec<HeaderOp> {
        P::with(|plugin| plugin.as_mut().map(|plugin| plugin.on_response_trailers(&trailers)))
            .unwrap_or_default()
    }
}

impl<P: Exported + Log> log_phase::Guest for Adapter<P> {
    fn on_log(entries: Vec<log_phase::Entry>) -> Result<(), Failure> {
        let entries: Vec<_> = entries.into_iter().map(LogEntry::from).collect();
        configured::<P, _>(|plugin| plugin.on_log(&entries))
    }
}

fn chunk_of<P: Exported>(call: impl FnOnce(&mut P) -> Chunk) -> Chunk {
    let aborted = || Chunk::Abort("called before it was configured".into());
    P::with(|plugin| plugin.as_mut().map(call)).unwrap_or_else(aborted)
}

fn configured<P: Exported, R>(call: impl FnOnce(&mut P) -> Result<R, Failure>) -> Result<R, Failure> {
    P::with(|plugin| match plugin {
        Some(plugin) => call(plugin),
        None => Err(Failure::permanent("called before it was configured")),
    })
}

/// A panic ends the call with a trap that says nothing; this puts its words into the gateway's log.
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| crate::logging::error(&panic.to_string(), &[])));
}
