//! Hmac-auth credentials: a name and the secret that its requests are signed with.

use crate::model::field::{foreign, string};
use crate::model::formats;
use crate::model::kind::Kind;
use crate::model::kinds::{created_at, id};

pub(super) fn kind() -> Kind {
    Kind::new("hmacauth_credentials")
        .paths("hmac-auths", "hmac-auth")
        .endpoint_key("username")
        .field("id", id())
        .field("created_at", created_at())
        .field("consumer", foreign("consumers").required().cascade())
        .field("username", string().required().unique())
        .field("secret", string().auto().secret())
        .field("tags", formats::tags())
}
