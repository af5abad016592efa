//! What all plugins that authenticate do alike: who is let in and as whom, and what the others are told.
//!
//! The rules are Kong's. A failure is refused, unless the configuration names an anonymous consumer: then
//! that one stands in, and a caller whom an earlier plugin has authenticated is not asked again.
//!
//! ```
//! use weir_plugin_sdk::auth::{self, Gate};
//! use weir_plugin_sdk::{Answer, Failure, InputList, Inputs, Proceed, RequestVerdict};
//!
//! # fn token<'a>(_: &'a Inputs) -> &'a str { "" }
//! fn decide(gate: &Gate, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
//!     if gate.is_open(inputs) {
//!         return Ok(Proceed::new().into());
//!     }
//!     match auth::look_up("keyauth_credentials", token(inputs))? {
//!         Some(credential) => Ok(credential.let_in(Proceed::new()).into()),
//!         None => gate.turn_away(Answer::new(401).message("Unauthorized"), Proceed::new()),
//!     }
//! }
//!
//! let mut inputs = InputList::new();
//! let gate = Gate::new(Some("guest".into()), &mut inputs);
//! ```

use std::hint::black_box;

use serde_json::{Map, Value as Json};

use crate::credentials::{self, Found};
use crate::{
    Answer, ConfigProblem, Failure, Identity, Input, InputList, Inputs, Proceed, ProceedWithBody,
    RequestBodyVerdict, RequestVerdict, Slot, logging,
};

/// Says who the caller is, where that is the name of the credential and not its id.
const CREDENTIAL_IDENTIFIER: &str = "x-credential-identifier";

/// Who passes without being asked, and who stands in for a caller that does not authenticate.
#[derive(Debug, Clone)]
pub struct Gate {
    anonymous: Option<String>,
    /// Whom an earlier plugin found; read only where there is an anonymous consumer.
    known: Option<Slot>,
    /// Read only where preflight requests pass.
    method: Option<Slot>,
}

impl Gate {
    /// A gate with the id or username of the consumer that stands in, if there is one.
    pub fn new(anonymous: Option<String>, inputs: &mut InputList) -> Self {
        let known = anonymous.as_ref().map(|_| inputs.want(Input::CredentialId));
        Self { anonymous, known, method: None }
    }

    /// Lets `OPTIONS` requests pass: browsers send them without credentials before the real request.
    #[must_use]
    pub fn open_to_preflight(mut self, inputs: &mut InputList) -> Self {
        self.method = Some(inputs.want(Input::Method));
        self
    }

    /// Whether the request passes without being asked for credentials.
    pub fn is_open(&self, inputs: &Inputs) -> bool {
        self.method.is_some_and(|method| inputs.text(method) == Some("OPTIONS"))
            || self.known.is_some_and(|known| inputs.is_present(known))
    }

    /// Gives `answer`, or lets the anonymous consumer in with the changes of `proceed`.
    ///
    /// # Errors
    ///
    /// If the consumer could not be looked up.
    pub fn turn_away(&self, answer: Answer, proceed: Proceed) -> Result<RequestVerdict, Failure> {
        Ok(match self.stand_in(answer)? {
            Ok(identity) => proceed.identity(identity).into(),
            Err(answer) => answer.into(),
        })
    }

    /// The same, where the body decides.
    ///
    /// # Errors
    ///
    /// If the consumer could not be looked up.
    pub fn turn_body_away(
        &self,
        answer: Answer,
        proceed: ProceedWithBody,
    ) -> Result<RequestBodyVerdict, Failure> {
        Ok(match self.stand_in(answer)? {
            Ok(identity) => proceed.identity(identity).into(),
            Err(answer) => answer.into(),
        })
    }

    /// Who stands in, or the answer that is given.
    fn stand_in(&self, answer: Answer) -> Result<Result<Identity, Answer>, Failure> {
        let Some(anonymous) = &self.anonymous else {
            return Ok(Err(answer));
        };
        let Some(consumer) = credentials::find_consumer(anonymous).map_err(Failure::retryable)? else {
            // The operator's mistake, for which nobody is let in.
            let message = format!("anonymous consumer {anonymous} is configured but doesn't exist");
            logging::error(&message, &[]);
            return Ok(Err(Answer::new(500).message(message).reason("no-anonymous-consumer")));
        };
        Ok(Ok(Identity {
            consumer: Some(consumer.id),
            credential: None,
            groups: Vec::new(),
            claims_json: None,
            anonymous: true,
        }))
    }
}

impl From<Found> for Identity {
    /// Whose credential it is.
    fn from(found: Found) -> Self {
        Self {
            consumer: Some(found.consumer),
            credential: Some(found.credential),
            groups: found.groups,
            claims_json: None,
            anonymous: false,
        }
    }
}

