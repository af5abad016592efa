//! The parts of a token (RFC 7519, in the compact form of RFC 7515).

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value as Json};

use crate::algorithm::Algorithm;
use crate::refusal::Refusal;

/// As lenient as Kong: padded or not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A token that nobody has checked yet.
pub(crate) struct Token<'a> {
    header: Map<String, Json>,
    pub(crate) claims: Map<String, Json>,
    pub(crate) algorithm: Algorithm,
    /// What the signature is of.
    pub(crate) signed: &'a [u8],
    pub(crate) signature: Vec<u8>,
}

impl<'a> Token<'a> {
    /// Reads a token whose algorithm is known, which `none` is not.
    pub(crate) fn read(text: &'a [u8]) -> Result<Self, Refusal> {
        let bad = |what: &str| Refusal::new(format!("Bad token; {what}"), "bad-token");
        let (header, rest) = apart(text).ok_or_else(|| bad("invalid JSON"))?;
        let (claims, signature) = apart(rest).ok_or_else(|| bad("invalid JSON"))?;
        let signed =
            text.get(..header.len().saturating_add(1).saturating_add(claims.len())).unwrap_or_default();
        let (header, claims) = json(header).zip(json(claims)).ok_or_else(|| bad("invalid JSON"))?;
        let Json::Object(header) = header else { return Err(bad("invalid alg")) };
        let algorithm = header.get("alg").and_then(Json::as_str).and_then(Algorithm::named);
        let algorithm = algorithm.ok_or_else(|| bad("invalid alg"))?;
        // RFC 7515, 4.1.11: extensions that change what a token means; none is understood here.
        if header.contains_key("crit") {
            return Err(bad("invalid crit"));
        }
        let Json::Object(claims) = claims else { return Err(bad("invalid claims")) };
        let signature = decode(signature).ok_or_else(|| bad("invalid signature"))?;
        Ok(Self { header, claims, algorithm, signed, signature })
    }

    /// The key of the credential: a claim, or else a field of the header.
    pub(crate) fn key(&self, name: &str) -> Result<&str, Refusal> {
        let is_there = |value: &&Json| !matches!(value, Json::Null | Json::Bool(false));
        let claim = self.claims.get(name).filter(is_there);
        match claim.or_else(|| self.header.get(name).filter(is_there)) {
            None => Err(Refusal::new(format!("No mandatory '{name}' in claims"), "no-key")),
            Some(Json::String(key)) if !key.is_empty() => Ok(key),
            Some(_) => Err(Refusal::new(format!("Invalid '{name}' in claims"), "bad-key")),
        }
    }
}

/// Reads base64 of either alphabet.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let url_safe = |byte: &u8| match byte {
        b'+' => b'-',
        b'/' => b'_',
        other => *other,
    };
    BASE64.decode(text.iter().map(url_safe).collect::<Vec<_>>()).ok()
}

/// What is before the first dot, and behind it.
fn apart(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let dot = text.iter().position(|byte| *byte == b'.')?;
    Some((text.get(..dot)?, text.get(dot.saturating_add(1)..)?))
}

fn json(text: &[u8]) -> Option<Json> {
    serde_json::from_slice(&decode(text)?).ok()
}
