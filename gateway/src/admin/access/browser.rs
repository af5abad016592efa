//! Calls that a page of some web site makes through the browser of somebody who reaches the Admin API.
//!
//! A token does not come by itself, so a call with one is the caller's own will. Without, a page may
//! have been served under a name that now leads here (DNS rebinding), or may post blindly (cross-site
//! request forgery). Programs send neither a foreign `Host` nor an `Origin`, and are not bothered.

use std::net::IpAddr;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};

use super::identify::{Access, Proof};
use crate::admin::error::ApiError;

impl Access {
    /// Whether the call may come from where a browser says it does.
    pub(in crate::admin) fn check_origin(&self, parts: &Parts, proof: Proof) -> Result<(), ApiError> {
        if proof == Proof::Token {
            return Ok(());
        }
        let host = host(parts);
        if let (Proof::Nobody, Some(host)) = (proof, host.as_deref())
            && !self.is_own_name(host)
        {
            let text = format!(
                "the Admin API is not known by the name '{host}'; if it should be, add it to admin_hosts"
            );
            return Err(ApiError::message(StatusCode::MISDIRECTED_REQUEST, text));
        }
        let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(&parts.method);
        if !reads && self.is_foreign(&parts.headers, host.as_deref()) {
            let text = "a page of another origin may not change anything here; \
                 if it should, add its URL to admin_gui_url";
            return Err(ApiError::message(StatusCode::FORBIDDEN, text));
        }
        Ok(())
    }

    /// The origin that a browser may show the answer to: as Kong chooses it, but without a token asked
    /// for no other site's.
    pub(in crate::admin) fn shared_origin(&self, parts: &Parts) -> HeaderValue {
        let headers = &parts.headers;
        let listed = &self.origins;
        let Some(origin) = headers.get(header::ORIGIN) else {
            let first = listed.first().and_then(|first| HeaderValue::from_str(first).ok());
            return first.unwrap_or(HeaderValue::from_static("*"));
        };
        let host = host(parts);
        // A browser shows a certificate by itself, and a token only if the page has it.
        let asks_for_tokens = self.proofs.token && !self.proofs.certificate;
        let is_shared = if listed.is_empty() {
            asks_for_tokens || !self.is_foreign(headers, host.as_deref())
        } else {
            listed.iter().any(|known| known.as_bytes() == origin.as_bytes())
        };
        if is_shared {
            return origin.clone();
        }
        let own = listed.first().cloned().unwrap_or_else(|| format!("http://{}", host.unwrap_or_default()));
        HeaderValue::from_str(&own).unwrap_or(HeaderValue::from_static("http://localhost"))
    }

    /// Whether a browser says that the call comes from a page of somebody else.
    fn is_foreign(&self, headers: &HeaderMap, host: Option<&str>) -> bool {
        let crosses = headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site");
        let Some(origin) = headers.get(header::ORIGIN) else {
            return crosses;
        };
        if self.origins.iter().any(|known| known.as_bytes() == origin.as_bytes()) {
            return false;
        }
        let origin: Option<Uri> = origin.to_str().ok().and_then(|origin| origin.parse().ok());
        let from = origin.as_ref().and_then(Uri::host).map(|host| host.trim_matches(['[', ']']));
        // Another port of the same host is the operator's own web interface.
        from.is_none() || from.map(str::to_ascii_lowercase).as_deref() != host
    }

    /// Names that no web site can have: of the loopback, addresses, and names that no public DNS serves.
    fn is_own_name(&self, host: &str) -> bool {
        host.parse::<IpAddr>().is_ok()
            || !host.contains('.')
            || host.ends_with(".localhost")
            || self.hosts.iter().any(|known| known == host)
    }
}

/// The host that the call is for, in lower case and without its port.
fn host(parts: &Parts) -> Option<String> {
    let said = parts.headers.get(header::HOST).map(|host| host.to_str().unwrap_or("?.?"));
    let whole = said.or_else(|| parts.uri.authority().map(axum::http::uri::Authority::as_str))?;
    let name = match whole.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => whole.split(':').next().unwrap_or_default(),
    };
    Some(name.trim_end_matches('.').to_ascii_lowercase()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;

    use super::*;
    use crate::config::AccessSettings;

    fn parts(method: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri("/services");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::empty()).unwrap().into_parts().0
    }

    fn status(access: &Access, method: &str, headers: &[(&str, &str)], proof: Proof) -> u16 {
        let judged = access.check_origin(&parts(method, headers), proof);
        judged.err().map_or(200, |error| error.into_answer().status.as_u16())
    }

    #[test]
    fn foreign_names_and_foreign_pages_are_refused() {
        let access = Access::new(&AccessSettings {
            hosts: vec!["gw.example.com".to_owned()],
            origins: vec!["https://ui.example.com".to_owned()],
            ..AccessSettings::default()
        });
        for (case, method, headers, want) in [
            ("curl", "POST", &[("host", "localhost:8001")][..], 200),
            ("an address", "GET", &[("host", "127.0.0.1:8001")], 200),
            ("an IPv6 address", "GET", &[("host", "[::1]:8001")], 200),
            ("a container", "GET", &[("host", "weir:8001")], 200),
            ("a name of the machine's own", "GET", &[("host", "a.localhost")], 200),
            ("a known name", "GET", &[("host", "GW.example.com.:8001")], 200),
            ("no host", "GET", &[], 200),
            ("DNS rebinding", "GET", &[("host", "evil.example:8001")], 421),
            ("DNS rebinding to an address", "GET", &[("host", "127.0.0.1.evil.example")], 421),
            ("a name with bytes", "GET", &[("host", "loc\u{e4}lhost")], 421),
            ("a foreign page", "POST", &[("host", "localhost"), ("origin", "http://evil.example")], 403),
            ("a sandboxed page", "POST", &[("host", "localhost"), ("origin", "null")], 403),
            ("a file", "DELETE", &[("host", "localhost"), ("origin", "file://")], 403),
            ("fetch metadata alone", "POST", &[("host", "localhost"), ("sec-fetch-site", "cross-site")], 403),
            (
                "a foreign page that reads",
                "GET",
                &[("host", "localhost"), ("origin", "http://evil.example")],
                200,
            ),
            (
                "its own interface",
                "PUT",
                &[("host", "localhost:8001"), ("origin", "http://localhost:8002")],
                200,
            ),
            (
                "a listed interface",
                "PUT",
                &[("host", "localhost"), ("origin", "https://ui.example.com")],
                200,
            ),
        ] {
            assert_eq!(status(&access, method, headers, Proof::Nobody), want, "{case}");
        }
        let foreign = [("host", "gw.corp"), ("origin", "http://evil.example")];
        assert_eq!(status(&access, "POST", &foreign, Proof::Token), 200, "a token is no accident");
        assert_eq!(
            status(&access, "POST", &foreign, Proof::Certificate),
            403,
            "browsers send those by themselves"
        );
    }

    #[test]
    fn answers_are_shared_with_own_pages_alone() {
        let access = Access::new(&AccessSettings::default());
        for (headers, want) in [
            (&[("host", "localhost:8001")][..], "*"),
            (&[("host", "localhost:8001"), ("origin", "http://localhost:8002")], "http://localhost:8002"),
            (&[("host", "localhost:8001"), ("origin", "http://evil.example")], "http://localhost"),
        ] {
            assert_eq!(access.shared_origin(&parts("GET", headers)), want, "{headers:?}");
        }
    }
}
