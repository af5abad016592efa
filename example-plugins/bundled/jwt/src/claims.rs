//! The claims about time: from when, until when, and for how long a token holds.

use serde_json::{Map, Value as Json};
use weir_plugin_sdk::clock;

use crate::config::{Claim, Config};
use crate::refusal::Refusal;

/// What is asked of a token's claims.
pub(crate) struct Rules {
    not_before: bool,
    expires: bool,
    /// Seconds.
    longest: Option<f64>,
}

impl Rules {
    pub(crate) fn of(config: &Config) -> Self {
        let verified = config.claims_to_verify.as_deref().unwrap_or_default();
        Self {
            not_before: verified.contains(&Claim::Nbf),
            expires: verified.contains(&Claim::Exp),
            longest: config.maximum_expiration.filter(|seconds| *seconds > 0.0),
        }
    }

    /// Whether the claims hold now.
    pub(crate) fn check(&self, claims: &Map<String, Json>) -> Result<(), Refusal> {
        if !self.not_before && !self.expires && self.longest.is_none() {
            return Ok(());
        }
        let now = now();
        let time = |name: &str| claims.get(name).and_then(Json::as_f64);
        let early = self.not_before.then(|| wrong(time("nbf"), |nbf| nbf > now, "token not valid yet"));
        let late = self.expires.then(|| wrong(time("exp"), |exp| exp <= now, "token expired"));
        match (early.flatten(), late.flatten()) {
            (Some(nbf), Some(exp)) => Err(Refusal::of_claims([("nbf", nbf), ("exp", exp)], "bad-claims")),
            (Some(nbf), None) => Err(Refusal::of_claims([("nbf", nbf)], "not-yet-valid")),
            (None, Some(exp)) => Err(Refusal::of_claims([("exp", exp)], "expired")),
            (None, None) => self.check_length(time("exp"), now),
        }
    }

    fn check_length(&self, exp: Option<f64>, now: f64) -> Result<(), Refusal> {
        let is_fine = |longest: f64| exp.is_some_and(|exp| exp - now <= longest);
        if self.longest.is_none_or(is_fine) {
            return Ok(());
        }
        let message = "exceeds maximum allowed expiration".to_owned();
        Err(Refusal::of_claims([("exp", message)], "expires-too-late"))
    }
}

/// What is wrong with a time, if anything is.
fn wrong(time: Option<f64>, is_wrong: impl Fn(f64) -> bool, message: &str) -> Option<String> {
    match time {
        None => Some("must be a number".into()),
        Some(time) => is_wrong(time).then(|| message.into()),
    }
}

/// Whole seconds since 1970.
#[expect(clippy::cast_precision_loss, reason = "seconds have few digits")]
fn now() -> f64 {
    (clock::now_unix_ns() / 1_000_000_000) as f64
}
