//! The Redis that nodes share counters and values through.

use std::time::Duration;

use secrecy::SecretString;

use super::database::port;
use super::small;
use crate::config::RedisSettings;
use crate::config::reader::Reader;
use crate::config::units;

/// Most databases that a server can be set up with.
const MAX_DATABASE: u32 = 1_000_000;

pub(super) fn read(reader: &mut Reader) -> Option<RedisSettings> {
    let settings = RedisSettings {
        host: reader.text("redis_host").to_owned(),
        port: reader.read("redis_port", port),
        username: Some(reader.text("redis_username").to_owned()).filter(|name| !name.is_empty()),
        password: SecretString::from(reader.text("redis_password").to_owned()),
        database: reader.read("redis_database", |text| small(text, 0, MAX_DATABASE)),
        ssl: reader.read("redis_ssl", units::switch),
        ssl_verify: reader.read("redis_ssl_verify", units::switch),
        timeout: reader.read("redis_timeout", timeout),
    };
    (!settings.host.is_empty()).then_some(settings)
}

/// As Kong's plugins count it: a bare number is milliseconds.
fn timeout(text: &str) -> Result<Duration, String> {
    let time = units::time(text, Duration::from_millis(1))?;
    if time.is_zero() { Err("allowed: 1 ms or more".to_owned()) } else { Ok(time) }
}
