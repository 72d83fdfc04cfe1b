//! What a file of a feed does.

use std::collections::{BTreeMap, BTreeSet};

use caseward_store::Taken;
use serde_json::{Value as Json, json};

use crate::facts::{Uid, instant, reference, uid};
use crate::lines::{Enrolment, Fields, TEAMS, place_type};
use crate::model::Model;
use crate::table::BIOGRAPHICAL;
use crate::time;

/// The columns that are a feed's key.
pub(crate) fn key_of(kind: &str) -> &'static [&'static str] {
    match kind {
        "organisations" => &["type", "id"],
        "logins" => &["user", "at"],
        "staff" => &["user", "role", "at", "from"],
        "training" => &["user", "passedAt"],
        "enrolment" => &["student", "school", "start"],
        "terms" => &["term"],
        "attendance" => &["student", "date"],
        "registers" => &["id"],
        "content" => &["type", "id", "field"],
        other => panic!("there is no feed {other}"),
    }
}

impl Model {
    /// What becomes of each line.
    pub(crate) fn feed(&mut self, kind: &str, lines: &[Fields], delay: i64, now: i64) -> Vec<Taken> {
        let mut out = vec![Taken::Bad; lines.len()];
        let mut under: BTreeMap<Vec<String>, BTreeSet<&Fields>> = BTreeMap::new();
        let key = |line: &Fields| -> Option<Vec<String>> {
            key_of(kind).iter().map(|name| line.get(*name).cloned()).collect()
        };
        let sensible = |line: &&Fields| sensible(kind, line);
        for line in lines.iter().filter(sensible) {
            under.entry(key(line).unwrap()).or_default().insert(line);
        }
        let alone = |line: &Fields| sensible(&line) && under[&key(line).unwrap()].len() == 1;
        let admitted = self.admitted(kind, lines, alone);
        let mut about: BTreeMap<String, Vec<&Fields>> = BTreeMap::new();
        for (at, line) in lines.iter().enumerate().filter(|(at, _)| admitted.contains(at)) {
            let taken = (kind.to_owned(), line.clone());
            out[at] = if kind == "attendance" && self.is_disposed(line) {
                Taken::Unchanged
            } else if self.lines.taken.insert(taken) {
                let subject = key(line).unwrap()
                    [if kind == "content" || kind == "organisations" { 1 } else { 0 }]
                .clone();
                about.entry(subject).or_default().push(line);
                Taken::Done
            } else {
                Taken::Unchanged
            };
        }
        if out.iter().any(|taken| *taken != Taken::Bad) {
            self.clock = now;
        }
        for (subject, lines) in about {
            self.take(kind, &subject, &lines, delay, now);
        }
        if ["attendance", "terms"].contains(&kind) {
            let students: Vec<Uid> = self.facts.of("Student").cloned().collect();
            students.iter().for_each(|student| self.stand_student(&student.1, now));
        }
        out
    }

    /// Whether the records of a day were disposed of.
    fn is_disposed(&self, line: &Fields) -> bool {
        let day = time::midnight(time::day(&line["date"]).unwrap());
        self.lines.disposed.get(&line["student"]).is_some_and(|at| day <= *at)
    }

    /// Lines that the state admits.
    fn admitted(&self, kind: &str, lines: &[Fields], alone: impl Fn(&Fields) -> bool) -> BTreeSet<usize> {
        let mut good: BTreeSet<usize> = (0..lines.len()).filter(|at| alone(&lines[*at])).collect();
        // Organisations may refer to others of the file, which may turn out to be bad.
        loop {
            let there = |uid: &Uid| {
                let made = |at: &usize| {
                    kind == "organisations" && lines[*at]["type"] == uid.0 && lines[*at]["id"] == uid.1
                };
                self.facts.has(uid) || good.iter().any(made)
            };
            let named = |student: &str| {
                good.iter().any(|at| lines[*at]["student"] == student && lines[*at].contains_key("nsn"))
            };
            let kept: BTreeSet<usize> = good
                .iter()
                .copied()
                .filter(|at| {
                    let line = &lines[*at];
                    let refers = |name: &str, ty: &str| line.get(name).is_none_or(|id| there(&uid(ty, id)));
                    match kind {
                        "organisations" => {
                            refers("catchmentProvider", "Provider") && refers("school", "School")
                        }
                        "staff" => match place_type(&line["role"]).unwrap() {
                            "MinistryTeam" => TEAMS.contains(&line["at"].as_str()),
                            ty => refers("at", ty),
                        },
                        "enrolment" => {
                            refers("school", "School")
                                && (refers("student", "Student") || named(&line["student"]))
                        }
                        "attendance" => refers("student", "Student"),
                        "registers" => refers("school", "School"),
                        "content" => there(&uid(&line["type"], &line["id"])),
                        _ => true,
                    }
                })
                .collect();
            if kept == good {
                return good;
            }
            good = kept;
        }
    }

    fn take(&mut self, kind: &str, subject: &str, lines: &[&Fields], delay: i64, now: i64) {
        let user = uid("User", subject);
        if ["logins", "staff", "training"].contains(&kind) && !self.facts.has(&user) {
            self.facts.make(&user, json!({"loginActive": false}));
        }
        for line in lines {
            self.take_line(kind, line, delay);
        }
        match kind {
            "logins" | "staff" | "training" => self.stand_person(subject, now),
            "enrolment" => self.stand_student(subject, now),
            _ => {}
        }
    }

