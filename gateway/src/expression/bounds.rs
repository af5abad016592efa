//! What every request that fulfils an expression has: a way to find the few expressions that may hold.

use std::collections::BTreeSet;

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Look, literal::Extractor};

use super::field::Field;
use super::predicate::{Node, Predicate, Test, TextTest};

/// More places than this for one expression are none.
const MOST: usize = 32;

/// One of these hosts, and one of these beginnings of the path; `None` says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Whole hosts.
    pub hosts: Option<BTreeSet<Box<str>>>,
    /// Beginnings of paths.
    pub prefixes: Option<BTreeSet<Box<[u8]>>>,
}

impl Node {
    pub(super) fn bounds(&self) -> Bounds {
        match self {
            Self::All(parts) => {
                let all: Vec<_> = parts.iter().map(Self::bounds).collect();
                let hosts = all.iter().filter_map(|bounds| bounds.hosts.as_ref());
                let prefixes = all.iter().filter_map(|bounds| bounds.prefixes.as_ref());
                Bounds {
                    hosts: hosts.min_by_key(|set| set.len()).cloned(),
                    prefixes: prefixes.min_by_key(|set| set.len()).cloned(),
                }
            }
            Self::Any(parts) => {
                let all: Vec<_> = parts.iter().map(Self::bounds).collect();
                Bounds {
                    hosts: union(all.iter().map(|bounds| bounds.hosts.as_ref())),
                    prefixes: union(all.iter().map(|bounds| bounds.prefixes.as_ref())),
                }
            }
            Self::Not(_) => Bounds::default(),
            Self::Test(predicate) => predicate.bounds(),
        }
    }
}

fn union<'s, T: Ord + Clone + 's>(
    sets: impl Iterator<Item = Option<&'s BTreeSet<T>>>,
) -> Option<BTreeSet<T>> {
    let mut union = BTreeSet::new();
    for set in sets {
        union.extend(set?.iter().cloned());
    }
    (union.len() <= MOST).then_some(union)
}

impl Predicate {
    fn bounds(&self) -> Bounds {
        let mut bounds = Bounds::default();
        match (&self.field, &self.test) {
            (Field::Host, Test::Text(TextTest::Equals, text)) if !self.lower => {
                bounds.hosts = Some(BTreeSet::from([text.clone()]));
            }
            (Field::Path, Test::Text(TextTest::Equals | TextTest::StartsWith, text)) if !self.lower => {
                bounds.prefixes = Some(BTreeSet::from([text.as_bytes().into()]));
            }
            (Field::Path, Test::Pattern(regex)) if !self.lower => {
                let prefix = literal_prefix(regex.as_str());
                bounds.prefixes = (!prefix.is_empty()).then(|| BTreeSet::from([prefix.into()]));
            }
            (_, Test::Text(..) | Test::Pattern(_) | Test::Number(..)) => {}
            (_, Test::Address { .. } | Test::Block { .. }) => {}
        }
        bounds
    }
}

/// What every match of a regex begins with; empty if that cannot be said, or if a match may begin
/// elsewhere.
pub fn literal_prefix(regex: &str) -> Vec<u8> {
    let Ok(hir) = ParserBuilder::new().utf8(false).build().parse(regex) else {
        return Vec::new();
    };
    if !hir.properties().look_set_prefix().contains(Look::Start) {
        return Vec::new();
    }
    let literals = Extractor::new().extract(&hir);
    literals.longest_common_prefix().unwrap_or_default().to_vec()
}
