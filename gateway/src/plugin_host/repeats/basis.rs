//! What a verdict rests on beside its inputs.

use std::sync::Arc;

use crate::exchange::Exchange;
use crate::plugin_host::{Directory, FoundCredential};

/// What the verdict of a call rests on.
#[derive(Debug, Default)]
pub(crate) enum Basis {
    /// What the gateway answered to questions that it can ask itself again.
    Looks(Vec<Look>),
    /// Something that may be another in the next call, or that the call changed.
    #[default]
    More,
}

/// A question of the guest's, and what was found.
#[derive(Debug)]
pub(crate) enum Look {
    /// Of `credentials`.
    Credential {
        /// Which kind of credential.
        kind: String,
        /// Its unique key.
        key: String,
        /// Nothing, if it is nobody's.
        found: Option<FoundCredential>,
    },
    /// The groups of the caller.
    Groups(Box<[String]>),
}

impl Basis {
    /// Before the first question, if verdicts may be kept at all.
    pub(crate) fn begin(repeatable: bool) -> Self {
        if repeatable { Self::Looks(Vec::new()) } else { Self::More }
    }

    /// Whether it can be looked at again.
    pub(crate) fn repeats(&self) -> bool {
        matches!(self, Self::Looks(_))
    }

    /// Notes what `credentials` answered.
    pub(crate) fn note_credential(&mut self, kind: String, key: String, found: Option<&FoundCredential>) {
        if let Self::Looks(looks) = self {
            looks.push(Look::Credential { kind, key, found: found.cloned() });
        }
    }

    /// Notes the caller's groups.
    pub(crate) fn note_groups(&mut self, groups: &[String]) {
        if let Self::Looks(looks) = self {
            looks.push(Look::Groups(groups.into()));
        }
    }
}

impl Look {
    /// Whether the same would be found in this exchange.
    pub(super) fn holds(&self, exchange: &Exchange, directory: &dyn Directory) -> bool {
        match self {
            Self::Groups(groups) => **groups == *exchange.groups(),
            Self::Credential { kind, key, found } => match (directory.cached_credential(kind, key), found) {
                // The cache shares what it has found: as long as nothing was read anew, it is the same object.
                (Some(Some(now)), Some(then)) => {
                    Arc::ptr_eq(&now.consumer, &then.consumer) && Arc::ptr_eq(&now.data_json, &then.data_json)
                }
                (Some(None), None) => true,
                (Some(Some(_)), None) | (Some(None), Some(_)) | (None, _) => false,
            },
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let held = match self {
            Self::Credential { kind, key, .. } => kind.len() + key.len(),
            Self::Groups(groups) => groups.iter().map(|group| group.len() + size_of::<String>()).sum(),
        };
        held + size_of::<Self>()
    }
}
