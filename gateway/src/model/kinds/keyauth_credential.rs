//! Key-auth credentials: a key that stands for a consumer.

use crate::model::field::{foreign, string};
use crate::model::formats;
use crate::model::kind::Kind;
use crate::model::kinds::{created_at, id};

pub(super) fn kind() -> Kind {
    Kind::new("keyauth_credentials")
        .paths("key-auths", "key-auth")
        .endpoint_key("key")
        .with_ttl()
        .field("id", id())
        .field("created_at", created_at())
        .field("consumer", foreign("consumers").required().cascade())
        .field("key", string().unique().auto().secret())
        .field("tags", formats::tags())
}
