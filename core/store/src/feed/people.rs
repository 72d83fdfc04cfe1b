//! Logins, roles and clearing, by the lines of the feeds.

use std::collections::BTreeMap;

use caseward::{EntityUid, Type, Value, Ward};

use super::kind::{instant, moment, truth};
use super::read::Fields;
use super::subject::Subject;
use crate::attendance::{Making, Stop, fits};
use crate::db::{Db, as_number, number, text};
use crate::error::Error;

/// A line of the feed `staff`: a role at a place, half-open.
pub(super) struct Role {
    role: String,
    place: EntityUid,
    from: i64,
    until: Option<i64>,
}

impl Role {
    fn read(ward: &Ward, fields: &Fields) -> Result<Self, String> {
        let of = |name: &str| fields.get(name).cloned().unwrap_or_default();
        let role = of("role");
        let place = place_type(ward, &role).ok_or_else(|| format!("a user has no role `{role}`"))?;
        let from = moment(fields, "from")?.ok_or("it lacks `from`")?;
        let until = moment(fields, "until")?;
        if until.is_some_and(|until| until < from) {
            return Err("it ends before it begins".to_owned());
        }
        Ok(Role { place: EntityUid::new(place, of("at")), role, from, until })
    }
}

/// The type of the places at which a role is held: what the user's attribute of that name names.
fn place_type(ward: &Ward, role: &str) -> Option<String> {
    let schema = ward.schema();
    let (_, attribute) = schema.entity_type(schema.type_id("User")?)?.attribute(role)?;
    let Type::Set(of) = &attribute.ty else { return None };
    let Type::Entity(of) = **of else { return None };
    schema.entity_type(of).map(|ty| ty.name.to_string())
}

/// What is wrong with a line of the feed `staff`.
pub(super) fn check_role(making: &mut Making<'_>, fields: &Fields) -> Result<(), Stop> {
    let role = Role::read(making.ward, fields).map_err(Stop::Invalid)?;
    match making.draft.has(&role.place)? {
        true => Ok(()),
        false => Err(Stop::Invalid(format!("{} is not in the data", role.place))),
    }
}

pub(super) fn check_login(fields: &Fields) -> Result<(), String> {
    truth(fields, "active")?;
    instant(fields, "at").map(drop)
}

pub(super) fn check_training(fields: &Fields) -> Result<(), String> {
    moment(fields, "passedAt").map(drop)
}

/// The instants at which something of a line begins or ends.
pub(super) fn boundaries(ward: &Ward, kind: &str, fields: &Fields) -> Vec<i64> {
    let one = |at: Result<Option<i64>, String>| at.ok().flatten().into_iter().collect();
    match kind {
        "logins" => one(instant(fields, "at")),
        "staff" => Role::read(ward, fields)
            .map_or(Vec::new(), |role| [Some(role.from), role.until].into_iter().flatten().collect()),
        _ => Vec::new(),
    }
}

/// A user of whom the data knows nothing yet: without a login and without roles.
pub(super) fn make(making: &mut Making<'_>, user: &EntityUid) -> Result<(), Stop> {
    if making.draft.has(user)? {
        return Ok(());
    }
    let schema = making.ward.schema().clone();
    let ty = schema.type_id("User").and_then(|ty| schema.entity_type(ty));
    let mut attributes = vec![("loginActive", Value::Bool(false))];
    for (name, attribute) in ty.iter().flat_map(|ty| &ty.attributes) {
        if let (true, Type::Set(_)) = (attribute.required, &attribute.ty) {
            attributes.push((name, Value::set([])));
        }
    }
    making.draft.make(user, attributes);
    Ok(())
}

/// What was so before the feeds first spoke of the user.
pub(super) fn base(making: &mut Making<'_>, user: &EntityUid) -> Result<Vec<(&'static str, String)>, Stop> {
    let mut base = Vec::new();
    if let Some(Value::Bool(active)) = making.draft.get(user, "loginActive")? {
        base.push(("loginActive", active.to_string()));
    }
    if let Some(Value::Datetime(from)) = making.draft.get(user, "providerAccessFrom")? {
        base.push(("providerAccessFrom", from.to_string()));
    }
    Ok(base)
}

/// Makes the login what it is at an instant.
pub(super) fn apply_login(
    making: &mut Making<'_>,
    subject: &Subject,
    lines: &[Fields],
    at: i64,
) -> Result<(), Stop> {
    let active = is_active(subject, lines, at);
    Ok(making.draft.set(&subject.uid, "loginActive", Some(active.into()))?)
}

