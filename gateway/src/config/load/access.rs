//! Settings of who may use the Admin API. A listener that other machines reach must be protected, or the
//! operator must have said that it need not be.

use http::Uri;
use secrecy::SecretString;

use super::proxy::list;
use super::{seconds, word};
use crate::config::reader::Reader;
use crate::config::{
    AccessSettings, AuditMode, AuditSettings, Listener, Proofs, ROLES, Settings, Unprotected, units,
};

/// Shortest token that an operator may make up: far beyond guessing at the rate that is let through.
const SHORTEST_TOKEN: usize = 20;

const MODES: [(&str, AuditMode); 3] =
    [("on", AuditMode::On), ("best-effort", AuditMode::BestEffort), ("off", AuditMode::Off)];

pub(super) fn read(reader: &mut Reader, listeners: &[Listener]) -> AccessSettings {
    let token = reader.read("admin_token", token);
    let proofs = proofs(reader, token.is_some());
    let client_roles: Vec<_> = reader.read("admin_ssl_client_roles", |text| list(text).map(role).collect());
    if proofs.certificate {
        complain_of_strangers(reader, listeners, &client_roles);
    }
    let settings = AccessSettings {
        proofs,
        token,
        client_roles,
        unprotected: reader.read("admin_listen_unprotected", unprotected),
        hosts: reader.read("admin_hosts", |text| {
            Ok(list(text).map(|host| host.trim_end_matches('.').to_ascii_lowercase()).collect())
        }),
        origins: reader.read("admin_gui_url", |text| list(text).map(origin).collect()),
        audit: AuditSettings {
            mode: reader.read("audit_log", |text| word(text, &MODES)),
            record_ttl: reader.read("audit_log_record_ttl", seconds),
            max_records: reader.read("audit_log_max_records", |text| units::count(text, 0, u64::MAX)),
        },
    };
    for listener in listeners {
        complain_of_exposure(reader, &settings, listener);
    }
    settings
}

fn token(text: &str) -> Result<Option<SecretString>, String> {
    match text.len() {
        0 => Ok(None),
        SHORTEST_TOKEN.. if text.chars().all(|letter| letter.is_ascii_graphic()) => Ok(Some(text.into())),
        _ => Err(format!("allowed: {SHORTEST_TOKEN} characters or more, visible ASCII ones")),
    }
}

fn proofs(reader: &mut Reader, has_token: bool) -> Proofs {
    let has_authority = !reader.text("admin_ssl_client_ca").trim().is_empty();
    let text = reader.text("admin_auth").trim().to_owned();
    let proofs = match text.as_str() {
        "" => Proofs { token: has_token, certificate: has_authority },
        "off" => Proofs::default(),
        text => match words(text, ["token", "mtls"]) {
            Ok([token, certificate]) => Proofs { token, certificate },
            Err(allowed) => {
                reader.complain("admin_auth", format!("'{text}' cannot be used"), allowed);
                Proofs::default()
            }
        },
    };
    if has_authority != proofs.certificate {
        let (problem, allowed) = match has_authority {
            true => ("nobody would be asked for a certificate", "leave admin_auth empty, or add mtls to it"),
            false => ("no authority speaks for certificates", "name one, or take mtls out of admin_auth"),
        };
        reader.complain("admin_ssl_client_ca", problem.to_owned(), allowed.to_owned());
    }
    if has_token && !proofs.token {
        let allowed = "leave admin_auth empty, or add token to it".to_owned();
        reader.complain("admin_token", "nobody would be asked for it".to_owned(), allowed);
    }
    proofs
}

/// `CN=ROLE`; a name may have a `=` in it.
fn role(text: &str) -> Result<(String, String), String> {
    let pair = text.rsplit_once('=').map(|(name, role)| (name.trim(), role.trim()));
    let pair = pair.filter(|(name, role)| !name.is_empty() && ROLES.contains(role));
    let (name, role) = pair.ok_or_else(|| {
        format!("allowed: a list of NAME=ROLE, with * for any other name, and the roles {}", ROLES.join(", "))
    })?;
    Ok((name.to_owned(), role.to_owned()))
}

