//! `weir plugin sign`: a detached signature that gateways check at upload and whenever they load the component.

use std::fs;
use std::path::PathBuf;

use clap::Args;

use super::PluginError;
use crate::cli::output::say;
use crate::plugin_host;

#[derive(Debug, Args)]
pub(super) struct SignArgs {
    /// The component.
    component: PathBuf,
    /// The private key, as `openssl genpkey -algorithm ed25519` writes it.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Where to write the signature; beside the component, with `.sig` at the end, if nothing is said.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &SignArgs) -> Result<(), PluginError> {
    let SignArgs { component, key, out } = args;
    let bytes = fs::read(component).map_err(PluginError::file(component))?;
    let pem = fs::read_to_string(key).map_err(PluginError::file(key))?;
    let signed = plugin_host::sign(&pem, &bytes);
    let (signature, public) = signed.map_err(|source| PluginError::Sign { path: key.clone(), source })?;
    let out = out.clone().unwrap_or_else(|| {
        let mut beside = component.clone().into_os_string();
        beside.push(".sig");
        beside.into()
    });
    fs::write(&out, signature).map_err(PluginError::file(&out))?;
    say(format_args!(
        "{}\nSigned by the key {}. Nodes that list it in plugin_trusted_keys take the component:\n  {}\nUpload it \
         with:\n  curl -sS http://localhost:8001/custom-plugins -F component=@{} -F signature=@{}",
        out.display(),
        public.id(),
        public.inline(),
        component.display(),
        out.display()
    ))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_lies_beside_its_component() {
        let dir = tempfile::tempdir().unwrap();
        let (component, key) = (dir.path().join("p.wasm"), dir.path().join("key.pem"));
        fs::write(&component, "component").unwrap();
        fs::write(&key, "no key").unwrap();
        let args = SignArgs { component: component.clone(), key: key.clone(), out: None };
        assert!(matches!(run(&args), Err(PluginError::Sign { .. })), "no key");
        let pem = "MC4CAQAwBQYDK2VwBCIEIF5IJUdnbh9nm4rzZN5VhNhxGJ9Uk6JJzGNTVminQidf";
        fs::write(&key, format!("-----BEGIN PRIVATE KEY-----\n{pem}\n-----END PRIVATE KEY-----\n")).unwrap();
        run(&args).unwrap();
        assert_eq!(fs::read(dir.path().join("p.wasm.sig")).unwrap().len(), 64);
    }
}
