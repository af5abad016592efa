//! Which kinds are credentials, and by which field a request finds one.

/// The kind of consumers.
pub(super) const CONSUMERS: &str = "consumers";

/// The kind that puts a consumer into groups.
pub(super) const ACLS: &str = "acls";

/// The kind of groups of consumers that assignments may be for.
pub(super) const GROUPS: &str = "consumer_groups";

/// The kind that puts a consumer into such a group.
pub(super) const MEMBERS: &str = "consumer_group_consumers";

/// What [`save_identities`](crate::store::LastGood::save_identities) is to save so that
/// [`Identity::seed`](super::Identity::seed) finds all it needs.
///
/// What refers to others comes before them: they are read one kind after the other, while the store is written.
pub const SAVED_KINDS: &[&str] = &[
    "keyauth_credentials",
    "basicauth_credentials",
    "hmacauth_credentials",
    "jwt_secrets",
    ACLS,
    MEMBERS,
    GROUPS,
    CONSUMERS,
];

/// The unique field that a credential of this kind is found by.
pub(super) fn key_field(kind: &str) -> &'static str {
    match kind {
        "basicauth_credentials" | "hmacauth_credentials" => "username",
        "oauth2_credentials" => "client_id",
        "oauth2_tokens" => "access_token",
        _ => "key",
    }
}
