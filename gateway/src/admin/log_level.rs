//! `/debug/node/log-level` and `/debug/cluster/log-level`: how much this node, or all of them, say about
//! themselves, told and changed while they run.

use std::time::Duration;

use axum::http::StatusCode;

use super::answer::Answer;
use super::call::Call;
use super::error::ApiError;
use crate::config::LogLevel;
use crate::store::{LevelNews, News};
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
    let (level, lasts) = wanted(call)?;
    Ok(set(level, lasts))
}

/// `PUT /debug/cluster/log-level/{level}`: the same on all nodes that run.
pub(super) async fn set_level_of_all(call: Call<'_>) -> Result<Answer, ApiError> {
    let (level, lasts) = wanted(&call)?;
    let node = call.state.settings.node_id;
    // The others may have another level than this one.
    let news = News::Level(LevelNews { level: level.as_str().to_owned(), lasts, node });
    call.state.store.whole().announce(&news).await?;
    Ok(set(level, lasts))
}

fn wanted(call: &Call<'_>) -> Result<(LogLevel, Duration), ApiError> {
    let name = call.parameter(0)?;
    let level =
        LogLevel::named(name).ok_or_else(|| ApiError::bad_request(format!("unknown log level: {name}")))?;
    let timeout = call.query.get("timeout").map_or(Some(LASTS), |text| text.parse::<f64>().ok());
    let timeout = timeout
        .filter(|seconds| *seconds >= 0.0)
        .ok_or_else(|| ApiError::bad_request("timeout must be greater than or equal to 0"))?;
    Ok((level, Duration::from_secs_f64(timeout.min(LONGEST).ceil())))
}

fn set(level: LogLevel, lasts: Duration) -> Answer {
    if logs::level() == level {
        return Answer::message(StatusCode::OK, format!("log level is already {}", level.as_str()));
    }
    logs::set_level_for(level, lasts);
    Answer::message(StatusCode::OK, "log level changed")
}
