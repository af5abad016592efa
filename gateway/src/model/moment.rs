//! When an entity was made or changed: seconds for most kinds, with milliseconds for some.

use serde_json::{Number, Value};

/// A moment since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    ms: i64,
}

impl Moment {
    /// The moment so many milliseconds after 1970.
    #[must_use]
    pub fn from_millis(ms: u64) -> Self {
        Self { ms: i64::try_from(ms).unwrap_or(i64::MAX) }
    }

    /// Its unix second.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.ms / 1000
    }

    /// Seconds with three decimals, as far as they are not zero.
    pub(super) fn exact(self) -> Value {
        if self.ms % 1000 == 0 {
            return self.seconds().into();
        }
        #[expect(clippy::cast_precision_loss, reason = "exact for the next 285 000 years")]
        let seconds = self.ms as f64 / 1000.0;
        Number::from_f64(seconds).map_or(Value::Null, Value::Number)
    }
}

/// A unix second.
impl From<i64> for Moment {
    fn from(seconds: i64) -> Self {
        Self { ms: seconds.saturating_mul(1000) }
    }
}
