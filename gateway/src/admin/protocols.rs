//! An assignment must share a protocol with what it is for, as in Kong.
//!
//! Checked when an assignment is written, and not again when its route changes later; Kong does the
//! same. Which protocols a plugin may list at all is a rule of its schema.

use uuid::Uuid;

use super::error::ApiError;
use super::state::AdminState;
use crate::model::{Document, Violations, protocols};
use crate::store::{Lookup, PageQuery};

/// Routes that are read at a time.
const BATCH: usize = 1000;

impl AdminState {
    /// Whether one of an assignment's protocols is one of its route's, or of at least one route of its
    /// service, if that has any. Reads the database only for an assignment with a scope.
    pub(super) async fn check_protocols(&self, assignment: &Document) -> Result<(), ApiError> {
        let is_shared = |route: &Document| protocols::share(assignment, route);
        if let Some(route) = reference(assignment, "route") {
            // A route that does not exist is refused when the assignment is written.
            let route = self.store.whole().find("routes", &Lookup::Id(route)).await?;
            return match route.as_ref().is_none_or(is_shared) {
                true => Ok(()),
                false => Err(mismatch(protocols::NOT_THE_ROUTES)),
            };
        }
        let Some(service) = reference(assignment, "service") else { return Ok(()) };
        let parent = Some(("service".to_owned(), service));
        let mut query = PageQuery { size: BATCH, parent, ..PageQuery::default() };
        let mut is_alone = true;
        loop {
            let page = self.store.whole().page("routes", &query).await?;
            if page.documents.iter().any(is_shared) {
                return Ok(());
            }
            is_alone &= page.documents.is_empty();
            query.after = match page.next {
                Some(next) => Some(next),
                None if is_alone => return Ok(()),
                None => {
                    return Err(mismatch(protocols::NONE_OF_THE_SERVICES));
                }
            };
        }
    }
}

fn mismatch(text: &str) -> ApiError {
    Violations::of("protocols", text).into()
}

fn reference(entity: &Document, field: &str) -> Option<Uuid> {
    entity.get(field)?.get("id")?.as_str()?.parse().ok()
}
