//! What the resources of a guest stand for, by their number.

use wasmtime::component::Resource;
use wasmtime::{Error, Result};

/// Of one kind, in one instance. The store lets a guest hold fewer of all kinds together.
const MAX_HELD: usize = 256;

/// The things of one kind that a guest holds.
#[derive(Debug)]
pub(crate) struct Handles<T>(Vec<Option<T>>);

impl<T> Default for Handles<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: 'static> Handles<T> {
    /// Keeps a thing until the guest drops it.
    pub(crate) fn push(&mut self, thing: T) -> Result<Resource<T>> {
        let place = self.0.iter().position(Option::is_none).unwrap_or(self.0.len());
        if place >= MAX_HELD {
            return Err(Error::msg("a plugin may hold 256 of these"));
        }
        match self.0.get_mut(place) {
            Some(free) => *free = Some(thing),
            None => self.0.push(Some(thing)),
        }
        Ok(Resource::new_own(u32::try_from(place)?))
    }

    /// The thing that a guest speaks of.
    pub(crate) fn get(&self, handle: &Resource<T>) -> Result<&T> {
        let place = usize::try_from(handle.rep())?;
        self.0.get(place).and_then(Option::as_ref).ok_or_else(|| Error::msg("there is no such handle"))
    }

    /// Forgets a thing that the guest has dropped.
    pub(crate) fn delete(&mut self, handle: &Resource<T>) {
        let place = usize::try_from(handle.rep()).unwrap_or(usize::MAX);
        if let Some(held) = self.0.get_mut(place) {
            *held = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_used_again_and_bounded() {
        let mut handles = Handles::default();
        let first = handles.push("first").unwrap();
        let second = handles.push("second").unwrap();
        handles.delete(&first);
        assert!(handles.get(&first).is_err(), "dropped");
        assert_eq!(handles.push("third").unwrap().rep(), first.rep(), "its place is free");
        assert_eq!(*handles.get(&second).unwrap(), "second");
        let more = (0..1000).take_while(|_| handles.push("more").is_ok()).count();
        assert_eq!(more, MAX_HELD - 2);
    }
}
