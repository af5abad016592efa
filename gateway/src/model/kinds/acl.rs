//! ACLs: a group that a consumer is in.

use crate::model::field::{foreign, string};
use crate::model::formats;
use crate::model::kind::Kind;
use crate::model::kinds::{created_at, id};

pub(super) fn kind() -> Kind {
    Kind::new("acls")
        .key_below("consumer,group", &["consumer", "group"])
        .field("id", id())
        .field("created_at", created_at())
        .field("consumer", foreign("consumers").required().cascade())
        .field("group", string().required())
        .field("tags", formats::tags())
}
