//! Kong's configuration fields of `cors`.

use serde::{Deserialize, Serialize};
use weir_plugin_sdk::{ConfigProblem, JsonSchema, schemars};

/// Kong's configuration fields, with Kong's defaults.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("x-forbidden-scopes" = ["consumer"]))]
pub struct Config {
    /// Origins of which pages may read responses. One that has other characters than letters, digits and `.:/-`
    /// is a regular expression, which has to match the whole origin, or its host alone if there is no `:` in it.
    /// `*`, or no origin at all, stands for all.
    pub origins: Option<Vec<String>>,
    /// Headers that a page may send. Without any, all that the browser asks for.
    pub headers: Option<Vec<String>>,
    /// Headers of a response that a page may read, beside those that it may always read.
    pub exposed_headers: Option<Vec<String>>,
    /// Methods that a page may use.
    pub methods: Option<Vec<Method>>,
    /// For how many seconds a browser need not ask again.
    pub max_age: Option<f64>,
    /// Pages may send cookies and the like.
    pub credentials: bool,
    /// Pages of public networks may reach this one though it is in a private network.
    pub private_network: bool,
    /// The upstream answers the browser's questions.
    pub preflight_continue: bool,
}

/// A method of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Method {
    Get,
    Head,
    Put,
    Patch,
    Post,
    Delete,
    Options,
    Trace,
    Connect,
}

const ALL: [Method; 9] = [
    Method::Get,
    Method::Head,
    Method::Put,
    Method::Patch,
    Method::Post,
    Method::Delete,
    Method::Options,
    Method::Trace,
    Method::Connect,
];

impl Default for Config {
    fn default() -> Self {
        Self {
            origins: None,
            headers: None,
            exposed_headers: None,
            methods: Some(ALL.into()),
            max_age: None,
            credentials: false,
            private_network: false,
            preflight_continue: false,
        }
    }
}

impl Config {
    /// The methods as a browser is told.
    pub(crate) fn methods(&self) -> String {
        let names = self.methods.as_deref().unwrap_or(&ALL).iter().map(|method| method.name());
        names.collect::<Vec<_>>().join(",")
    }

    /// What the schema cannot say, but for the origins.
    pub(crate) fn check(&self) -> Vec<ConfigProblem> {
        let named = |field, names: &Option<Vec<String>>| -> Vec<ConfigProblem> {
            let bad = names.iter().flatten().enumerate().filter(|(_, name)| !can_be_listed(name));
            let problem = |at| ConfigProblem::new(&format!("/{field}/{at}"), "must be the name of a header");
            bad.map(|(at, _)| problem(at)).collect()
        };
        [named("headers", &self.headers), named("exposed_headers", &self.exposed_headers)].concat()
    }
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Post => "POST",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
            Self::Trace => "TRACE",
            Self::Connect => "CONNECT",
        }
    }
}

/// Kong takes any text; here it must at least be one that leaves a header whole.
fn can_be_listed(name: &str) -> bool {
    name.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}
