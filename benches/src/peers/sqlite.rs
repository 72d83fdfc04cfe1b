//! SQLite, in memory: tables with indices, and statements that are written by hand and prepared once.

use roaring::RoaringBitmap;
use rusqlite::config::DbConfig;
use rusqlite::{CachedStatement, Connection, params};

use crate::Failure;
use crate::floor::{
    CENTRAL_INVESTIGATION, Floor, NATIONAL_CONTRACTS, NONE, PROSECUTIONS, Places, ProviderKind,
    REGIONAL_CONTRACTS, ROLLED_OUT, Status,
};

/// All rules for `viewSummary` on a case. `?1` is who asks, `?2` the time.
const EVERY_ROLE: &str = "
  FROM person u CROSS JOIN record c
    JOIN student s ON s.id = c.student
    LEFT JOIN provider p ON p.id = c.provider
    LEFT JOIN provider n ON n.id = s.provider
  WHERE u.id = ?1 AND u.active AND c.status IN ('open', 'closed') AND (
    EXISTS (SELECT 1 FROM team WHERE person = ?1 AND name IN ('centralInvestigation', 'nationalContracts'))
    OR (c.status = 'open' AND c.notified
      AND EXISTS (SELECT 1 FROM team WHERE person = ?1 AND name = 'prosecutions'))
    OR (p.kind = 'asp' AND EXISTS (SELECT 1 FROM team WHERE person = ?1 AND name = 'regionalContracts')
      AND EXISTS (SELECT 1 FROM role WHERE person = ?1 AND kind = 'monitors' AND place = c.provider))
    OR (?2 >= 1772190000000 AND (
      EXISTS (SELECT 1 FROM role
        WHERE person = ?1 AND kind IN ('attendanceLead', 'officeSupport') AND place = s.enrolled)
      OR (c.status = 'open' AND c.contact = ?1 AND EXISTS (
        SELECT 1 FROM role WHERE person = ?1 AND kind = 'primaryContact' AND place = s.enrolled))))
    OR (u.access_from <= ?2 AND (
      ((p.kind = 'asp' OR (p.kind = 'isp' AND p.school = s.enrolled)) AND (
        EXISTS (SELECT 1 FROM role WHERE person = ?1 AND kind = 'workflowLead' AND place = c.provider)
        OR ((c.manager = ?1 OR (c.status = 'open'
            AND EXISTS (SELECT 1 FROM helper WHERE person = ?1 AND record = c.id)))
          AND EXISTS (SELECT 1 FROM role WHERE person = ?1 AND kind = 'caseManager' AND place = c.provider))))
      OR (c.status = 'closed' AND (n.kind = 'asp' OR (n.kind = 'isp' AND n.school = s.enrolled)) AND (
        EXISTS (SELECT 1 FROM role WHERE person = ?1 AND kind = 'workflowLead' AND place = s.provider)
        OR (s.manager = ?1 AND EXISTS (
          SELECT 1 FROM role WHERE person = ?1 AND kind = 'caseManager' AND place = s.provider)))))))";

// CROSS JOIN keeps the order of the tables as it is written here.

/// M1.
const ALL: &str = "SELECT id FROM record WHERE status IN ('open', 'closed')";
/// M5.
const NOTIFIED: &str = "SELECT id FROM record WHERE notified AND status = 'open'";
/// M3.
const MONITORED: &str = "
  SELECT c.id FROM role r CROSS JOIN provider p ON p.id = r.place CROSS JOIN record c ON c.provider = p.id
  WHERE r.person = ?1 AND r.kind = 'monitors' AND p.kind = 'asp' AND c.status IN ('open', 'closed')";
/// S1.
const AT_SCHOOL: &str = "
  SELECT c.id FROM role r CROSS JOIN student s ON s.enrolled = r.place CROSS JOIN record c ON c.student = s.id
  WHERE r.person = ?1 AND r.kind IN ('attendanceLead', 'officeSupport') AND c.status IN ('open', 'closed')";
/// S3.
const CONTACT: &str = "
  SELECT c.id FROM record c CROSS JOIN student s ON s.id = c.student
  WHERE c.contact = ?1 AND c.status = 'open' AND EXISTS (
    SELECT 1 FROM role WHERE person = ?1 AND kind = 'primaryContact' AND place = s.enrolled)";
