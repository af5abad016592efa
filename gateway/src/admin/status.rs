//! `/status`: how this node is doing, in Kong's shape and more beside it.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::answer::Answer;
use super::call::Query;
use super::error::ApiError;
use super::state::AdminState;
use crate::telemetry::resident_bytes;

/// Digits behind the point that are printed at most, as many as Lua prints.
const MOST_DIGITS: usize = 99;

/// `GET /status`. Answers with the database away too.
pub(super) async fn show_status(state: &AdminState, query: &Query) -> Result<Answer, ApiError> {
    let scale = Scale::asked(query)?;
    let stored = state.store.revision().await;
    let reachable = stored.is_ok();
    let report = (state.node.report)();
    let memory = resident_bytes().map(|bytes| scale.print(bytes));
    let mut body = json!({
        // There is no Lua: the memory of the whole process stands where Kong has that of its workers.
        "memory": {
            "lua_shared_dicts": {},
            "workers_lua_vms": [{ "http_allocated_gc": memory, "pid": std::process::id() }],
        },
        "server": {
            "connections_accepted": report.connections_accepted,
            "connections_active": report.connections_active,
            "connections_handled": report.connections_accepted,
            "connections_reading": 0,
            "connections_waiting": report.connections_active.saturating_sub(report.requests_running),
            "connections_writing": report.requests_running,
            "total_requests": report.total_requests,
        },
        "weir": {
            "stored_revision": stored.ok(),
            "live_revision": report.live_revision,
            "serving_last_good": report.serving_last_good,
            "reload_error": report.reload_error,
            "faults": if state.store.scope().is_some() { Vec::new() } else { report.faults },
        },
    });
    if let Some(body) = body.as_object_mut() {
        match &state.settings.dbless {
            Some(dbless) => body.insert("configuration_hash".to_owned(), dbless.hash().into()),
            None => body.insert("database".to_owned(), json!({ "reachable": reachable })),
        };
    }
    Ok(Answer::ok(body))
}

/// How figures of memory are printed.
struct Scale {
    /// Bytes of one unit and its name; `None` for bytes, which are printed as a number.
    unit: Option<(f64, &'static str)>,
    digits: usize,
}

impl Scale {
    fn asked(query: &Query) -> Result<Self, ApiError> {
        let name = query.get("unit").unwrap_or("m");
        let unit = match name.to_ascii_lowercase().as_str() {
            "b" => None,
            "k" => Some((1024.0, "KiB")),
            "m" => Some((1024.0 * 1024.0, "MiB")),
            "g" => Some((1024.0 * 1024.0 * 1024.0, "GiB")),
            _ => {
                let text = format!("invalid unit '{name}' (expected 'k/K', 'm/M', or 'g/G')");
                return Err(ApiError::message(StatusCode::BAD_REQUEST, text));
            }
        };
        let digits = query.get("scale").map_or(Some(2), |text| text.parse().ok());
        let digits = digits.filter(|digits| *digits <= MOST_DIGITS);
        let digits = digits.ok_or_else(|| ApiError::bad_request("scale must be equal or greater than 0"))?;
        Ok(Self { unit, digits })
    }

    #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^53 bytes")]
    fn print(&self, bytes: u64) -> Value {
        match self.unit {
            None => bytes.into(),
            Some((one, name)) => format!("{:.*} {name}", self.digits, bytes as f64 / one).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_printed_as_asked() {
        for (case, query, want) in [
            ("as in Kong", "", Ok(json!("1.50 MiB"))),
            ("bytes", "unit=b", Ok(json!(1_572_864))),
            ("without digits", "unit=K&scale=0", Ok(json!("1536 KiB"))),
            ("small", "unit=g&scale=4", Ok(json!("0.0015 GiB"))),
            ("unknown", "unit=x", Err("invalid unit 'x' (expected 'k/K', 'm/M', or 'g/G')")),
            ("negative", "scale=-1", Err("scale must be equal or greater than 0")),
            ("no number", "scale=a", Err("scale must be equal or greater than 0")),
            ("endless", "scale=1000000", Err("scale must be equal or greater than 0")),
        ] {
            let found = Scale::asked(&Query::read(query).unwrap()).map(|scale| scale.print(1_572_864));
            let found = found.map_err(|error| error.to_string());
            assert_eq!(found, want.map_err(str::to_owned), "{case}");
        }
    }
}
