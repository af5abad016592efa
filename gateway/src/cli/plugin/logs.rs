//! `weir plugin logs`: what a plugin logs on the node that is asked.

use clap::Args;
use serde_json::Value;

use super::PluginError;
use super::admin_api::{AdminApi, Gateway};
use super::push::encoded;
use crate::cli::output::{Heard, say};

/// Bytes of one line; longer ones are no lines of a gateway.
const MAX_LINE: usize = 1 << 20;

#[derive(Debug, Args)]
pub(super) struct LogsArgs {
    /// The plugin.
    name: String,
    #[command(flatten)]
    gateway: Gateway,
    /// Goes on until Ctrl-C.
    #[arg(long, short)]
    follow: bool,
    /// Prints each line as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &LogsArgs) -> Result<(), PluginError> {
    let api = AdminApi::new(&args.gateway)?;
    print(&api, (&args.name, args.follow), if args.json { str::to_owned } else { readable }).await
}

/// Prints what the plugin logs until the gateway ends.
pub(super) async fn follow(api: &AdminApi, plugin: &str) -> Result<(), PluginError> {
    print(api, (plugin, true), readable).await
}

async fn print(
    api: &AdminApi,
    (plugin, follow): (&str, bool),
    form: fn(&str) -> String,
) -> Result<(), PluginError> {
    let path = format!("/custom-plugins/{}/logs?follow={follow}", encoded(plugin));
    let mut incoming = api.stream(&path).await?;
    let mut rest = Vec::new();
    while let Some(chunk) = incoming.chunk().await? {
        rest.extend_from_slice(&chunk);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            if say(form(String::from_utf8_lossy(&line).trim()))? == Heard::No {
                return Ok(());
            }
        }
        if rest.len() > MAX_LINE {
            rest.clear();
        }
    }
    Ok(())
}

/// A line as people read it: moment, level, version, request, message, fields.
fn readable(line: &str) -> String {
    let Ok(line) = serde_json::from_str::<Value>(line) else { return line.to_owned() };
    let text = |field: &str| line.get(field).and_then(Value::as_str).unwrap_or_default();
    let moment = line.get("at_unix_ms").and_then(Value::as_u64).unwrap_or_default();
    let (seconds, ms) = (moment / 1000 % 86_400, moment % 1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut shown = format!(
        "{hours:02}:{minutes:02}:{seconds:02}.{ms:03}Z {:<5} {} {}",
        text("level"),
        text("version"),
        text("message")
    );
    let pairs = line.get("fields").and_then(Value::as_array).into_iter().flatten();
    for pair in pairs {
        let part = |at: usize| pair.get(at).and_then(Value::as_str).unwrap_or_default();
        shown.push_str(&format!(" {}={:?}", part(0), part(1)));
    }
    if !text("request_id").is_empty() {
        shown.push_str(&format!(" request_id={}", text("request_id")));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_readable() {
        let line = r#"{"number":1,"at_unix_ms":86461007,"level":"warn","version":"0.1.0","request_id":"ab",
            "message":"seen","fields":[["path","/a b"]]}"#;
        assert_eq!(readable(line), r#"00:01:01.007Z warn  0.1.0 seen path="/a b" request_id=ab"#);
    }
}
