//! From an endpoint and a method to its handler.
//!
//! The method is one of [`Endpoint::methods`]; what is not listed there never comes here.

use axum::http::Method;

use super::answer::Answer;
use super::call::Call;
use super::consumer_groups::{self, OF_CONSUMER, OF_GROUP};
use super::entities::{self, Forced};
use super::error::ApiError;
use super::paths::Endpoint;
use super::{
    audit, custom_plugins, declarative, information, log_level, openapi, route_test, schemas, status, tags,
    target_health, targets, tokens, unavailable,
};
use crate::model::{Foreign, Kind};

#[expect(clippy::too_many_lines, reason = "a list of endpoints")]
pub(super) async fn dispatch(
    endpoint: Endpoint,
    method: &Method,
    mut call: Call<'_>,
) -> Result<Answer, ApiError> {
    match endpoint {
        Endpoint::Information => information::show_information(call.state).await,
        Endpoint::Status => status::show_status(call.state, &call.query).await,
        Endpoint::Robots => Ok(robots()),
        Endpoint::RouteTest => route_test::test_route(call).await,
        Endpoint::Metrics => information::show_metrics(call.state).await,
        Endpoint::Endpoints => Ok(schemas::list_endpoints()),
        Endpoint::Description => Ok(openapi::show()),
        Endpoint::EnabledPlugins => schemas::list_enabled_plugins(call.state).await,
        Endpoint::PluginSchema => schemas::show_plugin_schema(call.state, call.parameter(0)?).await,
        Endpoint::PluginConfigSchema => schemas::show_config_schema(call.state, call.parameter(0)?).await,
        Endpoint::EntitySchema => schemas::show_entity_schema(call.parameter(0)?),
        Endpoint::ValidatePlugin => {
            let sent = call.fields().await?;
            entities::validate_entity(call.state, schemas::kind_named("plugins")?, sent).await
        }
        Endpoint::ValidateVault => {
            let sent = call.fields().await?;
            entities::validate_entity(call.state, schemas::kind_named("vaults")?, sent).await
        }
        Endpoint::ValidateEntity => {
            let kind = schemas::kind_named(call.parameter(0)?)?;
            let sent = call.fields().await?;
            entities::validate_entity(call.state, kind, sent).await
        }
        Endpoint::Declarative => declarative::answer_config(method, call).await,
        Endpoint::DeclarativeSchema => Ok(declarative::show_editor_schema(call.state)),
        Endpoint::Tags | Endpoint::Tag if *method != Method::GET => Err(unavailable::refuse_tag_write()),
        Endpoint::Tags => tags::list_tags(call.state, &call.query).await,
        Endpoint::Tag => tags::list_tagged(call.state, call.parameter(0)?, call.path, &call.query).await,
        Endpoint::AdminTokens => tokens::answer_tokens(method, call).await,
        Endpoint::AdminToken => tokens::answer_token(method, call).await,
        Endpoint::AuditRequests => audit::list_requests(call).await,
        Endpoint::AuditObjects => audit::list_objects(call).await,
        Endpoint::CustomPlugins
        | Endpoint::CustomPlugin
        | Endpoint::CustomPluginVersions
        | Endpoint::CustomPluginVersion
        | Endpoint::CustomPluginPackages
        // Answered before, since it has no length.
        | Endpoint::CustomPluginLogs => custom_plugins::dispatch(endpoint, method, call).await,
        Endpoint::Targets => targets::answer_targets(method, call).await,
        Endpoint::AllTargets => targets::list_all_targets(call).await,
        Endpoint::Target => targets::answer_target(method, call).await,
        Endpoint::TargetHealth => target_health::set_health(call).await,
        Endpoint::UpstreamHealth => target_health::show_health(call).await,
        Endpoint::Workspaces => collection(schemas::kind_named("workspaces")?, None, method, call).await,
        Endpoint::Workspace => entity(schemas::kind_named("workspaces")?, None, method, call).await,
        Endpoint::ConsumerGroups => collection(schemas::kind_named("consumer_groups")?, None, method, call).await,
        Endpoint::ConsumerGroup if *method == Method::GET => {
            consumer_groups::show_group(call.state, call.parameter(0)?).await
        }
        Endpoint::ConsumerGroup => entity(schemas::kind_named("consumer_groups")?, None, method, call).await,
        Endpoint::Members => consumer_groups::answer_members(OF_GROUP, method, call).await,
        Endpoint::Member => consumer_groups::answer_member(OF_GROUP, method, call).await,
        Endpoint::Memberships => consumer_groups::answer_members(OF_CONSUMER, method, call).await,
        Endpoint::Membership => consumer_groups::answer_member(OF_CONSUMER, method, call).await,
        Endpoint::VaultSchema => schemas::show_vault_schema(call.parameter(0)?),
        Endpoint::FilterSchema => Err(unavailable::refuse_filter(call.parameter(0)?)),
        Endpoint::Cache => Ok(unavailable::forget_all(call.state)),
        Endpoint::CacheKey => unavailable::cached_value(method),
        Endpoint::LogLevel => Ok(log_level::show_level()),
        Endpoint::SetLogLevel => log_level::set_level(&call),
        Endpoint::SetAllLogLevels => log_level::set_level_of_all(call).await,
        Endpoint::Timers => Ok(unavailable::show_timers()),
        Endpoint::DnsStatus => Ok(Answer::ok((call.state.node.dns)())),
        Endpoint::Filters => Err(unavailable::refuse_filters()),
        Endpoint::Clustering => Err(unavailable::refuse_clustering()),
        Endpoint::Disabled => Err(ApiError::NotFound),
        Endpoint::Collection(kind) => collection(kind, None, method, call).await,
        Endpoint::Entity(kind) => entity(kind, None, method, call).await,
        Endpoint::Parent { child, foreign } => parent_of(child, foreign, method, call).await,
        Endpoint::Children { parent, foreign, kind } => {
            let below = entities::below_parent(call.state, parent, foreign, call.parameter(0)?).await?;
            collection(kind, Some(below), method, call).await
        }
        Endpoint::Child { parent, foreign, kind } => {
            let below = entities::below_parent(call.state, parent, foreign, call.parameter(0)?).await?;
            entity(kind, Some(below), method, call).await
        }
    }
}

