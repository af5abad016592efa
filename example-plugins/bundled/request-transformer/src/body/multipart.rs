//! Edits of forms in parts. As in Kong a part is renamed before others are removed, a part with a new name or value is
//! a plain field, and nothing is appended.

use bodies::multipart::{self, Part};

use super::Edited;
use crate::fields::{Action, Edit};

/// A part as it will be sent.
enum Piece<'a> {
    Sent(Part<'a>),
    Made { name: String, content: Vec<u8> },
}

/// The body after the edits. One that something is to be removed from is written anew in any case: what was not
/// understood does not get through.
pub(super) fn edited(body: &[u8], boundary: &str, edits: &[Edit<'_>]) -> Edited {
    let mut pieces: Vec<_> = multipart::parts(body, boundary).map(Piece::Sent).collect();
    let mut is_changed = false;
    let (renames, others): (Vec<_>, Vec<_>) = edits.iter().partition(|edit| edit.action == Action::Rename);
    for edit in renames.into_iter().chain(others) {
        if multipart::breaks_out(&edit.value, boundary) {
            return Edited::Refused;
        }
        is_changed |= run(edit, &mut pieces) || (edit.action == Action::Remove && !body.is_empty());
    }
    if !is_changed {
        return Edited::Not;
    }
    let parts = pieces.iter().map(|piece| (piece.headers(), piece.content()));
    Edited::To(multipart::write(parts, boundary))
}

/// Whether something was changed.
fn run(edit: &Edit<'_>, pieces: &mut Vec<Piece<'_>>) -> bool {
    let name = edit.name;
    let known = pieces.iter().rposition(|piece| piece.is_named(name));
    match (edit.action, known) {
        (Action::Remove, Some(_)) => pieces.retain(|piece| !piece.is_named(name)),
        (Action::Rename, Some(at)) => return rename(pieces, at, edit),
        (Action::Replace, Some(_)) => {
            pieces.retain(|piece| !piece.is_named(name));
            pieces.push(Piece::made(name, &edit.value));
        }
        (Action::Add, None) => pieces.push(Piece::made(name, &edit.value)),
        (Action::Remove | Action::Rename | Action::Replace, None)
        | (Action::Add, Some(_))
        | (Action::Append, _) => return false,
    }
    true
}

/// The part takes the place of one that has the new name.
fn rename(pieces: &mut Vec<Piece<'_>>, at: usize, edit: &Edit<'_>) -> bool {
    let (old, new) = (edit.name, edit.text());
    let Some(content) = pieces.get(at).map(|piece| piece.content().to_owned()).filter(|_| old != new) else {
        return false;
    };
    pieces.retain(|piece| !piece.is_named(old));
    let place = pieces.iter().position(|piece| piece.is_named(&new)).unwrap_or(pieces.len());
    pieces.retain(|piece| !piece.is_named(&new));
    pieces.insert(place, Piece::made(&new, &content));
    true
}

impl<'a> Piece<'a> {
    fn made(name: &str, content: &[u8]) -> Self {
        Self::Made { name: name.into(), content: content.into() }
    }

    fn is_named(&self, name: &str) -> bool {
        match self {
            Self::Sent(part) => part.is_named(name),
            Self::Made { name: own, .. } => own == name,
        }
    }

    fn headers(&self) -> Vec<Vec<u8>> {
        match self {
            Self::Sent(part) => part.headers().map(<[u8]>::to_vec).collect(),
            Self::Made { name, .. } => {
                // As browsers write them.
                let name = name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
                vec![format!("Content-Disposition: form-data; name=\"{name}\"").into_bytes()]
            }
        }
    }

    fn content(&self) -> &[u8] {
        match self {
            Self::Sent(part) => part.content,
            Self::Made { content, .. } => content,
        }
    }
}
