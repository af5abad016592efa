//! `weir plugin run`: a gateway with the plugin on a route, which follows what the author saves.
//!
//! The gateway is this very program, in a process and a folder of its own, so that what is tried is what
//! will run. Only its uploads are made differently: a version that changes is taken away and put back.

mod child;
mod load;
mod record;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use http::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::admin_api::AdminApi;
use super::build::Project;
use super::{PluginError, push};
use crate::cli::demo;
use crate::cli::output::say;
use crate::shutdown::EndSignals;
use crate::task;
use child::Child;
use load::Loader;
use record::{Recorder, Upstream};
use watch::Watch;

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    project: Project,
    /// Port of the proxy; a free one if absent.
    #[arg(long)]
    port: Option<u16>,
    /// Port of the Admin API; a free one if absent.
    #[arg(long)]
    admin_port: Option<u16>,
    /// Another upstream than the demo, which answers with what it was sent.
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
    /// Configuration of the assignment; that of the first file in `tests` if absent.
    #[arg(long, value_name = "JSON", value_parser = push::json)]
    config: Option<Value>,
    /// Loads the plugin once, and follows no changes.
    #[arg(long)]
    no_watch: bool,
    /// Writes what clients send and the upstream answers into a file of requests, for `weir plugin test`.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

pub(super) async fn run(args: RunArgs) -> Result<(), PluginError> {
    let failed = PluginError::system;
    let mut signals = EndSignals::listen().map_err(failed("signals cannot be heard"))?;
    let mut watch = Watch::begin(&args.project.dir)?;
    let demo = TcpListener::bind("127.0.0.1:0").await.map_err(failed("the demo upstream cannot listen"))?;
    let address = demo.local_addr().map_err(failed("the demo upstream cannot listen"))?;
    task::spawn("demo upstream", demo::answer(demo));
    let upstream = args.upstream.clone().unwrap_or_else(|| format!("http://{address}"));
    let mut child =
        Child::start(&args.project.dir, (args.port.filter(|_| args.record.is_none()), args.admin_port))?;
    let (upstream, proxy) = match &args.record {
        Some(file) => record(file, &args, &upstream, child.proxy).await?,
        None => (upstream, child.proxy),
    };
    let serving = async {
        child.until_ready().await?;
        let api = AdminApi::local(child.admin)?;
        prepare(&api, &upstream).await?;
        let mut loader = Loader::new(args.project.clone(), api, args.config.clone());
        say(format_args!(
            "\nThe gateway is ready. Try, in another terminal:\n\n  curl -i http://127.0.0.1:{proxy}/anything\n"
        ))?;
        say(format_args!("Its Admin API is http://127.0.0.1:{}; Ctrl-C ends it.\n", child.admin))?;
        loop {
            loader.load().await?;
            if args.no_watch {
                return child.ended().await;
            }
            tokio::select! {
                () = watch.changed() => {}
                ended = child.ended() => return ended,
            }
        }
    };
    let ended = tokio::select! {
        ended = serving => ended,
        _ = signals.next() => Ok(()),
    };
    child.stop().await;
    say("\nstopped")?;
    ended
}

/// Puts a recorder on both sides of the gateway, and gives the URL behind and the port before it.
async fn record(
    file: &Path,
    args: &RunArgs,
    upstream: &str,
    gateway: u16,
) -> Result<(String, u16), PluginError> {
    let failed = || PluginError::system("the recorder cannot listen");
    let recorder = Recorder::begin(file.to_owned(), args.project.dir.clone(), args.config.clone())?;
    let (upstream, path) = Upstream::at(upstream)?;
    let before = TcpListener::bind(("127.0.0.1", args.port.unwrap_or(0))).await.map_err(failed())?;
    let behind = TcpListener::bind("127.0.0.1:0").await.map_err(failed())?;
    let port = before.local_addr().map_err(failed())?.port();
    let url = format!("http://{}{path}", behind.local_addr().map_err(failed())?);
    task::spawn("recorder before the gateway", Arc::clone(&recorder).before(before, gateway));
    task::spawn("recorder behind the gateway", recorder.behind(behind, upstream));
    say(format_args!("\nRecording into {}, one request at a time.", file.display()))?;
    Ok((url, port))
}

/// A service and a route for everything.
async fn prepare(api: &AdminApi, upstream: &str) -> Result<(), PluginError> {
    api.send(Method::PUT, "/services/demo", &json!({ "url": upstream })).await?;
    let route = json!({ "paths": ["/"], "service": { "name": "demo" } });
    api.send(Method::PUT, &format!("/routes/{}", load::ROUTE), &route).await?;
    Ok(())
}

/// Where the gateway of a project works: `.weir/run`.
fn folder(dir: &std::path::Path) -> PathBuf {
    dir.join(".weir").join("run")
}
