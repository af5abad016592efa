//! What a route asks beside host and path: method, headers, server name, addresses, or an expression.

use std::net::SocketAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use regex::bytes::{Regex, RegexBuilder};

use super::RouteInput;
use super::host::HostPattern;
use crate::exchange::Scheme;
use crate::expression::{AddressBlock, Expression};
use crate::model::{AddressRule, Protocol, Route};

/// The conditions of one route that are not in the index. Empty lists ask for nothing.
#[derive(Debug)]
pub(super) struct Conditions {
    methods: Box<[Method]>,
    headers: Box<[HeaderCondition]>,
    snis: Box<[HostPattern]>,
    sources: Addresses,
    destinations: Addresses,
    expression: Option<Asked>,
}

/// An expression, and the only scheme under which it is asked, if there is one.
#[derive(Debug)]
struct Asked {
    expression: Arc<Expression>,
    only: Option<Scheme>,
}

/// One of these; an empty list asks for nothing.
#[derive(Debug, Default)]
pub(super) struct Addresses(Box<[(Option<AddressBlock>, Option<u16>)]>);

#[derive(Debug)]
struct HeaderCondition {
    /// In lower case, with `_` for `-`: Kong sees no difference between the two.
    name: Box<str>,
    values: Box<[ValueCondition]>,
}

#[derive(Debug)]
enum ValueCondition {
    /// Equal but for case.
    Text(Box<str>),
    /// Found anywhere in the value.
    Pattern(Regex),
}

