//! From an author's type to a component: the adapter between the traits and the raw exports, and
//! the [`export!`](crate::export) macro.

use std::marker::PhantomData;

use crate::bindings::base::exports::weir::plugin::{lifecycle, meta};
use crate::bindings::config_migration::exports::weir::plugin::config_migration;
use crate::bindings::imports::weir::plugin::types::{Failure, Value};
use crate::bindings::log_phase::exports::weir::plugin::log_phase;
use crate::bindings::request_head::exports::weir::plugin::request_head;
use crate::bindings::response_head::exports::weir::plugin::response_head;
use crate::{
    ConfigMigration, ConfigProblem, Inputs, Log, LogEntry, Plugin, RequestHead, ResponseHead, schema,
};

/// Makes a crate a component: exports `meta`, `lifecycle` and the phases that are named.
///
/// `config_migration` ([`ConfigMigration`]) is named like a phase.
/// A phase that is not named is not exported, and the host never calls it. The phases are
/// `request_head` ([`RequestHead`]), `response_head` ([`ResponseHead`]) and `log` ([`Log`]).
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
                    ::core::option_env!(::core::concat!("WEIR_CONFIG_SCHEMA_", ::core::env!("CARGO_PKG_NAME")));

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

impl<P: Exported + Log> log_phase::Guest for Adapter<P> {
    fn on_log(entries: Vec<log_phase::Entry>) -> Result<(), Failure> {
        let entries: Vec<_> = entries.into_iter().map(LogEntry::from).collect();
        configured::<P, _>(|plugin| plugin.on_log(&entries))
    }
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
