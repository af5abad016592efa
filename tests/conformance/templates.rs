//! What `weir plugin new` writes passes its own tests, in every language and of every kind.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::ensure;

use crate::setup::{program, root};

/// Kinds with answers that are the same in every language: `plugin-sdk/templates/common`.
const KINDS: [&str; 3] = ["auth", "log", "rate-limit"];

/// Writes a plugin of each kind and runs `weir plugin test` on it.
pub(crate) fn pass_their_tests(language: &str) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    for kind in KINDS {
        let name = format!("{language}-{kind}");
        weir(folder.path(), &["new", &name, "--lang", language, "--kind", kind])?;
        let golden = Path::new("tests/example.golden.json");
        let wanted = std::fs::read(folder.path().join(&name).join(golden))?;
        let kept = std::fs::read(root().join("plugin-sdk/templates/common/kinds").join(kind).join(golden))?;
        ensure!(wanted == kept, "{name} wants other answers");
        let said = weir(folder.path(), &["test", &name])?;
        ensure!(said.contains(&format!("ok       {name}/tests/example.yaml")), "{name}: {said}");
    }
    Ok(())
}

/// `weir plugin …` in a folder; it must succeed.
fn weir(folder: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new(program());
    let output = command.arg("plugin").args(arguments).current_dir(folder).stdin(Stdio::null()).output()?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    ensure!(output.status.success(), "weir plugin {}: {said}", arguments.join(" "));
    Ok(said)
}
