//! Key sets: keys that are given out together.

use crate::model::field::string;
use crate::model::formats;
use crate::model::kind::Kind;
use crate::model::kinds::{created_at, id, updated_at};

pub(super) fn kind() -> Kind {
    Kind::new("key_sets")
        .paths("key-sets", "key-sets")
        .endpoint_key("name")
        .field("id", id())
        .field("name", string().unique())
        .field("tags", formats::tags())
        .field("created_at", created_at())
        .field("updated_at", updated_at())
}
