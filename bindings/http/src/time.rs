//! Instants, as they are written.

use jiff::Timestamp;

/// An instant in RFC 3339.
pub(crate) fn show(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |at| at.to_string())
}
