//! What goes wrong, in Kong's bodies. The only place that picks the status of a failure.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::answer::Answer;
use crate::declarative::Faults;
use crate::model::schema::SchemaFault;
use crate::model::{Document, Kind, Refusal, Violations, lua_table};
use crate::store::StoreError;

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    #[error("Not found")]
    NotFound,
    #[error("Method not allowed")]
    MethodNotAllowed,
    /// A plain message with a status.
    #[error("{1}")]
    Message(StatusCode, String),
    #[error(transparent)]
    Violations(#[from] Violations),
    /// One of Kong's numbered errors.
    #[error("{message}")]
    Coded { class: Class, message: String, fields: Value },
    /// A component that is not admitted.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store's, told apart by [`ApiError::of_write`] where the entity is known.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A declarative configuration that is wrong.
    #[error("{faults}")]
    Faults { faults: Box<Faults>, flatten: bool },
    /// The assignments that a new version of their plugin would break.
    #[error("{message}")]
    Breaks { message: String, assignments: Vec<Value> },
}

/// Kong's classes of errors, as far as they occur here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    PrimaryKey,
    PrimaryKeyTaken,
    ForeignKey,
    Unique,
    NotFound,
    Offset,
    Size,
    UniqueValue(&'static str),
    Options,
    Unsupported,
    Unresolved,
    Mentioned,
}

impl Class {
    fn code(self) -> u8 {
        match self {
            Self::PrimaryKey => 1,
            Self::PrimaryKeyTaken => 3,
            Self::ForeignKey => 4,
            Self::Unique => 5,
            Self::NotFound => 6,
            Self::Offset => 7,
            Self::Size => 9,
            Self::UniqueValue(_) => 10,
            Self::Options => 11,
            Self::Unsupported => 12,
            Self::Unresolved => 13,
            Self::Mentioned => 19,
        }
    }

    fn name(self) -> String {
        match self {
            Self::PrimaryKey => "invalid primary key".to_owned(),
            Self::PrimaryKeyTaken => "primary key violation".to_owned(),
            Self::ForeignKey => "foreign key violation".to_owned(),
            Self::Unique => "unique constraint violation".to_owned(),
            Self::NotFound => "not found".to_owned(),
            Self::Offset => "invalid offset".to_owned(),
            Self::Size => "invalid size".to_owned(),
            Self::UniqueValue(field) => format!("invalid unique {field}"),
            Self::Options => "invalid options".to_owned(),
            Self::Unsupported => "operation unsupported".to_owned(),
            Self::Unresolved => "foreign keys unresolved".to_owned(),
            Self::Mentioned => "referenced by others".to_owned(),
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Unique => StatusCode::CONFLICT,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Unsupported => StatusCode::METHOD_NOT_ALLOWED,
            Self::PrimaryKey
            | Self::PrimaryKeyTaken
            | Self::ForeignKey
            | Self::Offset
            | Self::Size
            | Self::UniqueValue(_)
            | Self::Options
            | Self::Unresolved
            | Self::Mentioned => StatusCode::BAD_REQUEST,
        }
    }
}

impl ApiError {
    pub(super) fn message(status: StatusCode, text: impl Into<String>) -> Self {
        Self::Message(status, text.into())
    }

    pub(super) fn bad_request(text: impl Into<String>) -> Self {
        Self::message(StatusCode::BAD_REQUEST, text)
    }

    pub(super) fn coded(class: Class, message: impl Into<String>, fields: Value) -> Self {
        Self::Coded { class, message: message.into(), fields }
    }

    /// A key that nobody has: `{name="x"}`.
    pub(super) fn missing(field: &str, value: &str) -> Self {
        let key = one(field, value);
        let what = if field == "id" { "primary key " } else { "" };
        let message = format!("could not find the entity with {what}'{}'", lua_table(&key));
        Self::coded(Class::NotFound, message, key.into())
    }

    /// What the store says about the write of `document`, in Kong's words.
    pub(super) fn of_write(error: StoreError, kind: &Kind, document: &Document) -> Self {
        match error {
            StoreError::Conflict { field, value, .. } if field == "id" => {
                let key = one("id", &value);
                let message = format!("primary key violation on key '{}'", lua_table(&key));
                Self::coded(Class::PrimaryKeyTaken, message, key.into())
            }
            StoreError::Conflict { field, value, .. } => {
                let clash = match kind.composite(&field) {
                    Some(key) => key
                        .fields_of(document)
                        .map(|name| (name.to_owned(), document.get(name).cloned().unwrap_or(Value::Null)))
                        .collect(),
                    None => one(&field, &value),
                };
                let message = format!("UNIQUE violation detected on '{}'", lua_table(&clash));
                Self::coded(Class::Unique, message, clash.into())
            }
            StoreError::MissingReference { field, target, id } => {
                let key = one("id", &id.to_string());
                let message = format!(
                    "the foreign key '{}' does not reference an existing '{target}' entity.",
                    lua_table(&key)
                );
                Self::coded(Class::ForeignKey, message, json!({ field: key }))
            }
            StoreError::Referenced { kind, by_kind } => Self::referenced(&kind, &by_kind),
            other @ (StoreError::Unavailable { .. }
            | StoreError::Unwritable { .. }
            | StoreError::NotFound { .. }
            | StoreError::Changed { .. }
            | StoreError::OutOfReach { .. }
            | StoreError::Unrecorded(_)
            | StoreError::BadRow { .. }
            | StoreError::Sealed(_)
            | StoreError::NotMigrated
            | StoreError::Migration(_)
            | StoreError::Settings(_)
            | StoreError::Refused(_)) => Self::Store(other),
        }
    }