    fn take_line(&mut self, kind: &str, line: &Fields, delay: i64) {
        let at = |name: &str| line.get(name).and_then(|text| time::instant(text));
        let midnight = |name: &str| line.get(name).and_then(|text| time::day(text)).map(time::midnight);
        let day = |name: &str| line.get(name).and_then(|text| time::day(text));
        let number = |name: &str| line.get(name).and_then(|text| text.parse::<i64>().ok());
        let own = |name: &str| line[name].clone();
        match kind {
            "organisations" => {
                let it = uid(&line["type"], &line["id"]);
                let mut attributes = json!({"kind": line["kind"]});
                for (name, ty) in [("catchmentProvider", "Provider"), ("school", "School")] {
                    if let Some(id) = line.get(name) {
                        attributes[name] = reference(&uid(ty, id));
                    }
                }
                if self.facts.all.get(&it) != attributes.as_object() {
                    self.facts.make(&it, attributes);
                }
            }
            "logins" => {
                let key = (own("user"), at("at").unwrap());
                self.lines.logins.insert(key, line["active"] == "true");
            }
            "staff" => {
                let key = ((own("user"), own("role"), own("at")), midnight("from").unwrap());
                self.lines.staff.insert(key, midnight("until"));
            }
            "training" => {
                let passed = at("passedAt").unwrap();
                self.lines.training.insert((own("user"), passed), passed + delay);
            }
            "enrolment" => {
                let student = uid("Student", &line["student"]);
                if !self.facts.has(&student) {
                    self.facts.make(&student, json!({"nsn": line.get("nsn").unwrap_or(&String::new())}));
                }
                if let Some(nsn) = line.get("nsn") {
                    self.facts.set(&student, "nsn", Some(nsn.clone().into()));
                }
                let key = (own("student"), day("start").unwrap(), own("school"));
                self.lines.enrolment.insert(key, Enrolment { end: day("end"), year: number("yearLevel") });
            }
            "terms" => {
                self.lines.terms.insert(own("term"), (day("start").unwrap(), day("end").unwrap()));
            }
            "attendance" => {
                let counts = (number("attended").unwrap(), number("open").unwrap());
                self.lines.attendance.insert((own("student"), day("date").unwrap()), counts);
                // The days are content.
                let student = uid("Student", &line["student"]);
                let said = json!([line.get("code"), line["attended"], line["open"]]);
                self.write(&student, &format!("attendance {}", line["date"]), said);
            }
            "registers" => {
                let register = uid("Register", &line["id"]);
                let attributes = json!({
                    "school": reference(&uid("School", &line["school"])), "kind": line["kind"],
                    "lastEntryAt": instant(at("lastEntryAt").unwrap()),
                });
                if self.facts.all.get(&register) != attributes.as_object() {
                    self.facts.make(&register, attributes);
                }
            }
            "content" => {
                let it = uid(&line["type"], &line["id"]);
                self.write(&it, &line["field"], Json::from(line.get("value").cloned()));
            }
            other => panic!("there is no feed {other}"),
        }
    }
}

/// Whether a line makes sense by itself.
fn sensible(kind: &str, line: &Fields) -> bool {
    let has = |name: &str| line.contains_key(name);
    let day = |name: &str| line.get(name).is_none_or(|text| time::day(text).is_some());
    // Times are RFC 3339, and a day is none.
    let moment = |name: &str| line.get(name).is_none_or(|text| time::instant(text).is_some());
    let days = |start: &str, end: &str| {
        let of = |name: &str| line.get(name).and_then(|text| time::day(text));
        of(end).is_none_or(|end| of(start).is_some_and(|start| start <= end))
    };
    if !key_of(kind).iter().all(|name| has(name)) {
        return false;
    }
    match kind {
        "organisations" => match line["type"].as_str() {
            "School" => has("kind") && !has("school"),
            "Provider" => has("kind") && !has("catchmentProvider"),
            _ => false,
        },
        "logins" => moment("at") && line.get("active").is_some_and(|is| is == "true" || is == "false"),
        "staff" => {
            place_type(&line["role"]).is_some() && day("from") && day("until") && days("from", "until")
        }
        "training" => moment("passedAt"),
        "enrolment" => {
            let year = line.get("yearLevel").is_none_or(|year| year.parse::<i64>().is_ok());
            day("start") && day("end") && days("start", "end") && year
        }
        "terms" => has("start") && has("end") && day("start") && day("end") && days("start", "end"),
        "attendance" => {
            let number = |name: &str| line.get(name).and_then(|text| text.parse::<i64>().ok());
            let counts = number("attended").zip(number("open"));
            day("date") && counts.is_some_and(|(attended, open)| 0 <= attended && attended <= open)
        }
        "registers" => has("school") && has("kind") && has("lastEntryAt") && moment("lastEntryAt"),
        "content" => {
            let field = line["field"].as_str();
            match line["type"].as_str() {
                "Student" => BIOGRAPHICAL.contains(&field),
                "User" => ["name", "email", "phone"].contains(&field),
                "School" | "Provider" => field == "name",
                _ => false,
            }
        }
        other => panic!("there is no feed {other}"),
    }
}