/// P1, P3, P4, P6 of a workflow lead.
const WORKFLOW_LEAD: &str = "
  SELECT c.id FROM role r CROSS JOIN provider p ON p.id = r.place CROSS JOIN record c ON c.provider = p.id
  WHERE r.person = ?1 AND r.kind = 'workflowLead' AND c.status IN ('open', 'closed') AND (p.kind = 'asp'
    OR (p.kind = 'isp' AND p.school = (SELECT enrolled FROM student WHERE id = c.student)))
  UNION ALL
  SELECT c.id FROM role r CROSS JOIN provider p ON p.id = r.place CROSS JOIN student s ON s.provider = p.id
    CROSS JOIN record c ON c.student = s.id
  WHERE r.person = ?1 AND r.kind = 'workflowLead' AND c.status = 'closed'
    AND (p.kind = 'asp' OR (p.kind = 'isp' AND p.school = s.enrolled))";
/// P2 to P6 of a case manager.
const CASE_MANAGER: &str = "
  SELECT c.id FROM role r CROSS JOIN provider p ON p.id = r.place
    CROSS JOIN record c ON c.manager = ?1 AND c.provider = p.id
  WHERE r.person = ?1 AND r.kind = 'caseManager' AND c.status IN ('open', 'closed') AND (p.kind = 'asp'
    OR (p.kind = 'isp' AND p.school = (SELECT enrolled FROM student WHERE id = c.student)))
  UNION ALL
  SELECT c.id FROM helper h CROSS JOIN record c ON c.id = h.record CROSS JOIN provider p ON p.id = c.provider
  WHERE h.person = ?1 AND c.status = 'open'
    AND EXISTS (SELECT 1 FROM role WHERE person = ?1 AND kind = 'caseManager' AND place = p.id)
    AND (p.kind = 'asp'
      OR (p.kind = 'isp' AND p.school = (SELECT enrolled FROM student WHERE id = c.student)))
  UNION ALL
  SELECT c.id FROM student s CROSS JOIN provider p ON p.id = s.provider CROSS JOIN record c ON c.student = s.id
  WHERE s.manager = ?1 AND c.status = 'closed'
    AND EXISTS (SELECT 1 FROM role WHERE person = ?1 AND kind = 'caseManager' AND place = p.id)
    AND (p.kind = 'asp' OR (p.kind = 'isp' AND p.school = s.enrolled))";

/// A database with all that the rules for cases ask.
pub struct Sqlite(Connection);

impl Sqlite {
    /// Copies the floor's data into tables and indexes them.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn new(floor: &Floor<'_>) -> Result<Self, Failure> {
        let mut connection = Connection::open_in_memory()?;
        // Without it, statistics make SQLite plan a statement again whenever a parameter changes.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.execute_batch(include_str!("tables.sql"))?;
        let transaction = connection.transaction()?;
        fill_people(floor, &transaction)?;
        fill_records(floor, &transaction)?;
        transaction.execute_batch(include_str!("indices.sql"))?;
        transaction.commit()?;
        Ok(Sqlite(connection))
    }

    /// The statement that decides one request: who asks, when, about which case.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn check(&self) -> Result<CachedStatement<'_>, Failure> {
        Ok(self.0.prepare_cached(&format!("SELECT EXISTS (SELECT 1 {EVERY_ROLE} AND c.id = ?3)"))?)
    }

    /// The statement that lists the cases of anybody.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn list(&self) -> Result<CachedStatement<'_>, Failure> {
        Ok(self.0.prepare_cached(&format!("SELECT c.id {EVERY_ROLE}"))?)
    }

    /// The statement that lists the cases of somebody with the roles that this person has.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn list_for(
        &self,
        floor: &Floor<'_>,
        user: u32,
        now: i64,
    ) -> Result<Option<CachedStatement<'_>>, Failure> {
        let person = &floor.users[user as usize];
        let has = |places: Places| !floor.places(person, places).is_empty();
        let team = |bits: u8| person.teams & bits != 0;
        let at_school = now >= ROLLED_OUT && person.has_school_role;
        let cleared = person.has_provider_role && person.is_cleared(now);
        let parts = [
            (team(PROSECUTIONS), NOTIFIED),
            (team(REGIONAL_CONTRACTS), MONITORED),
            (at_school && (has(Places::AttendanceLeadAt) || has(Places::OfficeSupportAt)), AT_SCHOOL),
            (at_school && has(Places::PrimaryContactAt), CONTACT),
            (cleared && has(Places::WorkflowLeadAt), WORKFLOW_LEAD),
            (cleared && has(Places::CaseManagerAt), CASE_MANAGER),
        ];
        let parts: Vec<&str> = match team(CENTRAL_INVESTIGATION | NATIONAL_CONTRACTS) {
            true => vec![ALL],
            false => parts.into_iter().filter(|(holds, _)| *holds).map(|(_, sql)| sql).collect(),
        };
        if !person.active || parts.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.0.prepare_cached(&parts.join(" UNION ALL "))?))
    }
}

