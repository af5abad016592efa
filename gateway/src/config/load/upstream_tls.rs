//! TLS with upstreams: whom the node trusts, and what it shows.

use secrecy::SecretString;

use super::small;
use crate::config::UpstreamTls;
use crate::config::reader::Reader;
use crate::config::units;

/// What webpki follows at most.
const MAX_DEPTH: u32 = 6;

/// Where systems keep the authorities that they trust, in the order in which Kong looks.
const SYSTEM: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

pub(super) fn read(reader: &mut Reader) -> UpstreamTls {
    UpstreamTls {
        trusted: reader.read("lua_ssl_trusted_certificate", trusted),
        verify: reader.read("upstream_tls_verify", units::switch),
        depth: reader.read("upstream_tls_verify_depth", |text| small(text, 0, MAX_DEPTH)),
        certificate: certificate(reader),
    }
}

/// The texts of all files; the system's may be missing.
fn trusted(text: &str) -> Result<Vec<String>, String> {
    let mut texts = Vec::new();
    for entry in super::proxy::list(text) {
        if entry == "system" {
            texts.extend(SYSTEM.iter().find_map(|path| std::fs::read_to_string(path).ok()));
        } else {
            texts.push(file(entry)?);
        }
    }
    Ok(texts)
}

fn certificate(reader: &mut Reader) -> Option<(String, SecretString)> {
    let shown = reader.read("client_ssl", units::switch);
    if !shown {
        return None;
    }
    let required =
        |path: &str| if path.is_empty() { Err("needed by client_ssl".to_owned()) } else { file(path) };
    let chain = reader.read("client_ssl_cert", required);
    let key = reader.read("client_ssl_cert_key", required);
    Some((chain, SecretString::from(key)))
}

fn file(path: &str) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))
}