/// A credential with its fields.
#[derive(Debug, Clone)]
pub struct Credential {
    found: Found,
    fields: Map<String, Json>,
}

impl Credential {
    /// The id of the consumer that it belongs to.
    pub fn consumer(&self) -> &str {
        &self.found.consumer
    }

    /// A field that is a text, empty if it is unset or something else.
    pub fn text(&self, field: &str) -> &str {
        self.fields.get(field).and_then(Json::as_str).unwrap_or_default()
    }

    /// Lets the caller in as the owner of this credential.
    pub fn let_in(self, proceed: Proceed) -> Proceed {
        proceed.identity(self.found.into())
    }

    /// The same, where the upstream is to know the credential by the value of `field` and not by its id. A
    /// value that no header can have is kept from it.
    pub fn let_in_by(self, field: &str, proceed: Proceed) -> Proceed {
        let name = self.text(field).to_owned();
        let fits = !name.contains(|character: char| character.is_ascii_control());
        self.let_in(if fits { proceed.set_header(CREDENTIAL_IDENTIFIER, name) } else { proceed })
    }
}

/// The credential of this kind, for instance `jwt_secrets`, with this unique key.
///
/// # Errors
///
/// If the store could not be asked.
pub fn look_up(kind: &str, key: &str) -> Result<Option<Credential>, Failure> {
    let Some(found) = credentials::find(kind, key).map_err(Failure::retryable)? else {
        return Ok(None);
    };
    let Some(data) = credentials::data(kind, key).map_err(Failure::retryable)? else {
        return Ok(None);
    };
    let fields = serde_json::from_str(&data)
        .map_err(|error| Failure::permanent(format!("a credential of {kind} cannot be read: {error}")))?;
    let credential = Credential { found, fields };
    // The key may have become another's between the two calls.
    Ok(Some(credential).filter(|credential| credential.text("id") == credential.found.credential))
}

/// What follows the name of the scheme in the value of `Authorization`; `None` if it is another scheme.
pub fn after_scheme<'a>(scheme: &str, value: &'a str) -> Option<&'a str> {
    let (named, rest) = value.trim_start().split_at_checked(scheme.len())?;
    named.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}

/// The value of `WWW-Authenticate`.
pub fn challenge(scheme: &str, realm: Option<&str>) -> String {
    realm.map_or_else(|| scheme.to_owned(), |realm| format!("{scheme} realm=\"{realm}\""))
}

/// What is wrong with a realm that [`challenge`] is to name.
pub fn realm_problem(realm: Option<&str>) -> Option<ConfigProblem> {
    let breaks = realm.is_some_and(|realm| realm.contains(['"', '\r', '\n', '\0']));
    breaks.then(|| ConfigProblem::new("/realm", "must not contain quotes or line breaks"))
}

/// Whether two secrets are the same. Takes as long for a near miss as for a far one.
pub fn is_same(one: &[u8], other: &[u8]) -> bool {
    let differences = one.iter().zip(other).fold(0, |differences, (a, b)| black_box(differences | (a ^ b)));
    one.len() == other.len() && differences == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Host;

    fn known(data_json: &str) -> Option<Credential> {
        let found = Found { consumer: "c".into(), credential: "7".into(), groups: vec![] };
        Host::new()
            .credential("jwt_secrets", "k", found)
            .credential_data("jwt_secrets", "k", data_json)
            .install();
        look_up("jwt_secrets", "k").unwrap()
    }

    #[test]
    fn a_credential_has_its_fields() {
        let credential = known(r#"{"id":"7","key":"k","secret":"s","tags":null}"#).unwrap();
        let texts = ["secret", "tags", "other"].map(|field| credential.text(field));
        assert_eq!((texts, credential.consumer()), (["s", "", ""], "c"));
        assert!(known(r#"{"id":"8","key":"k"}"#).is_none(), "the key belongs to another by now");
    }

    #[test]
    fn a_scheme_is_known_in_any_case() {
        for (value, rest) in [
            ("Basic abc", Some("abc")),
            (" bASIC  a b ", Some("a b")),
            ("Bearer abc", None),
            ("Bas\u{ef}c", None),
        ] {
            assert_eq!(after_scheme("basic", value), rest, "{value}");
        }
    }

    #[test]
    fn secrets_are_compared_whole() {
        for (one, other, same) in
            [("", "", true), ("ab", "ab", true), ("ab", "aB", false), ("ab", "a", false)]
        {
            assert_eq!(is_same(one.as_bytes(), other.as_bytes()), same, "{one} {other}");
        }
    }
}
