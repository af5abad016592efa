//! Two sets of imports: one whose functions all return at once, and one in which some may wait.
//!
//! A guest that is linked to the first is a plain call on the worker's thread. The choice is made
//! from the grants of an assignment, once.

use wasmtime::Engine;
use wasmtime::component::{HasData, Linker};

use super::{credentials, http_client, shared_state};
use crate::plugin_host::bindings::weir::plugin as wit;
use crate::plugin_host::guest::CallState;

/// Both sets.
pub(crate) struct Linkers {
    pub(crate) plain: Linker<CallState>,
    pub(crate) suspending: Linker<CallState>,
}

/// The imports speak of the data of the store.
struct Host;

/// How the imports find their data.
type Get = fn(&mut CallState) -> &mut CallState;

impl HasData for Host {
    type Data<'a> = &'a mut CallState;
}

impl Linkers {
    pub(crate) fn new(engine: &Engine) -> wasmtime::Result<Self> {
        let mut plain = shared(engine)?;
        credentials::link_cached(&mut plain)?;
        http_client::link_denied(&mut plain)?;
        let get: Get = |state| state;
        wit::shared_counters::add_to_linker::<_, Host>(&mut plain, get)?;
        wit::shared_kv::add_to_linker::<_, Host>(&mut plain, get)?;
        let mut suspending = shared(engine)?;
        credentials::link(&mut suspending)?;
        http_client::link(&mut suspending)?;
        shared_state::link(&mut suspending)?;
        Ok(Self { plain, suspending })
    }
}

fn shared(engine: &Engine) -> wasmtime::Result<Linker<CallState>> {
    let mut linker = Linker::new(engine);
    let get: Get = |state| state;
    wit::types::add_to_linker::<_, Host>(&mut linker, get)?;
    wit::chunks::add_to_linker::<_, Host>(&mut linker, get)?;
    wit::exchange::add_to_linker::<_, Host>(&mut linker, get)?;
    wit::body::add_to_linker::<_, Host>(&mut linker, get)?;
    wit::logging::add_to_linker::<_, Host>(&mut linker, get)?;
    wit::metrics::add_to_linker::<_, Host>(&mut linker, get)?;
    wit::clock::add_to_linker::<_, Host>(&mut linker, get)?;
    wit::random::add_to_linker::<_, Host>(&mut linker, get)?;
    wit::secrets::add_to_linker::<_, Host>(&mut linker, get)?;
    wit::crypto::add_to_linker::<_, Host>(&mut linker, get)?;
    wit::local_counters::add_to_linker::<_, Host>(&mut linker, get)?;
    wit::local_cache::add_to_linker::<_, Host>(&mut linker, get)?;
    wit::log_file::add_to_linker::<_, Host>(&mut linker, get)?;
    Ok(linker)
}