/// Whether the statement of [`Sqlite::check`] allows it; an error is no.
pub fn allows(statement: &mut CachedStatement<'_>, user: u32, case: u32, now: i64) -> bool {
    statement.query_row(params![user, now, case], |row| row.get::<_, bool>(0)).is_ok_and(|allowed| allowed)
}

/// The cases that a statement lists; it may name one twice, which costs less here than a UNION does there.
///
/// # Errors
/// What SQLite says.
pub fn cases(statement: &mut CachedStatement<'_>, user: u32, now: i64) -> rusqlite::Result<RoaringBitmap> {
    for (place, value) in [i64::from(user), now].into_iter().enumerate().take(statement.parameter_count()) {
        statement.raw_bind_parameter(place + 1, value)?;
    }
    let mut rows = statement.raw_query();
    let mut found = RoaringBitmap::new();
    while let Some(row) = rows.next()? {
        found.insert(row.get(0)?);
    }
    Ok(found)
}

fn known(number: u32) -> Option<u32> {
    (number != NONE).then_some(number)
}

fn fill_people(floor: &Floor<'_>, to: &Connection) -> rusqlite::Result<()> {
    let mut school = to.prepare("INSERT INTO school VALUES (?1, ?2)")?;
    for (number, of) in floor.schools.iter().enumerate() {
        school.execute(params![number as i64, known(of.catchment_provider)])?;
    }
    let mut provider = to.prepare("INSERT INTO provider VALUES (?1, ?2, ?3)")?;
    for (number, of) in floor.providers.iter().enumerate() {
        let kind = match of.kind {
            ProviderKind::Asp => "asp",
            ProviderKind::Isp => "isp",
            ProviderKind::Unknown => "unknown",
        };
        provider.execute(params![number as i64, kind, known(of.school)])?;
    }
    let mut person = to.prepare("INSERT INTO person VALUES (?1, ?2, ?3)")?;
    let mut role = to.prepare("INSERT INTO role VALUES (?1, ?2, ?3)")?;
    let mut team = to.prepare("INSERT INTO team VALUES (?1, ?2)")?;
    for (number, of) in floor.users.iter().enumerate() {
        person.execute(params![number as i64, of.active, of.access_from()])?;
        let roles = [
            ("attendanceLead", Places::AttendanceLeadAt),
            ("primaryContact", Places::PrimaryContactAt),
            ("officeSupport", Places::OfficeSupportAt),
            ("workflowLead", Places::WorkflowLeadAt),
            ("caseManager", Places::CaseManagerAt),
            ("monitors", Places::Monitors),
        ];
        for (kind, places) in roles {
            for place in floor.places(of, places) {
                role.execute(params![number as i64, kind, place])?;
            }
        }
        let teams = [
            (CENTRAL_INVESTIGATION, "centralInvestigation"),
            (NATIONAL_CONTRACTS, "nationalContracts"),
            (REGIONAL_CONTRACTS, "regionalContracts"),
            (PROSECUTIONS, "prosecutions"),
        ];
        for (_, name) in teams.iter().filter(|(bit, _)| of.teams & bit != 0) {
            team.execute(params![number as i64, name])?;
        }
    }
    Ok(())
}

fn fill_records(floor: &Floor<'_>, to: &Connection) -> rusqlite::Result<()> {
    let mut student = to.prepare("INSERT INTO student VALUES (?1, ?2, ?3, ?4)")?;
    for (number, of) in floor.students.iter().enumerate() {
        let (provider, manager) = (known(of.current_provider), known(of.current_case_manager));
        student.execute(params![number as i64, known(of.enrolled_at), provider, manager])?;
    }
    let mut record = to.prepare("INSERT INTO record VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    let mut helper = to.prepare("INSERT INTO helper VALUES (?1, ?2)")?;
    for (number, of) in floor.cases.iter().enumerate() {
        let status = match of.status {
            Status::Open => "open",
            Status::Closed => "closed",
            Status::Unknown => "unknown",
        };
        let (manager, contact) = (known(of.case_manager), known(of.primary_contact));
        record.execute(params![
            number as i64,
            of.student,
            status,
            known(of.provider),
            manager,
            contact,
            of.prosecution_notified
        ])?;
        for person in floor.members(of.team) {
            helper.execute(params![person, number as i64])?;
        }
    }
    Ok(())
}