/// Which field of a route cannot be used, and why.
pub(super) type FieldProblem = (&'static str, String);

impl Conditions {
    /// Compiles the conditions of `route`. The caller has its expression, if it has one.
    pub(super) fn of(route: &Route, expression: Option<Arc<Expression>>) -> Result<Self, FieldProblem> {
        let methods = route.methods.iter().flatten().map(|method| {
            Method::from_bytes(method.as_bytes()).map_err(|_| ("methods", format!("{method:?} is no method")))
        });
        let headers = route.headers.iter().flatten().map(|(name, values)| HeaderCondition::of(name, values));
        Ok(Self {
            methods: methods.collect::<Result<_, _>>()?,
            headers: headers.collect::<Result<_, _>>()?,
            snis: server_names(route)?,
            sources: Addresses::of(route.sources.as_deref(), "sources")?,
            destinations: Addresses::of(route.destinations.as_deref(), "destinations")?,
            expression: expression.map(|expression| Asked { expression, only: only_scheme(route) }),
        })
    }

    /// Whether the request fulfils all of them.
    pub(super) fn fit(&self, input: &RouteInput<'_>, path: &[u8]) -> bool {
        let method = self.methods.is_empty() || self.methods.contains(input.method);
        method
            && self.headers.iter().all(|header| header.fits(input.headers))
            && self.sni_fits(input)
            && self.sources.fit(input.source)
            && self.destinations.fit(input.destination)
            && self.expression.as_ref().is_none_or(|asked| asked.fits(input, path))
    }

    /// The fields that the request does not fulfil.
    pub(super) fn misses(&self, input: &RouteInput<'_>, path: &[u8]) -> Vec<&'static str> {
        let expression = self.expression.as_ref().is_none_or(|asked| asked.fits(input, path));
        let fields = [
            ("methods", self.methods.is_empty() || self.methods.contains(input.method)),
            ("headers", self.headers.iter().all(|header| header.fits(input.headers))),
            ("snis", self.sni_fits(input)),
            ("sources", self.sources.fit(input.source)),
            ("destinations", self.destinations.fit(input.destination)),
            ("expression", expression),
        ];
        fields.into_iter().filter(|(_, fits)| !fits).map(|(name, _)| name).collect()
    }

    fn sni_fits(&self, input: &RouteInput<'_>) -> bool {
        if self.snis.is_empty() || input.scheme == Scheme::Http {
            return true;
        }
        input.sni.is_some_and(|name| self.snis.iter().any(|sni| sni.fits_name(name)))
    }
}

/// The server names that a route asks for.
pub(super) fn server_names(route: &Route) -> Result<Box<[HostPattern]>, FieldProblem> {
    let snis = route.snis.iter().flatten().map(|sni| {
        // The dot that ends a full name must not be used for routing.
        let name = sni.strip_suffix('.').filter(|name| !name.is_empty()).unwrap_or(sni);
        HostPattern::parse(name).ok_or_else(|| ("snis", format!("{sni:?} is no server name")))
    });
    snis.collect()
}

/// As in Kong: a route for `https` alone is asked on plain http too, so that its callers can be told.
fn only_scheme(route: &Route) -> Option<Scheme> {
    if let [Protocol::Https] = route.protocols.as_slice() {
        return None;
    }
    let plain = |protocol: &Protocol| matches!(protocol, Protocol::Http | Protocol::Grpc);
    let tls = |protocol: &Protocol| matches!(protocol, Protocol::Https | Protocol::Grpcs);
    match (route.protocols.iter().any(plain), route.protocols.iter().any(tls)) {
        (true, false) => Some(Scheme::Http),
        (false, true) => Some(Scheme::Https),
        (true, true) | (false, false) => None,
    }
}

impl Asked {
    fn fits(&self, input: &RouteInput<'_>, path: &[u8]) -> bool {
        self.only.is_none_or(|only| only == input.scheme) && self.expression.holds(&input.facts(path))
    }
}

impl Addresses {
    pub(super) fn of(list: Option<&[AddressRule]>, field: &'static str) -> Result<Self, FieldProblem> {
        let rules = list.unwrap_or_default().iter().map(|rule| {
            let block = rule.ip.as_deref().map(|ip| {
                AddressBlock::parse(ip).ok_or_else(|| (field, format!("{ip:?} is no address or range")))
            });
            Ok((block.transpose()?, rule.port))
        });
        rules.collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn fit(&self, address: SocketAddr) -> bool {
        let fits = |(block, port): &(Option<AddressBlock>, Option<u16>)| {
            block.is_none_or(|block| block.contains(address.ip()))
                && port.is_none_or(|port| port == address.port())
        };
        self.0.is_empty() || self.0.iter().any(fits)
    }
}

impl HeaderCondition {
    fn of(name: &str, values: &[String]) -> Result<Self, FieldProblem> {
        let values = values.iter().map(|value| ValueCondition::of(value)).collect::<Result<_, _>>()?;
        Ok(Self { name: name.to_ascii_lowercase().replace('-', "_").into(), values })
    }

    fn fits(&self, headers: &HeaderMap) -> bool {
        let mut named = headers.iter().filter(|(name, _)| self.is_named(name));
        named.any(|(_, value)| self.values.iter().any(|condition| condition.fits(value)))
    }

    fn is_named(&self, name: &HeaderName) -> bool {
        let (given, wanted) = (name.as_str().bytes(), self.name.bytes());
        given.len() == wanted.len()
            && given.zip(wanted).all(|(given, wanted)| given == wanted || (given == b'-' && wanted == b'_'))
    }
}

impl ValueCondition {
    fn of(value: &str) -> Result<Self, FieldProblem> {
        let Some(pattern) = value.strip_prefix("~*") else {
            return Ok(Self::Text(value.into()));
        };
        // Kong lower-cases the pattern as text, classes such as `\D` too, and so do we.
        let regex = RegexBuilder::new(&pattern.to_lowercase()).case_insensitive(true).build();
        regex.map(Self::Pattern).map_err(|error| ("headers", error.to_string()))
    }

    fn fits(&self, value: &HeaderValue) -> bool {
        match self {
            Self::Text(text) => value.as_bytes().eq_ignore_ascii_case(text.as_bytes()),
            Self::Pattern(regex) => regex.is_match(value.as_bytes()),
        }
    }
}
