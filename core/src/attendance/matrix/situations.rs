//! What the people of the matrix act on: each situation is a small world with one record that matters.
//!
//! The student is Sam, of Kauri School. Kauri lies in the catchment of Harbour and has an in-school
//! provider, Kauri Hub; Rata School lies in the catchment of Southern.

/// What is the same in every situation. The person called `new` has no role yet.
pub(super) const SCENERY: &str = "
    School kauri: kind=state catchmentProvider=harbour
    School rata: kind=state catchmentProvider=southern
    Provider harbour: kind=asp
    Provider southern: kind=asp
    Provider hub: kind=isp school=kauri
    User new: loginActive=true";

/// What the context holds, as people would ordinarily fill it in.
pub(super) const CONTEXT: &str = "now=2026-05-11T09:00:00+1200 sizeBytes=4096 contact=PC assignee=OC \
    toProvider=southern caregiverConsent=true consent=true agreementInForce=true withSchool=kauri \
    primaryContact=PC protectionInstruction=false subject=new role=attendanceLead leaderApproved=true \
    approvedBy=board";

/// A block: one record in one state.
pub(super) struct Situation {
    /// The record, by type and id.
    pub(super) record: (&'static str, &'static str),
    pub(super) title: &'static str,
    /// Where the context differs from [`CONTEXT`]; `self` is who acts, and nothing leaves a field out.
    pub(super) context: &'static str,
    /// The record and what it hangs on, as `scene` reads it.
    pub(super) facts: [&'static str; 2],
}

/// A situation whose facts are in one piece.
pub(super) const fn situation(
    record: (&'static str, &'static str),
    title: &'static str,
    context: &'static str,
    facts: &'static str,
) -> Situation {
    Situation { record, title, context, facts: [facts, ""] }
}
