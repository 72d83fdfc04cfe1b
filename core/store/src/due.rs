//! What somebody is to see to: lists of what is due, or has waited long, of what they themselves may act on.

use std::collections::HashSet;

use caseward::{ActionName, Context, EntityUid, Listing, Query, Sorted, TypeName, Value};

use crate::error::Error;
use crate::store::Store;

/// A list of what somebody is to see to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Due {
    /// Students whose records they may dispose of now, no instruction protecting them; whose last case closed longest ago
    /// first.
    Disposal,
    /// Registers that they may dispose of now, were the board or the manager to approve; the oldest first.
    Registers,
    /// Submitted requests that they may accept, review or decline; submitted longest ago first.
    Requests,
    /// Open cases that they work on and that have no case manager; opened longest ago first.
    Unassigned,
    /// Open cases that they see and that have no contact at the school; opened longest ago first.
    Contacts,
}

/// What stands for one list: an action on a type, with what its context needs beside the time.
type Asked = (&'static str, &'static str, Option<(&'static str, Value)>);

impl Due {
    /// Every list, in the order in which they are told.
    pub const ALL: [Due; 5] = [Due::Requests, Due::Unassigned, Due::Contacts, Due::Disposal, Due::Registers];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Due::Disposal => "disposal",
            Due::Registers => "registers",
            Due::Requests => "requests",
            Due::Unassigned => "unassigned",
            Due::Contacts => "contacts",
        }
    }

    /// Those who may do one of these are to see to it.
    fn asked(self) -> Vec<Asked> {
        let approved =
            |by: &'static str| ("disposeRegister", "Register", Some(("approvedBy", Value::from(by))));
        match self {
            Due::Disposal => {
                vec![("disposeRecords", "Student", Some(("protectionInstruction", Value::Bool(false))))]
            }
            Due::Registers => vec![approved("board"), approved("manager")],
            Due::Requests => ["acceptRequest", "reviewRequest", "declineRequest"]
                .map(|action| (action, "Request", None))
                .to_vec(),
            Due::Unassigned => vec![("updateRecord", "Case", None)],
            Due::Contacts => vec![("viewSummary", "Case", None)],
        }
    }

    fn listing(self) -> Listing {
        let all = Listing::new();
        match self {
            Due::Disposal | Due::Registers => all,
            Due::Requests => all.by("submittedAt").only("status", "submitted"),
            Due::Unassigned => all.by("openedAt").only("status", "open").without("caseManager"),
            Due::Contacts => all.by("openedAt").only("status", "open").without("primaryContact"),
        }
    }

    /// What says since when it waits, which whoever is to see to it need not see of it.
    fn since(self) -> Option<&'static str> {
        match self {
            Due::Disposal => Some("lastCaseClosedAt"),
            Due::Registers => Some("lastEntryAt"),
            _ => None,
        }
    }
}

impl Store {
    /// What somebody is to see to, at an instant: what they may act on by the policies, and what they may see alone.
    ///
    /// It is not audited: [`Store::audit`] it before it is shown.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub fn due_of(&self, person: &EntityUid, due: Due, now: i64) -> Result<Vec<EntityUid>, Error> {
        let mut lists: Vec<Sorted> = Vec::new();
        for (action, ty, field) in due.asked() {
            let context = Context::at(now);
            let context = match field {
                Some((name, value)) => context.with(name, value),
                None => context,
            };
            let query =
                Query::new(person.clone(), ActionName::from_static(action), TypeName::from_static(ty));
            lists.push(self.list(&query.in_context(context), &due.listing())?);
        }
        // Each once, where they come first.
        let mut seen = HashSet::new();
        let mut all: Vec<EntityUid> = lists.iter().flat_map(Sorted::iter).collect();
        all.retain(|uid| seen.insert(uid.clone()));
        if let Some(name) = due.since() {
            let mut dated = Vec::new();
            for uid in all {
                dated.push((self.world().attribute(&uid, name)?, uid));
            }
            dated.sort();
            all = dated.into_iter().map(|(_, uid)| uid).collect();
        }
        Ok(all)
    }
}
