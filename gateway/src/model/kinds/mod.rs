//! The kinds of entity, one file each.

mod consumer;
mod plugin;
mod route;
mod service;

pub use consumer::Consumer;
pub use plugin::Plugin;
pub use route::{PathHandling, Route};
pub use service::{Protocol, Service};

use serde::{Deserialize, Deserializer};
use uuid::Uuid;

/// Reads Kong's form of a reference: `{"id": "…"}` or null.
fn reference<'de, D: Deserializer<'de>>(source: D) -> Result<Option<Uuid>, D::Error> {
    #[derive(Deserialize)]
    struct Reference {
        id: Uuid,
    }
    Ok(Option::<Reference>::deserialize(source)?.map(|found| found.id))
}
