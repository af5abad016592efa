//! Schemathesis makes up requests from the description, good ones and bad ones, and looks at the answers.
//!
//! The paths below a parent run the same code as those at the top; an ordinary run has time for the latter.
//! `WEIR_SCHEMATHESIS_EXAMPLES=50` asks for all operations, and for so many random requests of each beside
//! those that are made up to cover the description.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use gateway_tests::{Database, Gateway, Postgres};

use super::description;
use super::site::furnish;
use crate::setup::{gateway, one_at_a_time};

/// The releases that the test was written for.
const PACKAGES: [&str; 2] = ["schemathesis==4.32.5", "openapi-spec-validator==0.9.0"];

/// Paths below a parent.
const NESTED: &str = r"^/[^/]+/\{[^/]+\}/(?!logs|versions|health|targets)";

/// Left out are: that good data is accepted, since references and checks in code are in no schema; and
/// what is about authentication, which this gateway does not ask for.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_schema_conformance,response_headers_conformance,negative_data_rejection,unsupported_method,\
    allow_header_conformance";

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_valid_openapi() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    let file = gateway.prefix().join("openapi.json");
    std::fs::write(&file, description(&gateway).await?.to_string())?;
    run(Command::new(tools()?.join("openapi-spec-validator")).arg("--schema").arg("3.1").arg(&file))
}

#[tokio::test(flavor = "multi_thread")]
async fn made_up_requests_are_answered_as_described_on_sqlite() -> anyhow::Result<()> {
    answers(&gateway().start().await?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn made_up_requests_are_answered_as_described_on_postgres() -> anyhow::Result<()> {
    let database = Database::Postgres(Postgres::shared()?.database()?);
    answers(&gateway().database(database).start().await?).await
}

async fn answers(gateway: &Gateway) -> anyhow::Result<()> {
    let tools = tools()?;
    furnish(gateway).await?;
    let settings = gateway.prefix().join("schemathesis.toml");
    // 501 is what Kong answers there.
    let text = "[[operations]]\ninclude-operation-id = \"getDnsStatus\"\n[operations.checks]\n\
        not_a_server_error.enabled = false\n";
    std::fs::write(&settings, text)?;
    let mut command = Command::new(tools.join("schemathesis"));
    command
        .current_dir(gateway.prefix())
        .args(["--config-file", settings.to_str().context("UTF-8")?, "run"])
        .arg(format!("http://{}/openapi.json", gateway.admin))
        .args(["--checks", CHECKS, "--seed", "1", "--no-shrink", "--continue-on-failure"])
        .args(["--request-timeout", "60", "--suppress-health-check", "all", "--warnings", "off"]);
    match std::env::var("WEIR_SCHEMATHESIS_EXAMPLES") {
        Ok(examples) => command.args(["--phases", "coverage,fuzzing", "--max-examples", &examples]),
        Err(_) => {
            command.args(["--phases", "coverage", "--exclude-deprecated", "--exclude-path-regex", NESTED])
        }
    };
    tokio::task::spawn_blocking(move || run(&mut command)).await?
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let done = command.output().with_context(|| format!("{command:?}"))?;
    let said = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "{}: {said}", done.status);
    Ok(())
}

/// The programs, in an environment of Python that is made once.
fn tools() -> anyhow::Result<PathBuf> {
    let _turn = one_at_a_time();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schemathesis");
    let made = folder.join("made");
    let wanted = PACKAGES.join("\n");
    if std::fs::read_to_string(&made).is_ok_and(|found| found == wanted) {
        return Ok(folder.join("bin"));
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    run(Command::new(folder.join("bin/python")).args(pip).args(PACKAGES))?;
    std::fs::write(made, wanted)?;
    Ok(folder.join("bin"))
}
