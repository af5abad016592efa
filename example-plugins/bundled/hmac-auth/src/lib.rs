//! Kong's `hmac-auth`: lets requests in that a known user has signed, and says whose they are.
//!
//! The client signs its headers, its target and its date with a secret that it shares with the gateway
//! (draft-cavage-http-signatures). The body is covered by a `Digest` header: whether it is the right one is
//! known once the body is there, so such a request is held, and plugins behind this one wait with it.

mod config;
mod date;
mod message;
mod signature;

#[cfg(test)]
mod tests;

pub use config::{Algorithm, Config};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use weir_plugin_sdk::auth::{self, Credential, Gate};
use weir_plugin_sdk::{
    About, Answer, Capability, ConfigProblem, Failure, Input, InputList, Inputs, Plugin, Proceed,
    ProceedWithBody, RequestBody, RequestBodyVerdict, RequestHead, RequestVerdict, Setup, Slot, body, crypto,
};

use message::{Head, Named, Places};
use signature::Signature;

const KIND: &str = "hmacauth_credentials";
/// Where a signature may be, in the order in which it is looked for.
const HEADERS: [&str; 2] = ["proxy-authorization", "authorization"];
/// One of them has to be recent.
const DATES: [&str; 2] = ["x-date", "date"];
/// What a `Digest` header begins with.
const SHA256: &str = "SHA-256=";
/// The length of one: 32 bytes in base64 behind the name.
const DIGEST_LENGTH: usize = SHA256.len() + 44;

/// The plugin, configured for one assignment.
pub struct HmacAuth {
    config: Config,
    algorithms: Vec<Algorithm>,
    places: Places,
    started_at: Slot,
    gate: Gate,
    challenge: String,
}

/// Why a request is not let in: the message for the caller, and a reason for the log.
struct Refusal(&'static str, &'static str);

const fn unverifiable(reason: &'static str) -> Refusal {
    Refusal("HMAC signature cannot be verified", reason)
}

const fn mismatch(reason: &'static str) -> Refusal {
    Refusal("HMAC signature does not match", reason)
}

impl Plugin for HmacAuth {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(1030)
            .needs(Capability::logging("to say that the anonymous consumer is not there"))
            .authenticates()
            .needs(Capability::credentials("to know the secret that a user signs with", &[KIND]))
            .needs(Capability::crypto("to make the signature anew and compare it"))
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        config.check()?;
        let mut inputs = InputList::new();
        let plugin = Self {
            algorithms: config.algorithms(),
            places: Places::new(&mut inputs),
            started_at: inputs.want(Input::StartedAtUnixMs),
            gate: Gate::new(config.anonymous.clone(), &mut inputs),
            challenge: auth::challenge("hmac", config.realm.as_deref()),
            config,
        };
        let setup = Setup::new().request_head(inputs);
        let holds = plugin.config.validate_request_body;
        Ok((plugin, if holds { setup.request_body() } else { setup }))
    }
}

impl RequestHead for HmacAuth {
    fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        if self.gate.is_open(inputs) {
            return Ok(Proceed::new().into());
        }
        let head = self.places.read(inputs);
        let proceed = Proceed::new().without_response();
        if let Some(refusal) = self.objection(&head, inputs.number(self.started_at).unwrap_or_default()) {
            return self.gate.turn_away(self.answer(&refusal), proceed);
        }
        let (header, signature) = look(&head);
        let proceed = if self.config.hide_credentials { proceed.remove_header(header) } else { proceed };
        let identified = match signature {
            Some(signature) => self.identify(&head, &signature)?,
            None => Err(unverifiable("unreadable-signature")),
        };
        match identified.and_then(|credential| Ok((credential, self.digest(&head)?))) {
            Ok((credential, digest)) => {
                let proceed = credential.let_in_by("username", proceed);
                Ok(self.hold(digest, proceed).into())
            }
            Err(refusal) => self.gate.turn_away(self.answer(&refusal), proceed),
        }
    }
}

impl RequestBody for HmacAuth {
    fn on_request_body(&mut self, carry: Option<&[u8]>) -> Result<RequestBodyVerdict, Failure> {
        let is_right = match carry {
            Some(sent) => format!("{SHA256}{}", STANDARD.encode(body::sha256())).as_bytes() == sent,
            None => body::len() == 0,
        };
        if is_right {
            return Ok(ProceedWithBody::new().into());
        }
        self.gate.turn_body_away(self.answer(&mismatch("wrong-body-digest")), ProceedWithBody::new())
    }
}

