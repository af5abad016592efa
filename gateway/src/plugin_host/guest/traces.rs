//! Where a guest trapped, for its author: functions by the names that the component kept.

use wasmtime::WasmBacktrace;

use super::CallState;

/// Longest text, in bytes.
const MAX_BYTES: usize = 8 << 10;

/// Writes the backtrace of a trap to the log, if one is due: a plugin that traps with each request does
/// so in the same place.
pub(super) fn report(error: &wasmtime::Error, state: &CallState) {
    let Some(trace) = error.downcast_ref::<WasmBacktrace>() else { return };
    if trace.frames().is_empty() || !state.core.wants_backtrace() {
        return;
    }
    let info = &state.core.plugin.info;
    let (plugin, version) = (info.name.as_str(), info.version.as_str());
    let request_id = state.request_id.as_ref().map_or("", |id| id.as_str());
    let (digest, cause) = (state.core.plugin.digest.as_str(), error.root_cause());
    tracing::error!(
        plugin,
        version,
        digest,
        request_id,
        backtrace = frames(trace),
        "the plugin trapped: {cause}"
    );
}

/// The engine writes twenty frames at most; the text is bounded all the same, since names may be long.
fn frames(trace: &WasmBacktrace) -> String {
    let mut text = trace.to_string();
    text.truncate(text.floor_char_boundary(MAX_BYTES));
    text
}
