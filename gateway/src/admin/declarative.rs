//! `/config`, which belongs to gateways without a database.

use super::answer::Answer;
use super::error::ApiError;

/// What Kong answers on a gateway that has a database.
pub(super) fn refuse() -> Result<Answer, ApiError> {
    Err(ApiError::bad_request(
        "this endpoint is only available when Kong is configured to not use a database",
    ))
}