    /// A write of one entity where a file says what there is.
    pub(super) fn unsupported(verb: &str, kind: &Kind, by: Option<&str>) -> Self {
        let by = by.map(|field| format!(" by '{field}'")).unwrap_or_default();
        let message = format!("cannot {verb} '{}' entities{by} when not using a database", kind.name);
        Self::coded(Class::Unsupported, message, Value::Null)
    }

    /// A delete that others stand against.
    pub(super) fn referenced(kind: &str, by_kind: &str) -> Self {
        let message = format!("an existing '{by_kind}' entity references this '{kind}' entity");
        Self::coded(Class::ForeignKey, message, json!({ "@referenced_by": by_kind }))
    }

    /// A delete that a list of ids stands against, which is no reference.
    pub(super) fn mentioned(id: &str, by_kind: &str, by: &str) -> Self {
        let message = format!("ca certificate {id} is still referenced by {by_kind} (id = {by})");
        Self::coded(Class::Mentioned, message, Value::Null)
    }

    /// The answer that the caller sees. What only the log may know is logged here, once.
    pub(super) fn into_answer(self) -> Answer {
        match self {
            Self::NotFound => Answer::message(StatusCode::NOT_FOUND, "Not found"),
            Self::MethodNotAllowed => Answer::message(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"),
            Self::Message(status, text) => Answer::message(status, text),
            Self::Violations(found) => {
                let message = found.message();
                let body = json!({ "code": 2, "name": "schema violation", "message": message, "fields": found.fields });
                Answer::json(StatusCode::BAD_REQUEST, body)
            }
            Self::Coded { class, message, fields } => {
                let place = if class == Class::Options { "options" } else { "fields" };
                let mut body = json!({ "code": class.code(), "name": class.name(), "message": message });
                if let (Some(body), false) = (body.as_object_mut(), fields.is_null()) {
                    body.insert(place.to_owned(), fields);
                }
                Answer::json(class.status(), body)
            }
            Self::Refused(Refusal { reason, message, again }) => {
                let status = if again { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::BAD_REQUEST };
                Answer::json(status, json!({ "message": message, "reason": reason }))
            }
            Self::Faults { faults, flatten } => Answer::json(StatusCode::BAD_REQUEST, faults.body(flatten)),
            Self::Breaks { message, assignments } => {
                let body = json!({
                    "code": 2, "name": "schema violation", "message": message,
                    "reason": "assignments_would_break", "assignments": assignments,
                });
                Answer::json(StatusCode::BAD_REQUEST, body)
            }
            Self::Store(error) => of_store(&error),
        }
    }
}

fn of_store(error: &StoreError) -> Answer {
    match error {
        StoreError::Unavailable { outage, .. } => {
            tracing::warn!(%error, "the Admin API could not use the database");
            let text = if *outage { "the database is not reachable" } else { "the database is busy" };
            Answer::message(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("{text}; traffic is served on, try again later"),
            )
        }
        StoreError::Unwritable { why, .. } => {
            tracing::error!(%error, "the Admin API could not write to the database");
            let text =
                format!("the database cannot be written, since {why}; traffic is served on, try again later");
            Answer::message(StatusCode::SERVICE_UNAVAILABLE, text)
        }
        StoreError::NotMigrated => Answer::message(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
        StoreError::Changed { .. } => Answer::message(
            StatusCode::CONFLICT,
            "somebody else changed the entity at the same time; try again",
        ),
        StoreError::NotFound { .. } => Answer::message(StatusCode::NOT_FOUND, "Not found"),
        StoreError::OutOfReach { kind, why, .. } => Answer::message(
            StatusCode::FORBIDDEN,
            format!("this would change an entity of '{kind}' that is not in the token's scope: {why}"),
        ),
        StoreError::Unrecorded(_) => {
            tracing::error!(%error, "a change was refused");
            let text = "the change was not made, since the audit log cannot be written; try again later";
            Answer::message(StatusCode::SERVICE_UNAVAILABLE, text)
        }
        StoreError::Conflict { .. }
        | StoreError::MissingReference { .. }
        | StoreError::Referenced { .. }
        | StoreError::BadRow { .. }
        | StoreError::Sealed(_)
        | StoreError::Migration(_)
        | StoreError::Settings(_)
        | StoreError::Refused(_) => {
            tracing::error!(%error, "the store refused what the Admin API asked");
            Answer::message(StatusCode::INTERNAL_SERVER_ERROR, "An unexpected error occurred")
        }
    }
}

impl From<SchemaFault> for ApiError {
    fn from(fault: SchemaFault) -> Self {
        let message = format!("the configuration schema of the plugin cannot be used: {fault}");
        Self::Refused(Refusal { reason: fault.reason.to_owned(), message, again: false })
    }
}

fn one(field: &str, value: &str) -> Document {
    let mut key = Document::new();
    key.insert(field.to_owned(), value.into());
    key
}