/// What would leave the holders of certificates outside.
fn complain_of_strangers(reader: &mut Reader, listeners: &[Listener], roles: &[(String, String)]) {
    if roles.is_empty() {
        let problem = "nobody would have a role".to_owned();
        reader.complain("admin_ssl_client_roles", problem, "such as ops=admin,*=read-only".to_owned());
    }
    if !listeners.iter().any(|listener| listener.speaks.tls) {
        let problem = "certificates are shown in TLS only, and no listener speaks it".to_owned();
        reader.complain("admin_listen", problem, "such as 127.0.0.1:8444 ssl".to_owned());
    }
}

fn unprotected(text: &str) -> Result<Unprotected, String> {
    if text == "off" {
        return Ok(Unprotected::default());
    }
    words(text, ["tls", "auth"]).map(|[tls, auth]| Unprotected { tls, auth })
}

/// Which of two words a list has.
fn words(text: &str, known: [&str; 2]) -> Result<[bool; 2], String> {
    let given: Vec<&str> = list(text).collect();
    if given.is_empty() || given.iter().any(|word| !known.contains(word)) {
        return Err(format!("allowed: off, or a list of {}", known.join(" and ")));
    }
    Ok(known.map(|word| given.contains(&word)))
}

/// `https://ui.example.com:8445/manager` is the origin `https://ui.example.com:8445`.
fn origin(text: &str) -> Result<String, String> {
    let url: Option<Uri> = text.parse().ok();
    let parts = url.as_ref().and_then(|url| Some((url.scheme_str()?, url.authority()?)));
    let (scheme, authority) = parts.ok_or("allowed: a list of URLs such as http://localhost:8002")?;
    Ok(format!("{scheme}://{authority}").to_ascii_lowercase())
}

/// What protects a listener that other machines reach, and is missing.
fn missing(settings: &AccessSettings, listener: &Listener) -> Vec<(&'static str, &'static str)> {
    if listener.is_loopback() {
        return Vec::new();
    }
    let mut missing = Vec::new();
    if !listener.speaks.tls {
        missing.push(("tls", "without TLS"));
    }
    if !settings.proofs.are_asked() {
        missing.push(("auth", "without asking who calls"));
    }
    missing
}

fn complain_of_exposure(reader: &mut Reader, settings: &AccessSettings, listener: &Listener) {
    let Unprotected { tls, auth } = settings.unprotected;
    let missing = missing(settings, listener);
    if missing.iter().all(|(what, _)| if *what == "tls" { tls } else { auth }) {
        return;
    }
    let address = listener.address;
    let how: Vec<&str> = missing.iter().map(|(_, how)| *how).collect();
    let what: Vec<&str> = missing.iter().map(|(what, _)| *what).collect();
    let problem = format!("other machines could use the Admin API on {address} {}", how.join(" and "));
    let mut ways = Vec::new();
    if what.contains(&"auth") {
        ways.push("set WEIR_ADMIN_TOKEN to a long random text".to_owned());
    }
    if what.contains(&"tls") {
        ways.push(format!("write '{address} ssl'"));
    }
    let allowed = format!(
        "{}; or listen on 127.0.0.1; or, if something else protects that port, \
         set WEIR_ADMIN_LISTEN_UNPROTECTED={}",
        ways.join(" and "),
        what.join(",")
    );
    reader.complain("admin_listen", problem, allowed);
}

/// What an operator who gave up protection should hear at each start.
pub(super) fn notices(settings: &Settings) -> Vec<String> {
    let exposed = settings.admin_listen.iter().filter_map(|listener| {
        let missing = missing(&settings.access, listener);
        let how: Vec<&str> = missing.iter().map(|(_, how)| *how).collect();
        let address = listener.address;
        let all = how.join(" and ");
        (!how.is_empty()).then(|| {
            format!(
                "other machines can use the Admin API on {address} {all}, as admin_listen_unprotected allows"
            )
        })
    });
    exposed.collect()
}
