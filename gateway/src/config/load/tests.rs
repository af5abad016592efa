use std::path::PathBuf;

use secrecy::ExposeSecret;

use super::*;
use crate::config::{AccessLogTarget, Database, HeaderToken, Migrate};

fn from_environment(variables: &[(&str, &str)]) -> Result<Loaded, SettingsError> {
    let environment: Vec<_> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    load(Sources { file: None, environment: &environment })
}

fn from_file(name: &str, text: &str) -> Result<Loaded, SettingsError> {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("written");
    load(Sources { file: Some(&path), environment: &[] })
}

#[test]
fn the_defaults_are_fit_for_a_bare_machine() {
    let Loaded { settings, notices } = from_environment(&[]).expect("no faults");
    assert!(notices.is_empty(), "{notices:?}");
    assert!(matches!(&settings.database, Database::Sqlite { path } if path == Path::new(".weir/weir.db")));
    assert_eq!(settings.migrate, Migrate::Auto);
    assert_eq!(settings.proxy.access_log, AccessLogTarget::File(".weir/logs/access.log".into()));
    assert_eq!(settings.proxy.client_header_timeout, Duration::from_secs(15));
    assert_eq!((settings.proxy.client_max_headers, settings.proxy.client_max_uri_size), (100, 16 * 1024));
    assert_eq!(settings.proxy.client_max_body_size, None);
    assert!(settings.admin_listen.iter().all(super::super::Listener::is_loopback));
    assert_eq!(settings.plugins.component_max_size, 32 << 20);
    assert!(settings.origins.is_empty());
}

#[test]
fn the_environment_wins_over_the_file_and_weir_over_kong() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("weir.yaml");
    std::fs::write(&path, "workers: 3\nlog_level: debug\ngrace_period: 5s\n").expect("written");
    let environment = [("WEIR_LOG_LEVEL", "warn"), ("KONG_LOG_LEVEL", "info"), ("KONG_PREFIX", "/srv/kong")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings =
        load(Sources { file: Some(&path), environment: &environment }).expect("no faults").settings;
    assert_eq!((settings.workers.get(), settings.log_level), (3, LogLevel::Warn));
    assert_eq!(
        (settings.prefix, settings.grace_period),
        (PathBuf::from("/srv/kong"), Duration::from_secs(5))
    );
    let said = |name| settings.origins.get(name).map(ToString::to_string);
    assert_eq!(said("log_level").as_deref(), Some("environment variable WEIR_LOG_LEVEL"));
    assert_eq!(said("workers"), Some(format!("{}:1", path.display())));
    assert_eq!(said("pg_host"), None);
}

#[test]
fn every_fault_is_told_with_its_source() {
    let error = from_environment(&[
        ("WEIR_WORKERS", "none"),
        ("KONG_LOG_LEVEL", "loud"),
        ("WEIR_STATUS_LISTEN", "127.0.0.1:8444 ssl"),
        ("WEIR_PROXY_LISTN", "x"),
        ("WEIR_DATABASE_URL", "mysql://root:s3cret@host"),
        ("KONG_ROLE", "data_plane"),
    ])
    .expect_err("six faults")
    .to_string();
    assert!(error.starts_with("6 settings cannot be used"), "{error}");
    for want in [
        "workers (environment variable WEIR_WORKERS): 'none' cannot be used; allowed: a whole number from 1 to 1024, or auto",
        "log_level (environment variable KONG_LOG_LEVEL): 'loud' cannot be used; allowed: debug, info, notice",
        "'ssl' on 127.0.0.1:8444 is not supported yet",
        "did you mean WEIR_PROXY_LISTEN?",
        "database_url (environment variable WEIR_DATABASE_URL): this is not the URL of a database",
        "only the role 'traditional'",
    ] {
        assert!(error.contains(want), "{want} is missing in {error}");
    }
    assert!(!error.contains("s3cret"), "a secret is never shown: {error}");
}

#[test]
fn a_kong_configuration_starts_with_one_notice() {
    let text = "admin_gui_listen = 0.0.0.0:8002\nplugins = bundled\nnginx_http_client_max_body_size = 8m\nheaders = off\n";
    let Loaded { settings, notices } = from_file("kong.conf", text).expect("no faults");
    assert_eq!(settings.proxy.client_max_body_size, Some(8 << 20));
    assert!(settings.proxy.headers.is_empty());
    assert_eq!(notices, ["these settings of Kong's have no effect here: admin_gui_listen, plugins"]);
}

