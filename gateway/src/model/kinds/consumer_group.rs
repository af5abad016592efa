//! Consumer groups, and which consumer is in which.

use crate::model::field::{foreign, string};
use crate::model::formats;
use crate::model::kind::Kind;
use crate::model::kinds::{created_at, id, updated_at};

pub(super) fn groups() -> Kind {
    Kind::new("consumer_groups")
        .special()
        .endpoint_key("name")
        .field("id", id())
        .field("created_at", created_at())
        .field("updated_at", updated_at())
        .field("name", string().required().unique().text(formats::utf8_name))
        .field("tags", formats::tags())
}

/// One membership. It has no path of its own.
pub(super) fn members() -> Kind {
    Kind::new("consumer_group_consumers")
        .special()
        .key_below("consumer_group,consumer", &["consumer_group", "consumer"])
        .field("id", id())
        .field("created_at", created_at())
        .field("updated_at", updated_at())
        .field("consumer_group", foreign("consumer_groups").required().cascade())
        .field("consumer", foreign("consumers").required().cascade())
}
