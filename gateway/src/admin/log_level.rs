//! `/debug/node/log-level`: how much this node says about itself, told and changed while it runs.

use std::time::Duration;

use axum::http::StatusCode;

use super::answer::Answer;
use super::call::Call;
use super::error::ApiError;
use crate::config::LogLevel;
use crate::task;
use crate::telemetry::logs;

/// How long a changed level lasts if the client does not say, in seconds; as in Kong.
const LASTS: f64 = 60.0;
/// Longest time that is counted; beyond it is as good as for ever.
const LONGEST: f64 = 1e9;

/// `GET /debug/node/log-level`.
pub(super) fn show_level() -> Answer {
    Answer::message(StatusCode::OK, format!("log level: {}", logs::level().as_str()))
}

/// `PUT /debug/node/log-level/{level}`, for `timeout` seconds; 0 is until somebody changes it again.
pub(super) fn set_level(call: &Call<'_>) -> Result<Answer, ApiError> {
    let name = call.parameter(0)?;
    let level = LogLevel::ALL.iter().find(|(known, _)| *known == name).map(|(_, level)| *level);
    let level = level.ok_or_else(|| ApiError::bad_request(format!("unknown log level: {name}")))?;
    let timeout = call.query.get("timeout").map_or(Some(LASTS), |text| text.parse::<f64>().ok());
    let timeout = timeout
        .filter(|seconds| *seconds >= 0.0)
        .ok_or_else(|| ApiError::bad_request("timeout must be greater than or equal to 0"))?;
    if logs::level() == level {
        return Ok(Answer::message(StatusCode::OK, format!("log level is already {name}")));
    }
    let change = logs::set_level(level);
    if timeout > 0.0 {
        let lasts = Duration::from_secs_f64(timeout.min(LONGEST).ceil());
        drop(task::spawn("end of a log level", async move {
            tokio::time::sleep(lasts).await;
            logs::undo(change);
        }));
    }
    Ok(Answer::message(StatusCode::OK, "log level changed"))
}
