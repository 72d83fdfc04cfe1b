//! What happens to a case, and who is told of it.

use crate::model::{EntityUid, Error, Value};
use crate::visible::Visible;
use crate::ward::Ward;
use crate::world::World;

/// Something that happened to a case, of which people are alerted.
///
/// The guides for schools name the first three; the guide to access has the primary contact alerted of any change.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "event", rename_all = "camelCase")]
#[non_exhaustive]
pub enum CaseEvent {
    /// A comment was added: the id of the item.
    CommentAdded {
        /// The comment.
        item: String,
    },
    /// A file was uploaded: the id of the item.
    FileUploaded {
        /// The file.
        item: String,
    },
    /// An item was shared with a school.
    ItemShared {
        /// The item.
        item: String,
    },
    /// Somebody else is the primary contact now.
    PrimaryContactChanged,
    /// Somebody else is the case manager now.
    CaseManagerChanged,
    /// The case went to another provider.
    Reallocated,
    /// The student changed school.
    SchoolChanged,
    /// Anything else about the case changed.
    Changed,
}

impl CaseEvent {
    /// The item that the event is about.
    pub fn item(&self) -> Option<EntityUid> {
        match self {
            CaseEvent::CommentAdded { item }
            | CaseEvent::FileUploaded { item }
            | CaseEvent::ItemShared { item } => Some(EntityUid::new("Item", item.as_str())),
            _ => None,
        }
    }

    /// The users who are to be told that this happened to the case with this id, at `now`, in milliseconds since
    /// 1970-01-01T00:00:00Z. They are asked for after the event is in the data: a new contact is told, the former
    /// one is not.
    ///
    /// # Errors
    /// As [`Ward::alert`].
    ///
    /// # Example
    /// ```
    /// use caseward::Ward;
    /// use caseward::attendance::{CaseEvent, Sample};
    ///
    /// let ward = Ward::attendance()?;
    /// let world = Sample { cases: 50, seed: 1 }.build(&ward, &mut |_| {})?;
    /// let told = CaseEvent::PrimaryContactChanged.told(&ward, &world, "c0000001", 1_778_446_800_000)?;
    /// for user in told.ids() {
    ///     println!("to {user}: the primary contact changed");
    /// }
    /// # Ok::<(), caseward::Error>(())
    /// ```
    pub fn told(&self, ward: &Ward, world: &World, case: &str, now: i64) -> Result<Visible, Error> {
        let context = [("now".into(), Value::Datetime(now))].into();
        ward.engine.alert(world, &EntityUid::new("Case", case), self.item().as_ref(), "User", &context)
    }
}