weir_plugin_sdk::export!(HmacAuth: request_head, request_body);

impl HmacAuth {
    /// Why the request is refused whoever has signed it.
    fn objection(&self, head: &Head<'_>, now_ms: u64) -> Option<Refusal> {
        let [proxy, own] = HEADERS.map(|name| head.named(name));
        if (proxy, own) == (Named::Missing, Named::Missing) {
            return Some(Refusal("Unauthorized", "no-signature"));
        }
        if !DATES.iter().any(|name| self.is_recent(head.named(name), now_ms)) {
            let message = "HMAC signature cannot be verified, a valid date or x-date header is required for HMAC \
                           Authentication";
            return Some(Refusal(message, "no-valid-date"));
        }
        let is_twice = proxy == Named::Ambiguous || own == Named::Ambiguous;
        is_twice.then_some(unverifiable("duplicate-signature"))
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds of this age have no fraction to lose")]
    fn is_recent(&self, date: Named<'_>, now_ms: u64) -> bool {
        let now = i64::try_from(now_ms / 1000).unwrap_or(i64::MAX);
        let skew = date.text().and_then(date::unix_seconds).map(|date| now.abs_diff(date) as f64);
        skew.is_some_and(|skew| skew <= self.config.clock_skew())
    }

    fn identify(
        &self,
        head: &Head<'_>,
        signature: &Signature<'_>,
    ) -> Result<Result<Credential, Refusal>, Failure> {
        let mut enforced = self.config.enforce_headers.iter().flatten();
        if enforced.any(|name| !signature.names.contains(&name.as_str())) {
            return Ok(Err(unverifiable("enforced-header-not-signed")));
        }
        let Some(algorithm) = self.algorithms.iter().find(|known| known.name() == signature.algorithm) else {
            return Ok(Err(unverifiable("unknown-algorithm")));
        };
        let Some(credential) = auth::look_up(KIND, signature.username)? else {
            return Ok(Err(unverifiable("unknown-username")));
        };
        let secret = credential.text("secret");
        let is_right = |message: Vec<u8>| {
            let made = STANDARD.encode(crypto::hmac(algorithm.digest(), secret.as_bytes(), &message));
            auth::is_same(unpadded(&made), unpadded(signature.value))
        };
        // Everybody could sign with no secret at all.
        let matches = !secret.is_empty() && head.messages(&signature.names).any(is_right);
        Ok(if matches { Ok(credential) } else { Err(mismatch("wrong-signature")) })
    }

    /// The digest that the body has to have: the header's value, if there is one and bodies are looked at.
    fn digest<'a>(&self, head: &Head<'a>) -> Result<Option<&'a [u8]>, Refusal> {
        if !self.config.validate_request_body {
            return Ok(None);
        }
        match head.named("digest") {
            Named::Missing => Ok(None),
            Named::Once(value) if value.len() == DIGEST_LENGTH => Ok(Some(value)),
            // No body has such a digest: there is no need to wait for it.
            Named::Once(_) | Named::Ambiguous => Err(mismatch("wrong-body-digest")),
        }
    }

    /// Waits for the body, whatever its length: the gateway has a bound of its own.
    fn hold(&self, digest: Option<&[u8]>, proceed: Proceed) -> Proceed {
        match (self.config.validate_request_body, digest) {
            (true, Some(digest)) => proceed.carry(digest).buffer(u64::MAX),
            (true, None) => proceed.buffer(u64::MAX),
            (false, _) => proceed,
        }
    }

    fn answer(&self, Refusal(message, reason): &Refusal) -> Answer {
        let answer = Answer::new(401).message(*message).reason(reason);
        answer.header("www-authenticate", self.challenge.as_str())
    }
}

/// The header that holds a signature, with it; the last one if none does.
fn look<'a>(head: &Head<'a>) -> (&'static str, Option<Signature<'a>>) {
    let [proxy, own] = HEADERS;
    let read = |name| head.named(name).text().and_then(Signature::read);
    match read(proxy) {
        Some(signature) => (proxy, Some(signature)),
        None => (own, read(own)),
    }
}

/// Padding says nothing, and clients leave it out.
fn unpadded(base64: &str) -> &[u8] {
    base64.trim_end_matches('=').as_bytes()
}
