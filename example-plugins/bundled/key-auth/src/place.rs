//! Where a key of one name may be, and what was found there.

use bodies::form;
use serde::{Deserialize, Serialize};
use weir_plugin_sdk::{Input, InputList, Inputs, Proceed, Slot};

use crate::Config;

/// Where a key of one name may be.
pub(crate) struct Place {
    pub(crate) name: String,
    /// The name itself, then the name with `-` for `_`, as Kong looks headers up.
    headers: Vec<(String, Slot)>,
    query: Option<Slot>,
}

/// A key as it was found. `name` is its place among the names.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Search {
    Found {
        key: String,
        name: usize,
    },
    Missing,
    /// It is there, and nothing is in it.
    Empty {
        name: usize,
    },
    Duplicate {
        name: usize,
    },
}

impl Place {
    pub(crate) fn of(name: &str, config: &Config, inputs: &mut InputList) -> Self {
        let lower = name.to_ascii_lowercase();
        let hyphened = lower.replace('_', "-");
        let mut headers = Vec::new();
        if config.key_in_header {
            headers.push((lower.clone(), inputs.want(Input::Header(lower.clone()))));
        }
        if config.key_in_header && hyphened != lower {
            headers.push((hyphened.clone(), inputs.want(Input::Header(hyphened))));
        }
        let query = config.key_in_query.then(|| inputs.want(Input::QueryParam(name.to_owned())));
        Self { name: name.to_owned(), headers, query }
    }

    /// Takes keys of this name out of headers and out of `query`, which is the whole one.
    pub(crate) fn hide(&self, proceed: Proceed, query: Option<&str>, inputs: &Inputs) -> Proceed {
        let headers = self.headers.iter();
        let proceed = headers.fold(proceed, |proceed, (name, _)| proceed.remove_header(name.as_str()));
        let in_query = self.query.is_some_and(|slot| inputs.is_present(slot));
        match query.filter(|_| in_query) {
            Some(query) => {
                let rest = form::without(query, &self.name);
                proceed.target(|target| target.query = Some(rest))
            }
            None => proceed,
        }
    }

    fn slots(&self) -> impl Iterator<Item = Slot> {
        self.headers.iter().map(|(_, slot)| *slot).chain(self.query)
    }
}

impl Search {
    /// Looks through headers and query. The first key that is there decides, even if it is empty.
    pub(crate) fn of(places: &[Place], inputs: &Inputs) -> Self {
        for (name, place) in places.iter().enumerate() {
            let Some(slot) = place.slots().find(|slot| inputs.is_present(*slot)) else {
                continue;
            };
            return match (inputs.all(slot).count(), inputs.text(slot)) {
                (2.., _) => Self::Duplicate { name },
                (_, None) => Self::Empty { name },
                (_, Some(key)) => Self::once(key.to_owned(), name),
            };
        }
        Self::Missing
    }

    /// A key that is there once.
    pub(crate) fn once(key: String, name: usize) -> Self {
        if key.is_empty() { Self::Empty { name } } else { Self::Found { key, name } }
    }

    /// Which of the names it was, if anything is there.
    pub(crate) fn name(&self) -> Option<usize> {
        match self {
            Self::Missing => None,
            Self::Found { name, .. } | Self::Empty { name } | Self::Duplicate { name } => Some(*name),
        }
    }
}