#[test]
fn unknown_keys_of_a_file_are_refused_with_their_line() {
    let error = from_file("weir.yaml", "workers: 1\nproxy_lissen: off\n").expect_err("unknown").to_string();
    assert!(error.contains("weir.yaml:2): there is no such setting; did you mean proxy_listen?"), "{error}");
    let error = from_file("weir.conf", "log_levle = info\n").expect_err("unknown").to_string();
    assert!(error.contains("weir.conf:1)"), "{error}");
}

#[test]
fn an_open_admin_api_is_refused_or_pointed_out() {
    let listen = ("WEIR_ADMIN_LISTEN", "0.0.0.0:8001, 127.0.0.1:8002");
    let token = ("WEIR_ADMIN_TOKEN", "0123456789abcdefghij");
    let open = |words| ("WEIR_ADMIN_LISTEN_UNPROTECTED", words);
    for (case, variables, want) in [
        ("nothing", vec![listen], Some("UNPROTECTED=tls,auth")),
        ("a token", vec![listen, token], Some("UNPROTECTED=tls")),
        ("the wrong word", vec![listen, open("tls")], Some("UNPROTECTED=tls,auth")),
        ("a word that is none", vec![listen, open("all")], Some("a list of tls and auth")),
        ("both words", vec![listen, open("tls, auth")], None),
        ("a token and a word", vec![listen, token, open("tls")], None),
    ] {
        match (from_environment(&variables), want) {
            (Err(error), Some(want)) => assert!(error.to_string().contains(want), "{case}: {error}"),
            (Ok(loaded), None) => {
                assert_eq!(loaded.notices.len(), 1, "{case}");
                assert!(loaded.notices[0].contains("0.0.0.0:8001"), "{case}: {:?}", loaded.notices);
            }
            (loaded, _) => panic!("{case}: {:?}", loaded.map(|loaded| loaded.notices)),
        }
    }
}

#[test]
fn databases_are_told_apart() {
    let postgres = [("KONG_DATABASE", "postgres"), ("KONG_PG_HOST", "db"), ("KONG_PG_PASSWORD", "x")];
    let settings = from_environment(&postgres).expect("no faults").settings;
    assert_eq!(settings.migrate, Migrate::Command);
    let Database::Postgres(found) = settings.database else { panic!("{:?}", settings.database) };
    assert_eq!((found.host.as_str(), found.port, found.password.expose_secret()), ("db", 5432, "x"));
    assert!(!format!("{:?}", found).contains("\"x\""), "a secret is never shown");

    let settings = from_environment(&[("WEIR_DATABASE_URL", "postgres://a@b/c"), ("WEIR_MIGRATE", "auto")]);
    let settings = settings.expect("no faults").settings;
    assert!(matches!(settings.database, Database::Url(_)));
    assert_eq!(settings.migrate, Migrate::Auto);

    let conflict = [("WEIR_DATABASE_URL", "postgres://a@b/c"), ("WEIR_DATABASE", "sqlite")];
    assert!(from_environment(&conflict).is_err(), "the two contradict each other");

    let unused = from_environment(&[("KONG_PG_HOST", "db")]).expect("no faults");
    assert!(unused.notices[0].contains("PostgreSQL is not used"), "{:?}", unused.notices);
}

#[test]
fn header_tokens_expand() {
    let settings =
        from_environment(&[("KONG_HEADERS", "Server_Tokens, X-Kong-Upstream-Status")]).expect("valid");
    let want = [HeaderToken::Via, HeaderToken::Server, HeaderToken::UpstreamStatus];
    assert_eq!(settings.settings.proxy.headers, want);
    assert!(from_environment(&[("WEIR_HEADERS", "x-mine")]).is_err());
}

#[test]
fn a_secret_given_twice_is_refused() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let error = from_environment(&[("WEIR_PG_PASSWORD", "a"), ("WEIR_PG_PASSWORD_FILE", file)]);
    assert!(
        error.expect_err("twice").to_string().contains("either WEIR_PG_PASSWORD or WEIR_PG_PASSWORD_FILE")
    );
}

#[test]
fn every_setting_is_read() {
    for setting in crate::config::settings() {
        let source = concat!(
            include_str!("mod.rs"),
            include_str!("access.rs"),
            include_str!("database.rs"),
            include_str!("declarative.rs"),
            include_str!("dns.rs"),
            include_str!("proxy.rs"),
            include_str!("sharing.rs"),
            include_str!("sources.rs"),
            include_str!("tls.rs"),
            include_str!("upstream_tls.rs"),
            include_str!("upstreams.rs"),
            include_str!("vault.rs")
        );
        assert!(source.contains(&format!("\"{}\"", setting.name)), "{} has no reader", setting.name);
    }
}
