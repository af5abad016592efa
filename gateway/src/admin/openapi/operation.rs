//! One operation: what a client sends, and what it may hear. Printed here as OpenAPI has it.

use serde_json::{Map, Value, json};

/// A method of a path.
#[derive(Debug)]
pub(super) struct Operation {
    /// Unique; the name of a function in a generated client.
    pub(super) id: String,
    pub(super) summary: String,
    /// The heading that it stands under.
    pub(super) tag: String,
    /// Names in `components/parameters`.
    pub(super) query: Vec<&'static str>,
    pub(super) body: Option<Body>,
    /// Status and what comes with it.
    pub(super) success: Vec<(u16, Content)>,
    /// Keys of [`super::components::FAILURES`].
    pub(super) failures: Vec<u16>,
    /// Kept for clients that know nothing newer.
    pub(super) deprecated: bool,
}

/// What a client sends.
#[derive(Debug)]
pub(super) enum Body {
    /// Fields, as JSON or as a form in Kong's notation of nested names.
    Fields(Value),
    /// Anything else: schemas by content type.
    Typed(Vec<(&'static str, Value)>),
}

/// What comes with a status.
#[derive(Debug)]
pub(super) enum Content {
    Nothing(&'static str),
    Json(&'static str, Value),
    /// A text of this content type.
    Text(&'static str, &'static str),
}

impl Operation {
    pub(super) fn new(id: impl Into<String>, tag: impl Into<String>, summary: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            summary: summary.into(),
            tag: tag.into(),
            query: Vec::new(),
            body: None,
            success: Vec::new(),
            failures: Vec::new(),
            deprecated: false,
        }
    }

    pub(super) fn query(mut self, names: &[&'static str]) -> Self {
        self.query.extend(names);
        self
    }

    /// With a body, and what may be wrong with any body.
    pub(super) fn body(mut self, body: Body) -> Self {
        self.body = Some(body);
        self.fails(&[400, 408, 413, 415])
    }

    pub(super) fn gives(mut self, status: u16, content: Content) -> Self {
        self.success.push((status, content));
        self
    }

    /// 200 with a body of this schema.
    pub(super) fn shows(self, what: &'static str, schema: Value) -> Self {
        self.gives(200, Content::Json(what, schema))
    }

    pub(super) fn fails(mut self, statuses: &[u16]) -> Self {
        self.failures.extend(statuses);
        self
    }

    /// The operation object.
    pub(super) fn printed(&self) -> Value {
        let mut out = Map::new();
        let mut put = |name: &str, value: Value| _ = out.insert(name.to_owned(), value);
        put("operationId", self.id.as_str().into());
        put("summary", self.summary.as_str().into());
        put("tags", json!([self.tag]));
        if self.deprecated {
            put("deprecated", true.into());
        }
        if !self.query.is_empty() {
            put("parameters", self.query.iter().map(|name| refer("parameters", name)).collect());
        }
        if let Some(body) = &self.body {
            put("requestBody", body.printed());
        }
        put("responses", self.responses());
        Value::Object(out)
    }

    fn responses(&self) -> Value {
        let successes = self.success.iter().map(|(status, content)| (*status, content.printed()));
        let mut failures = self.failures.clone();
        // Any query may be too long to read, and any caller turned away.
        failures.extend([400, 401, 403, 421, 429]);
        failures.sort_unstable();
        failures.dedup();
        let failures = failures.into_iter().map(|status| (status, refer("responses", &status.to_string())));
        successes.chain(failures).map(|(status, response)| (status.to_string(), response)).collect()
    }
}

impl Body {
    fn printed(&self) -> Value {
        // Where no field is required, no body is needed either.
        let is_required = match self {
            Self::Fields(schema) => schema.get("allOf").is_some() || schema.get("required").is_some(),
            Self::Typed(_) => true,
        };
        let content: Map<String, Value> = match self {
            Self::Fields(schema) => {
                let form = refer("schemas", "Form");
                [
                    ("application/json", schema.clone()),
                    ("application/x-www-form-urlencoded", form.clone()),
                    ("multipart/form-data", form),
                ]
                .map(|(kind, schema)| (kind.to_owned(), json!({ "schema": schema })))
                .into_iter()
                .collect()
            }
            Self::Typed(list) => {
                list.iter().map(|(kind, schema)| ((*kind).to_owned(), json!({ "schema": schema }))).collect()
            }
        };
        json!({ "required": is_required, "content": content })
    }
}

impl Content {
    fn printed(&self) -> Value {
        match self {
            Self::Nothing(what) => json!({ "description": what }),
            Self::Json(what, schema) => {
                json!({ "description": what, "content": { "application/json": { "schema": schema } } })
            }
            Self::Text(kind, what) => {
                json!({ "description": what, "content": { *kind: { "schema": { "type": "string" } } } })
            }
        }
    }
}

/// A reference into `components`.
pub(super) fn refer(place: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{place}/{name}") })
}

/// A reference to a schema.
pub(super) fn schema(name: &str) -> Value {
    refer("schemas", name)
}
