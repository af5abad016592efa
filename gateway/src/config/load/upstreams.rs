//! Settings of what goes to upstreams.

use super::proxy::{no_limit, number};
use super::{seconds, small, some_seconds};
use crate::config::reader::Reader;
use crate::config::{Outliers, RetryBudget, UpstreamKeepalive, units};

/// Connections that are kept.
pub(super) fn keepalive(reader: &mut Reader) -> UpstreamKeepalive {
    UpstreamKeepalive {
        pool_size: reader.read("upstream_keepalive_pool_size", |text| number(text, 0)),
        min_idle: reader.read("upstream_keepalive_min_idle", |text| number(text, 0)),
        max_requests: reader.read("upstream_keepalive_max_requests", |text| {
            Ok(no_limit(units::count(text, 0, u32::MAX.into())?))
        }),
        idle_timeout: reader.read("upstream_keepalive_idle_timeout", |text| {
            Ok(Some(seconds(text)?).filter(|time| !time.is_zero()))
        }),
    }
}

/// How much may be repeated; `None` is no limit.
pub(super) fn retry_budget(reader: &mut Reader) -> Option<RetryBudget> {
    let percent = reader.read("retry_budget_percent", |text| small(text, 0, 100));
    let floor = reader.read("retry_budget_floor", |text| small(text, 0, 1_000_000));
    (percent > 0).then_some(RetryBudget { percent, floor })
}

/// Who is ejected; `None` if nobody ever is.
pub(super) fn outliers(reader: &mut Reader) -> Option<Outliers> {
    let byte = |text: &str, least, most| {
        small(text, least, most).map(|number| u8::try_from(number).unwrap_or(u8::MAX))
    };
    let outliers = Outliers {
        errors: reader.read("outlier_consecutive_errors", |text| byte(text, 0, 255)),
        gateway_errors: reader.read("outlier_consecutive_gateway_errors", |text| byte(text, 0, 255)),
        time: reader.read("outlier_ejection_time", some_seconds),
        longest: reader.read("outlier_max_ejection_time", some_seconds),
        percent: reader.read("outlier_max_ejection_percent", |text| byte(text, 1, 100)),
    };
    (outliers.errors > 0 || outliers.gateway_errors > 0).then_some(outliers)
}
