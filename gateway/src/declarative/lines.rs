//! Where in a text a value stands.
//!
//! Asked only once something is wrong: the text is then read a second time, with the place of each
//! node. A text that is put together from values has no lines.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::fault::Step;
use super::text::options;

/// A text, as far as its lines go.
pub(super) enum Lines {
    /// A scalar.
    Leaf,
    List(Vec<(u64, Lines)>),
    Map(Vec<(String, u64, Lines)>),
}

impl Lines {
    /// `None` if the text cannot be read in this way.
    pub(super) fn of(text: &str) -> Option<Self> {
        serde_saphyr::from_str_with_options(text, options()).ok()
    }

    /// The line of the last step of `path` that is in the text.
    pub(super) fn find(&self, path: &[Step]) -> Option<u64> {
        let (first, rest) = path.split_first()?;
        let (line, below) = match (self, first) {
            (Self::List(list), Step::At(at)) => list.get(*at).map(|(line, below)| (*line, below))?,
            (Self::Map(map), Step::Key(key)) => {
                let found = map.iter().find(|(known, ..)| known == key);
                found.map(|(_, line, below)| (*line, below))?
            }
            (Self::Leaf | Self::List(_) | Self::Map(_), _) => return None,
        };
        below.find(rest).or(Some(line))
    }
}

impl<'de> Deserialize<'de> for Lines {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(LinesVisitor)
    }
}

struct LinesVisitor;

impl<'de> Visitor<'de> for LinesVisitor {
    type Value = Lines;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Lines, E> {
        Ok(Lines::Leaf)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Lines, E> {
        Ok(Lines::Leaf)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Lines, E> {
        Ok(Lines::Leaf)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Lines, E> {
        Ok(Lines::Leaf)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Lines, E> {
        Ok(Lines::Leaf)
    }

    fn visit_unit<E: Error>(self) -> Result<Lines, E> {
        Ok(Lines::Leaf)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Lines, A::Error> {
        let mut found = Vec::new();
        while let Some(element) = list.next_element::<Spanned<Lines>>()? {
            found.push((element.referenced.line(), element.value));
        }
        Ok(Lines::List(found))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Lines, A::Error> {
        let mut found = Vec::new();
        while let Some((key, value)) = map.next_entry::<Spanned<String>, Lines>()? {
            found.push((key.value, key.referenced.line(), value));
        }
        Ok(Lines::Map(found))
    }
}