/// Whether a login is active at an instant.
pub(super) fn is_active(subject: &Subject, lines: &[Fields], at: i64) -> bool {
    let told =
        lines.iter().filter_map(|fields| Some((instant(fields, "at").ok()??, truth(fields, "active").ok()?)));
    let latest = told.filter(|(from, _)| *from <= at).max_by_key(|(from, _)| *from);
    let base = subject.base.get("loginActive").is_some_and(|active| active == "true");
    latest.map_or(base, |(_, active)| active)
}

/// Makes the clearing what the first pass of the module says, a delay after it.
pub(super) fn apply_training(
    making: &mut Making<'_>,
    subject: &Subject,
    lines: &[Fields],
) -> Result<(), Stop> {
    match cleared_from(subject, lines) {
        Some(from) => {
            Ok(making.draft.set(&subject.uid, "providerAccessFrom", Some(Value::Datetime(from)))?)
        }
        None => Ok(()),
    }
}

/// From when provider roles take effect.
pub(super) fn cleared_from(subject: &Subject, lines: &[Fields]) -> Option<i64> {
    let passed = lines.iter().filter_map(|fields| {
        let delay: i64 = fields.get(DELAY)?.parse().ok()?;
        moment(fields, "passedAt").ok()??.checked_add(delay)
    });
    let base = subject.base.get("providerAccessFrom").and_then(|from| from.parse().ok());
    passed.chain(base).min()
}

/// How long after it is passed the module is processed, in milliseconds: kept with the line.
pub(super) const DELAY: &str = "delay";

/// Makes the roles that the lines speak of what they are at an instant.
pub(super) fn apply_roles(
    making: &mut Making<'_>,
    subject: &Subject,
    lines: &[Fields],
    at: i64,
) -> Result<(), Stop> {
    let mut has_ended = false;
    for ((role, place), lines) in by_place(making.ward, lines) {
        let is_held = making.draft.all(&subject.uid, &role)?.contains(&place);
        let (since, held) = last_mark(making, &subject.uid, &role, &place, at, is_held)?;
        let held = is_held_at(&lines, (since, held), at);
        if held != is_held {
            making.draft.hold(&subject.uid, &role, &place, held)?;
            has_ended |= !held;
        }
    }
    if has_ended {
        fits::clear_person(making, &subject.uid)?;
    }
    Ok(())
}

/// Lines by the role and the place that they speak of.
pub(super) fn by_place(ward: &Ward, lines: &[Fields]) -> BTreeMap<(String, EntityUid), Vec<Role>> {
    let mut by_place: BTreeMap<(String, EntityUid), Vec<Role>> = BTreeMap::new();
    for role in lines.iter().filter_map(|fields| Role::read(ward, fields).ok()) {
        by_place.entry((role.role.clone(), role.place.clone())).or_default().push(role);
    }
    by_place
}

/// Whether a role is held at an instant, given what was last said of it otherwise than by lines, and from when.
pub(super) fn is_held_at(lines: &[Role], (since, held): (i64, bool), at: i64) -> bool {
    let later: Vec<&Role> = lines.iter().filter(|line| line.from <= at && line.from > since).collect();
    match later.as_slice() {
        [] => held,
        later => later.iter().any(|line| line.until.is_none_or(|until| at < until)),
    }
}

/// What a command said last of a role, or an import: it stays so until a later line begins.
fn last_mark(
    making: &mut Making<'_>,
    user: &EntityUid,
    role: &str,
    place: &EntityUid,
    at: i64,
    is_held: bool,
) -> Result<(i64, bool), Stop> {
    if let Some(mark) = mark(making.db, user, (role, place), at)? {
        return Ok(mark);
    }
    // The first that is heard of it: what the data has was imported.
    let sql = "INSERT INTO caseward_role_mark (person, role, place, at, held) VALUES (?1, ?2, ?3, ?4, ?5) \
               ON CONFLICT (person, role, place, at) DO NOTHING";
    let [person, role, place] = [text(user.id()), text(role), text(place.id())];
    making.db.run(sql, &[person, role, place, number(i64::MIN), number(i64::from(is_held))])?;
    Ok((i64::MIN, is_held))
}

/// From when it is so, and whether a role is held: what was last said of it otherwise than by lines, at an instant or before.
pub(super) fn mark(
    db: &mut dyn Db,
    user: &EntityUid,
    (role, place): (&str, &EntityUid),
    at: i64,
) -> Result<Option<(i64, bool)>, Error> {
    let sql = "SELECT at, held FROM caseward_role_mark WHERE person = ?1 AND role = ?2 AND place = ?3 AND at <= ?4 \
               ORDER BY at DESC LIMIT 1";
    let row = db.row(sql, &[text(user.id()), text(role), text(place.id()), number(at)])?;
    Ok(row.map(|row| {
        let of = |at: usize| row.get(at).and_then(as_number);
        (of(0).unwrap_or(i64::MIN), of(1) == Some(1))
    }))
}
