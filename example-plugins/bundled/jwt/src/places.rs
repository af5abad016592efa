//! Where in a request the token may be.

use weir_plugin_sdk::{Input, InputList, Inputs, Slot};

use crate::config::Config;
use crate::refusal::Refusal;

/// The places that a configuration names.
pub(crate) struct Places {
    /// Query parameters and cookies, whose value is the token.
    bare: Vec<Slot>,
    /// Headers, in which a word comes before it.
    headers: Vec<Slot>,
}

impl Places {
    pub(crate) fn of(config: &Config, inputs: &mut InputList) -> Self {
        let names = |names: &Option<Vec<String>>| names.clone().unwrap_or_default();
        let parameters = names(&config.uri_param_names).into_iter().map(Input::QueryParam);
        let cookies = names(&config.cookie_names).into_iter().map(Input::Cookie);
        let bare = parameters.chain(cookies).map(|input| inputs.want(input)).collect();
        let written = names(&config.header_names).into_iter().flat_map(|name| {
            let lower = name.to_ascii_lowercase();
            // Kong finds a header by a name with `_` too.
            let hyphened = lower.replace('_', "-");
            let other = (hyphened != lower).then_some(hyphened);
            [Some(lower), other].into_iter().flatten()
        });
        let headers = written.map(|name| inputs.want(Input::Header(name))).collect();
        Self { bare, headers }
    }

    /// The token of the request.
    ///
    /// The same one may be in several places. Of different ones none is taken, wherever they are: the upstream
    /// might look at another than was checked. Kong makes an exception for a header that came twice, of which
    /// it takes the first.
    pub(crate) fn token<'a>(&self, inputs: &'a Inputs) -> Result<&'a [u8], Refusal> {
        let bare = self.bare.iter().flat_map(|slot| inputs.all(*slot));
        let in_headers = self.headers.iter().flat_map(|slot| inputs.all(*slot)).filter_map(bearer);
        let mut tokens = bare.chain(in_headers).filter(|token| !token.is_empty());
        let first = tokens.next().ok_or_else(Refusal::without_token)?;
        if tokens.any(|token| token != first) {
            return Err(Refusal::new("Multiple tokens provided", "multiple-tokens"));
        }
        Ok(first)
    }
}

/// What follows `Bearer` or `bearer`, wherever that is: some clients write another scheme before it.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let begins = |at: &usize| {
        let word = value.get(*at..at.saturating_add(6));
        word.is_some_and(|word| word == b"Bearer" || word == b"bearer")
    };
    (0..value.len()).filter(begins).find_map(|at| {
        let behind = value.get(at.saturating_add(6)..)?;
        let token = behind.trim_ascii_start();
        (token.len() < behind.len() && !token.is_empty()).then_some(token)
    })
}

#[cfg(test)]
mod tests {
    use super::bearer;

    #[test]
    fn a_token_follows_its_scheme() {
        for (value, token) in [
            ("Bearer a.b.c", Some("a.b.c")),
            ("bearer a.b.c", Some("a.b.c")),
            ("  Bearer \t a.b.c", Some("a.b.c")),
            ("Basic eA==, Bearer a.b.c", Some("a.b.c")),
            ("Bearer Bearer a.b.c", Some("Bearer a.b.c")),
            ("Bearers Bearer a.b.c", Some("a.b.c")),
            ("BEARER a.b.c", None),
            ("Bearera.b.c", None),
            ("Bearer", None),
            ("Bearer ", None),
            ("Basic eA==", None),
            ("", None),
        ] {
            assert_eq!(bearer(value.as_bytes()), token.map(str::as_bytes), "{value:?}");
        }
    }
}