async fn collection(
    kind: &'static Kind,
    below: Option<Forced>,
    method: &Method,
    mut call: Call<'_>,
) -> Result<Answer, ApiError> {
    if *method == Method::POST {
        let sent = call.fields().await?;
        return entities::create_entity(call.state, kind, sent, below).await;
    }
    entities::list_entities(call.state, kind, below, call.path, &call.query).await
}

async fn entity(
    kind: &'static Kind,
    below: Option<Forced>,
    method: &Method,
    mut call: Call<'_>,
) -> Result<Answer, ApiError> {
    let text = call.parameters.last().cloned().ok_or(ApiError::NotFound)?;
    match *method {
        Method::PUT => {
            let sent = call.fields().await?;
            entities::upsert_entity(call.state, kind, &text, sent, below).await
        }
        Method::PATCH => {
            let sent = call.fields().await?;
            entities::update_entity(call.state, kind, &text, sent, below).await
        }
        Method::DELETE => entities::delete_entity(call.state, kind, &text, below).await,
        _ => entities::show_entity(call.state, kind, &text, below).await,
    }
}

async fn parent_of(
    child: &'static Kind,
    foreign: Foreign,
    method: &Method,
    mut call: Call<'_>,
) -> Result<Answer, ApiError> {
    let text = call.parameter(0)?.to_owned();
    match *method {
        Method::PUT => {
            let sent = call.fields().await?;
            entities::put_parent(call.state, child, foreign, &text, sent).await
        }
        Method::PATCH => {
            let sent = call.fields().await?;
            entities::patch_parent(call.state, child, foreign, &text, sent).await
        }
        // The parent may not go while the child refers to it; without one there is nothing to delete.
        Method::DELETE => entities::show_parent(call.state, child, foreign, &text)
            .await
            .and(Err(ApiError::MethodNotAllowed)),
        _ => entities::show_parent(call.state, child, foreign, &text).await,
    }
}

fn robots() -> Answer {
    Answer::text("text/plain", "User-agent: *\nDisallow: /")
}
