//! TLS towards clients.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use super::proxy::list;
use super::{some_seconds, word};
use crate::config::reader::Reader;
use crate::config::units;
use crate::config::{CipherSuites, TlsSettings, TlsVersion};

pub(super) fn read(reader: &mut Reader) -> TlsSettings {
    let ciphers = reader.text("ssl_ciphers").to_owned();
    TlsSettings {
        certificates: certificates(reader, "ssl_cert", "ssl_cert_key"),
        admin_certificates: certificates(reader, "admin_ssl_cert", "admin_ssl_cert_key"),
        admin_client_authorities: authorities(reader),
        cipher_suites: reader.read("ssl_cipher_suite", |text| cipher_suites(text, &ciphers)),
        protocols: reader.read("ssl_protocols", protocols),
        session_tickets: reader.read("ssl_session_tickets", units::switch),
        session_timeout: reader.read("ssl_session_timeout", some_seconds),
    }
}

fn certificates(
    reader: &mut Reader,
    chains: &'static str,
    keys_name: &'static str,
) -> Vec<(String, SecretString)> {
    let name = chains;
    let chains = reader.read(name, texts);
    let keys = reader.read(keys_name, texts);
    if chains.len() != keys.len() {
        let problem = format!("{} certificate(s) and {} key(s)", chains.len(), keys.len());
        reader.complain(keys_name, problem, format!("allowed: one key for each of {name}, in its order"));
    }
    let chains = chains.iter().map(|chain| chain.expose_secret().to_owned());
    chains.zip(keys).collect()
}

/// Public, so kept as they are.
fn authorities(reader: &mut Reader) -> Vec<String> {
    let found = reader.read("admin_ssl_client_ca", texts);
    found.iter().map(|text| text.expose_secret().to_owned()).collect()
}

/// Kong takes paths, PEM, and PEM in base64.
fn texts(text: &str) -> Result<Vec<SecretString>, String> {
    list(text).map(|one| pem(one).map(SecretString::from)).collect()
}

fn pem(text: &str) -> Result<String, String> {
    if text.starts_with("-----BEGIN") {
        return Ok(text.to_owned());
    }
    let error = match std::fs::read_to_string(text) {
        Ok(read) => return Ok(read),
        Err(error) => error,
    };
    let decoded = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.filter(|text| text.contains("-----BEGIN")).ok_or_else(|| {
        format!("allowed: a list of paths, of texts in PEM, or of such in base64; as a path: {error}")
    })
}

fn cipher_suites(text: &str, ciphers: &str) -> Result<CipherSuites, String> {
    let sets = [
        ("modern", Some(CipherSuites::Modern)),
        ("intermediate", Some(CipherSuites::Intermediate)),
        ("old", Some(CipherSuites::Old)),
        ("fips", Some(CipherSuites::Fips)),
        ("custom", None),
    ];
    let words: Vec<_> = sets.iter().map(|(word, set)| (*word, set)).collect();
    let names = || ciphers.split([':', ',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned);
    Ok(word(text, &words)?.clone().unwrap_or_else(|| CipherSuites::Custom(names().collect())))
}

/// Versions before 1.2 are passed over, as the operating systems of most Kongs do.
fn protocols(text: &str) -> Result<Vec<TlsVersion>, String> {
    let mut found = Vec::new();
    for name in text.split([' ', ',']).filter(|name| !name.is_empty()) {
        let version = match name {
            "TLSv1.2" => TlsVersion::Tls12,
            "TLSv1.3" => TlsVersion::Tls13,
            "TLSv1" | "TLSv1.1" => continue,
            other => return Err(format!("'{other}' is none of TLSv1.2, TLSv1.3")),
        };
        if !found.contains(&version) {
            found.push(version);
        }
    }
    if found.is_empty() { Err("allowed: TLSv1.2, TLSv1.3, or both".to_owned()) } else { Ok(found) }
}
