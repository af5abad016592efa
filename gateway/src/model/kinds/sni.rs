//! SNIs: the name by which a client asks for a certificate.

use crate::model::field::{foreign, string};
use crate::model::formats;
use crate::model::kind::Kind;
use crate::model::kinds::{created_at, id, updated_at};

pub(super) fn kind() -> Kind {
    Kind::new("snis")
        .endpoint_key("name")
        .field("id", id())
        .field("name", string().required().unique().noted("unique_across_ws").text(formats::wildcard_host))
        .field("created_at", created_at())
        .field("updated_at", updated_at())
        .field("tags", formats::tags())
        .field("certificate", foreign("certificates").required())
}
