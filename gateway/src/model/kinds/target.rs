//! Targets: one place that an upstream may send a request to.

use serde_json::Value;

use crate::model::field::{foreign, integer, number, string};
use crate::model::formats;
use crate::model::kind::Kind;
use crate::model::kinds::id;
use crate::model::record::Document;
use crate::model::rule::Rule;
use crate::model::violations::Violations;

pub(super) fn kind() -> Kind {
    let time = || number().auto().rule(Rule::Timestamp);
    Kind::new("targets")
        .special()
        .endpoint_key("target")
        .key_below("upstream,target", &["upstream", "target"])
        .field("id", id())
        .field("created_at", time())
        .field("updated_at", time())
        .field("upstream", foreign("upstreams").required().cascade())
        .field("target", string().required().text(|text| formats::target(text).map(drop)))
        .field("weight", integer().default(100).between(0, 65_535))
        .field("tags", formats::tags())
        .settle(with_port)
}

/// A target is kept with its port, 8000 if none was sent.
fn with_port(entity: &mut Document, _: Option<(&Document, &Document)>) -> Result<(), Violations> {
    if let Some(Value::String(target)) = entity.get_mut("target")
        && let Ok(whole) = formats::target(target)
    {
        *target = whole;
    }
    Ok(())
}
