//! `weir token`: makes, lists and revokes tokens of the Admin API, in the database itself. Whoever may
//! write there needs no token to make one.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use uuid::Uuid;

use super::output::say;
use super::records::written_down;
use super::{CliError, SettingsFile};
use crate::config::{Database, Settings};
use crate::model::{Document, Kind, Moment, admin_token_digest, id_of, kind, new_admin_token};
use crate::store::{Change, Lookup, PageQuery, Store, StoreError, StoreSettings};

/// Tokens of one read.
const BATCH: usize = 1000;

#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Makes a token and prints it. It is kept nowhere and cannot be printed again.
    Create(Create),
    /// Prints the tokens there are, as JSON lines.
    List(SettingsFile),
    /// Revokes a token at once.
    Revoke {
        /// Its name or id.
        token: String,
        #[command(flatten)]
        file: SettingsFile,
    },
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// Who will have it.
    name: String,
    /// What it may do: read-only, plugin-author, operator or admin.
    #[arg(long, default_value = "operator")]
    role: String,
    /// Only entities with one of these tags, separated by commas.
    #[arg(long, value_delimiter = ',')]
    scope: Vec<String>,
    /// Seconds until it ends; without, it does not.
    #[arg(long, value_name = "SECONDS")]
    ttl: Option<u32>,
    /// What it is for.
    #[arg(long)]
    comment: Option<String>,
    #[command(flatten)]
    file: SettingsFile,
}

pub(super) fn run(command: &Token) -> Result<ExitCode, CliError> {
    let file = match command {
        Token::Create(create) => &create.file,
        Token::List(file) | Token::Revoke { file, .. } => file,
    };
    let settings = file.load()?.settings;
    if matches!(settings.database, Database::Off { .. }) {
        let text = "without a database there is nowhere to keep tokens: set admin_token instead";
        return Err(CliError::No(text.to_owned()));
    }
    super::become_user(&settings)?;
    super::small_runtime()?.block_on(async {
        let keys = settings.encryption_keys.clone();
        let store = Store::connect_with(&StoreSettings::from(&settings), keys).await?;
        match command {
            Token::Create(wanted) => create(&store, &settings, wanted).await,
            Token::List(_) => list(&store).await,
            Token::Revoke { token, .. } => revoke(&store, &settings, token).await,
        }
    })
}

fn tokens() -> Result<&'static Kind, CliError> {
    kind("admin_tokens").ok_or_else(|| CliError::No("there is no such kind".to_owned()))
}

async fn create(store: &Store, settings: &Settings, wanted: &Create) -> Result<ExitCode, CliError> {
    let token = new_admin_token().map_err(|text| CliError::No(text.to_owned()))?;
    let mut sent = Document::new();
    sent.insert("name".to_owned(), wanted.name.as_str().into());
    sent.insert("role".to_owned(), wanted.role.as_str().into());
    sent.insert("comment".to_owned(), wanted.comment.as_deref().into());
    sent.insert("digest".to_owned(), admin_token_digest(&token).into());
    if !wanted.scope.is_empty() {
        sent.insert("scope".to_owned(), json!(wanted.scope));
    }
    if let Some(ttl) = wanted.ttl {
        sent.insert("ttl".to_owned(), ttl.into());
    }
    let kind = tokens()?;
    let refused = |found: crate::model::Violations| CliError::No(found.message());
    let moment = Moment::from_millis(super::records::unix_ms());
    let record = kind.create(sent, moment).and_then(|entity| kind.record(entity)).map_err(refused)?;
    match store.write_under(vec![Change::Insert(record)], written_down(settings, "token create")).await {
        Ok(_) => {
            say(token)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(StoreError::Conflict { .. }) => {
            Err(CliError::No(format!("there is a token called {} already; revoke it first", wanted.name)))
        }
        Err(error) => Err(error.into()),
    }
}

async fn list(store: &Store) -> Result<ExitCode, CliError> {
    let kind = tokens()?;
    let now = i64::try_from(super::records::unix_ms() / 1000).unwrap_or(i64::MAX);
    let mut query = PageQuery { size: BATCH, ..PageQuery::default() };
    loop {
        let page = store.page(kind.name, &query).await?;
        for token in page.documents {
            let mut shown = kind.shown(token, now);
            shown.remove("digest");
            say(Value::from(shown))?;
        }
        match page.next {
            Some(next) => query.after = Some(next),
            None => return Ok(ExitCode::SUCCESS),
        }
    }
}

async fn revoke(store: &Store, settings: &Settings, text: &str) -> Result<ExitCode, CliError> {
    let kind = tokens()?;
    let lookup = text.parse::<Uuid>().map_or_else(|_| Lookup::key("name", text), Lookup::Id);
    let found = store.find(kind.name, &lookup).await?;
    let Some(id) = found.as_ref().and_then(id_of) else {
        return Err(CliError::No(format!("there is no token {text}")));
    };
    let delete = Change::Delete { kind: kind.name.to_owned(), id };
    store.write_under(vec![delete], written_down(settings, "token revoke")).await?;
    say(format_args!("revoked {text}"))?;
    Ok(ExitCode::SUCCESS)
}
