//! What a failed call means for the exchange, by what made it fail.

use serde_json::Value;

use super::{AssignError, CallFailure};
use crate::plugin_host::CallOutcome;

/// What a failed call means for the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// The exchange fails.
    Closed,
    /// The exchange goes on as if the plugin were not there.
    Open,
}

/// Why a call failed, as far as an operator may want to tell causes apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// It trapped, ran out of memory, or the gateway failed inside its call.
    Trap,
    /// It said that it could not decide, or its answer broke a rule.
    Failure,
    /// Guest time or wall time ran out.
    Timeout,
    /// There was no room for it.
    Capacity,
    /// It could not be loaded, configured or started.
    Load,
}

impl Cause {
    const ALL: [(&'static str, Self); 5] = [
        ("trap", Self::Trap),
        ("failure", Self::Failure),
        ("timeout", Self::Timeout),
        ("capacity", Self::Capacity),
        ("load", Self::Load),
    ];
}

impl From<&CallFailure> for Cause {
    fn from(failure: &CallFailure) -> Self {
        match failure {
            CallFailure::Trap(_) | CallFailure::Memory(_) | CallFailure::Panic => Self::Trap,
            CallFailure::Failed { .. }
            | CallFailure::BadAnswer(_)
            | CallFailure::Aborted(_)
            | CallFailure::BodyTooLarge => Self::Failure,
            CallFailure::GuestTime | CallFailure::WallTime | CallFailure::Cancelled => Self::Timeout,
            CallFailure::Capacity => Self::Capacity,
            CallFailure::Start(_) | CallFailure::Broken(_) => Self::Load,
            CallFailure::Resting { cause, .. } => *cause,
        }
    }
}

impl Cause {
    /// What a breaker counts: the plugin broke, or took too long. A failure that it declares is an answer,
    /// and for a lack of room it is not to blame.
    pub(crate) fn of(outcome: CallOutcome) -> Option<Self> {
        match outcome {
            CallOutcome::Trap => Some(Self::Trap),
            CallOutcome::Timeout => Some(Self::Timeout),
            CallOutcome::Proceed
            | CallOutcome::Respond
            | CallOutcome::Failed
            | CallOutcome::BadAnswer
            | CallOutcome::Unavailable
            | CallOutcome::Resting
            | CallOutcome::Repeated => None,
        }
    }
}

/// The policy of an assignment: one for all causes, and others for some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailurePolicy {
    default: OnFailure,
    /// In the order of [`Cause::ALL`].
    own: [Option<OnFailure>; 5],
}

impl FailurePolicy {
    /// The same for every cause.
    pub fn always(default: OnFailure) -> Self {
        Self { default, own: [None; 5] }
    }

    /// Reads `on_failure` and `on_failure_by_cause` of several sources, the weightier after the lighter.
    /// If none says anything, exchanges fail with their plugin.
    ///
    /// # Errors
    ///
    /// [`AssignError::Sandbox`] for a word that is none of `closed` and `open`, or an unknown cause.
    pub(crate) fn read(sources: [&Value; 2]) -> Result<Self, AssignError> {
        let mut policy = Self::always(OnFailure::Closed);
        for source in sources {
            let word = source.get("on_failure").unwrap_or(&Value::Null);
            policy.default = OnFailure::read("on_failure", word)?.unwrap_or(policy.default);
            match source.get("on_failure_by_cause") {
                None | Some(Value::Null) => {}
                Some(Value::Object(words)) => {
                    words.iter().try_for_each(|(cause, word)| policy.set(cause, word))?;
                }
                Some(_) => return Err(wrong("on_failure_by_cause", "expected an object")),
            }
        }
        Ok(policy)
    }

    fn set(&mut self, cause: &str, word: &Value) -> Result<(), AssignError> {
        let field = format!("on_failure_by_cause.{cause}");
        let at = Cause::ALL.iter().position(|(name, _)| *name == cause);
        let own = at.and_then(|at| self.own.get_mut(at));
        let own = own.ok_or_else(|| wrong(&field, "there is no such cause"))?;
        *own = OnFailure::read(&field, word)?.or(*own);
        Ok(())
    }

    /// What `cause` means for the exchange.
    pub fn of(&self, cause: impl Into<Cause>) -> OnFailure {
        let cause = cause.into();
        let at = Cause::ALL.iter().position(|(_, one)| *one == cause);
        at.and_then(|at| self.own.get(at).copied().flatten()).unwrap_or(self.default)
    }
}

impl OnFailure {
    fn read(field: &str, value: &Value) -> Result<Option<Self>, AssignError> {
        match value.as_str() {
            Some("closed") => Ok(Some(Self::Closed)),
            Some("open") => Ok(Some(Self::Open)),
            None if value.is_null() => Ok(None),
            Some(_) | None => Err(wrong(field, "expected one of: closed, open")),
        }
    }
}

fn wrong(field: &str, reason: &str) -> AssignError {
    AssignError::Sandbox { field: field.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cause_has_its_own_policy_or_the_common_one() {
        let defaults = json!({"on_failure": "open", "on_failure_by_cause": {"capacity": "closed"}});
        let sandbox = json!({"on_failure_by_cause": {"trap": "closed", "load": null}});
        let policy = FailurePolicy::read([&defaults, &sandbox]).unwrap();
        for (cause, want) in [
            (Cause::Trap, OnFailure::Closed),
            (Cause::Capacity, OnFailure::Closed),
            (Cause::Timeout, OnFailure::Open),
            (Cause::Load, OnFailure::Open),
        ] {
            assert_eq!(policy.of(cause), want, "{cause:?}");
        }
        assert_eq!(policy.of(&CallFailure::Panic), OnFailure::Closed, "a panic is a trap to the operator");
        for bad in [
            json!({"on_failure": "ajar"}),
            json!({"on_failure_by_cause": {"whim": "open"}}),
            json!({"on_failure_by_cause": "open"}),
        ] {
            assert!(FailurePolicy::read([&Value::Null, &bad]).is_err(), "{bad}");
        }
    }
}
