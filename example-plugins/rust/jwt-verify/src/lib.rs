//! Lets requests in that carry a valid JSON Web Token, with capabilities `crypto` and `local-cache`.
//!
//! A signature is checked once for each token: what came of it is cached until the token ends. The token
//! does not choose how it is checked: each key serves the one algorithm that the operator wrote beside it.

mod config;
mod token;

#[cfg(test)]
mod tests;

pub use config::{Algorithm, Config, Key};

use weir_plugin_sdk::crypto::{Digest, hash};
use weir_plugin_sdk::{
    About, Answer, Capability, ConfigProblem, Failure, Input, InputList, Inputs, Plugin, Proceed,
    RequestHead, RequestVerdict, Setup, Slot, cache, clock,
};

use token::{Claims, Token};

/// Longest time for which a checked token is not checked again.
const MAX_CACHED_MS: u64 = 300_000;

/// The plugin, configured for one assignment.
pub struct JwtVerify {
    keys: Vec<config::Ready>,
    issuer: Option<String>,
    audience: Option<String>,
    leeway_seconds: u64,
    authorization: Slot,
    /// What is cached under other keys and rules must not count here.
    rules: String,
}

impl Plugin for JwtVerify {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(1_005)
            .needs(Capability::crypto("to check signatures"))
            .needs(Capability::local_cache("to check each token once").optional())
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        let mut inputs = InputList::new();
        let authorization = inputs.want(Input::Header("authorization".into()));
        let plugin = Self {
            rules: config.fingerprint(),
            keys: config.ready()?,
            issuer: config.issuer,
            audience: config.audience,
            leeway_seconds: config.leeway_seconds,
            authorization,
        };
        Ok((plugin, Setup::new().request_head(inputs)))
    }
}

impl RequestHead for JwtVerify {
    fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        let text = inputs.text(self.authorization).and_then(bearer);
        let now = clock::now_unix_ns() / 1_000_000_000;
        let checked = text.ok_or("no token").and_then(|text| self.checked(text, now));
        Ok(match checked {
            Ok(claims) => {
                let subject = claims.sub.unwrap_or_default();
                Proceed::new().without_response().set_header("x-jwt-subject", subject).into()
            }
            Err(reason) => Answer::new(401)
                .header("www-authenticate", "Bearer")
                .message("Unauthorized")
                .reason(reason)
                .into(),
        })
    }
}

weir_plugin_sdk::export!(JwtVerify: request_head);

impl JwtVerify {
    /// The claims of a token that is signed, and valid now.
    fn checked(&self, text: &str, now: u64) -> Result<Claims, &'static str> {
        let place = token::hex(&hash(Digest::Sha256, format!("{}{text}", self.rules).as_bytes()));
        let known = cache::get(&place).and_then(|json| serde_json::from_slice::<Claims>(&json).ok());
        if let Some(claims) = known {
            return self.valid(claims, now);
        }
        let token = Token::read(text).ok_or("not a token")?;
        let signed = self.keys.iter().any(|key| {
            key.serves(&token) && key.public.verify(key.algorithm, token.signed, &token.signature)
        });
        if !signed {
            return Err("bad signature");
        }
        let claims = self.valid(token.claims, now)?;
        let left = claims.exp.map_or(MAX_CACHED_MS, |exp| exp.saturating_sub(now).saturating_mul(1000));
        if left > 0
            && let Ok(json) = serde_json::to_vec(&claims)
        {
            // A cache that is full or not granted only costs time.
            drop(cache::put(&place, &json, left.min(MAX_CACHED_MS)));
        }
        Ok(claims)
    }

    fn valid(&self, claims: Claims, now: u64) -> Result<Claims, &'static str> {
        let leeway = self.leeway_seconds;
        if claims.exp.is_some_and(|exp| exp.saturating_add(leeway) <= now) {
            return Err("expired");
        }
        if claims.nbf.is_some_and(|nbf| nbf > now.saturating_add(leeway)) {
            return Err("not valid yet");
        }
        if self.issuer.is_some() && claims.iss != self.issuer {
            return Err("another issuer");
        }
        if self.audience.as_ref().is_some_and(|wanted| !claims.aud.has(wanted)) {
            return Err("another audience");
        }
        Ok(claims)
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
