//! The health of targets: what the balancer sees, and what an operator says of it.
//!
//! What is seen belongs to the node that is asked, as in Kong; what is set goes to all of them.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::call::Call;
use super::entities;
use super::error::ApiError;
use super::targets::{kind, newest_first, upstream, with_rest};
use crate::balancer::{AddressView, Balancer, BalancerView, TargetView};
use crate::model::Document;
use crate::store::{HealthNews, News};

/// What health a target has that nobody looks at.
const UNCHECKED: &str = "HEALTHCHECKS_OFF";

/// `/upstreams/{upstream}/health`.
pub(super) async fn show_health(call: Call<'_>) -> Result<Answer, ApiError> {
    let below = upstream(call.state, call.parameter(0)?).await?;
    let node_id = call.state.settings.node_id;
    let view = (call.state.node.balancer)(below.id).map(|balancer| balancer.view());
    if call.query.get("balancer_health") == Some("1") {
        let mut data = Map::from_iter([("id".to_owned(), json!(below.id))]);
        data.insert("health".to_owned(), view.as_ref().map_or(UNCHECKED, |view| view.health.as_str()).into());
        if let Some(view) = &view {
            data.insert("details".to_owned(), details(view));
        }
        return Ok(Answer::ok(json!({ "data": data, "next": null, "node_id": node_id })));
    }
    let (mut data, rest) = newest_first(call.state, &call.query, below).await?;
    for target in &mut data {
        describe(target, view.as_ref());
    }
    let body = json!({ "data": data, "next": null, "node_id": node_id });
    Ok(Answer::ok(with_rest(body, rest, call.path)))
}

/// Adds what the balancer sees of a target. It may not know one that was made a moment ago.
fn describe(target: &mut Document, view: Option<&BalancerView>) {
    let text = target.get("target").and_then(Value::as_str).unwrap_or_default();
    let found = view.and_then(|view| view.targets.iter().find(|found| *found.target == *text));
    let health = found.map_or(UNCHECKED, |found| found.state.as_str());
    target.insert("health".to_owned(), health.into());
    if let Some(found) = found {
        target.insert("data".to_owned(), seen(found));
    }
}

fn seen(target: &TargetView) -> Value {
    let addresses: Vec<Value> = target.addresses.iter().map(address).collect();
    json!({
        "host": *target.host, "port": target.port, "dns": target.dns, "nodeWeight": target.node_weight,
        "weight": weight(target.total, target.available), "addresses": addresses,
    })
}

fn address(view: &AddressView) -> Value {
    let (ip, port) = (view.address.ip(), view.address.port());
    json!({ "ip": ip, "port": port, "weight": view.weight, "health": view.health.as_str() })
}

fn weight(total: u64, available: u64) -> Value {
    json!({ "total": total, "available": available, "unavailable": total - available })
}

fn details(view: &BalancerView) -> Value {
    let (total, available) = view
        .targets
        .iter()
        .fold((0, 0), |(total, available), target| (total + target.total, available + target.available));
    let hosts: Vec<Value> = view.targets.iter().map(seen).collect();
    let healthy = view.health != crate::balancer::Health::Unhealthy;
    json!({ "healthy": healthy, "weight": weight(total, available), "hosts": hosts })
}

/// `…/targets/{target}/healthy` and `unhealthy`, for all addresses of the target or for one.
pub(super) async fn set_health(call: Call<'_>) -> Result<Answer, ApiError> {
    let below = upstream(call.state, call.parameter(0)?).await?;
    let found = entities::find_below(call.state, kind()?, call.parameter(1)?, Some(below)).await?;
    let target = found.get("target").and_then(Value::as_str).unwrap_or_default();
    let only = match call.parameter(2) {
        Ok(text) => Some(text.parse::<SocketAddr>().map_err(|_| ApiError::NotFound)?),
        Err(_) => None,
    };
    let healthy = call.path.ends_with("/healthy");
    let balancer: Option<Arc<Balancer>> = (call.state.node.balancer)(below.id);
    let Some(balancer) = balancer else {
        return Err(ApiError::bad_request(format!("Upstream {} has no balancer", call.parameter(0)?)));
    };
    let chosen = |of: &str, address| of == target && only.is_none_or(|only| only == address);
    if balancer.set_health(healthy, chosen) == 0 {
        return Err(ApiError::NotFound);
    }
    let node = call.state.settings.node_id;
    let news = News::Health(HealthNews {
        upstream: below.id,
        target: target.to_owned(),
        address: only,
        healthy,
        node,
    });
    // It is so here in any case, and no other node can be told while the database is away.
    if let Err(error) = call.state.store.whole().announce(&news).await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, target, healthy, "other nodes do not hear of the health of a target");
    }
    Ok(Answer::no_content())
}
