//! Random stories: what happens in the town, step by step, from a seed.

use serde_json::{Map, Value as Json, json};

use crate::check::{Counts, Sides};
use crate::draw::Draw;
use crate::feeds::key_of;
use crate::lines::{Fields, ROLES, TEAMS};
use crate::time::{self, DAY, HOUR, MINUTE};
use crate::town::{self, PEOPLE, PROVIDERS, SCHOOLS, STUDENTS};

pub(crate) const FEEDS: [&str; 9] = [
    "organisations",
    "logins",
    "staff",
    "training",
    "enrolment",
    "terms",
    "attendance",
    "registers",
    "content",
];
/// Steps of a story.
const STEPS: usize = 300;

pub(crate) struct Story<'a> {
    pub(crate) draw: Draw,
    pub(crate) sides: Sides,
    pub(crate) now: i64,
    /// So that no text stands twice.
    pub(crate) texts: usize,
    pub(crate) before: &'a Counts,
    /// Commands that were sent under a key.
    pub(crate) keyed: Vec<Json>,
    fed: Vec<(&'static str, Fields)>,
    delay: i64,
}

/// Tells a story, and gives what happened in it.
pub(crate) fn tell(seed: u64, before: &Counts) -> Counts {
    let mut draw = Draw::new(seed);
    let first =
        *draw.pick(&["2026-02-10T09:00:07+13:00", "2026-03-05T09:00:07+13:00", "2026-05-11T09:00:07+12:00"]);
    let now = time::instant(first).unwrap();
    let delay = *draw.pick(&[24 * HOUR, 48 * HOUR]);
    let sides = Sides::new(seed, now);
    let mut story = Story { draw, sides, now, texts: 0, before, keyed: Vec::new(), fed: Vec::new(), delay };
    story.settle();
    // Some stories last until records are disposed of.
    let leap = story.draw.chance(800).then(|| story.draw.within(120, 220) as usize);
    for step in 0..STEPS {
        if leap == Some(step) {
            story.now += story.draw.within(2_540, 2_700) * DAY;
        }
        story.step();
    }
    story.sides.end()
}

impl Story<'_> {
    /// The people and students who come by feeds.
    fn settle(&mut self) {
        let (mut staff, mut logins, mut training) = (Vec::new(), Vec::new(), Vec::new());
        for (name, roles) in PEOPLE.iter().filter(|(name, _)| !town::is_imported(name)) {
            logins.push(fields(&[("user", name), ("at", "2026-01-10T00:00:00+13:00"), ("active", "true")]));
            training.push(fields(&[("user", name), ("passedAt", "2026-01-11T10:00:00+13:00")]));
            for (role, at) in *roles {
                if *at != "within" {
                    staff.push(fields(&[("user", name), ("role", role), ("at", at), ("from", "2026-01-12")]));
                }
            }
        }
        let mut enrolment = Vec::new();
        for (number, student) in STUDENTS.iter().enumerate() {
            if !["aroha", "ben", "dan", "eve"].contains(student) {
                let school = SCHOOLS[number % 3];
                let nsn = number.to_string();
                enrolment.push(fields(&[
                    ("student", student),
                    ("school", school),
                    ("start", "2026-01-27"),
                    ("nsn", &nsn),
                ]));
            }
        }
        let register = |id: &str, school: &str, at: &str| {
            fields(&[("id", id), ("school", school), ("kind", "attendance"), ("lastEntryAt", at)])
        };
        let registers = vec![
            register("roll", "rata", "2026-02-01T00:00:00Z"),
            register("leavers", "rata", "2014-02-01T00:00:00Z"),
            register("admissions", "totara", "2014-02-01T00:00:00Z"),
        ];
        for (kind, lines) in [
            ("staff", staff),
            ("logins", logins),
            ("training", training),
            ("enrolment", enrolment),
            ("registers", registers),
        ] {
            self.send(kind, lines);
        }
    }

    fn step(&mut self) {
        self.pass();
        match self.draw.below(100) {
            0..=2 => self.sides.tick(self.now),
            3..=14 => self.feed(),
            _ => self.command(),
        }
    }

    /// Time passes.
    fn pass(&mut self) {
        let today = time::day_of(self.now);
        self.now = match self.draw.below(1_000) {
            0..=719 => self.now + self.draw.within(1, 90) * MINUTE + 1,
            720..=819 => self.now + self.draw.within(1, 4) * DAY,
            820..=889 => time::midnight(time::later(today, 1)) + self.draw.within(0, 2) * 1_000,
            890..=899 => self.now + self.draw.within(20, 90) * DAY,
            900..=901 => self.now + self.draw.within(300, 800) * DAY,
            _ => self.now,
        };
    }

    /// A text that stands nowhere else.
    pub(crate) fn text(&mut self) -> String {
        self.texts += 1;
        format!("says {} so", self.texts)
    }

    /// Sends lines as CSV or as lines of JSON.
    fn send(&mut self, kind: &'static str, lines: Vec<Fields>) {
        let text = if self.draw.chance(500) { csv(kind, &lines) } else { json_lines(&lines) };
        self.sides.feed(kind, &text, &lines, self.delay, self.now);
        self.fed.extend(lines.into_iter().map(|line| (kind, line)));
    }

    fn feed(&mut self) {
        let kind = *self.draw.pick(&[
            "organisations",
            "logins",
            "staff",
            "staff",
            "staff",
            "training",
            "enrolment",
            "enrolment",
            "enrolment",
            "enrolment",
            "terms",
            "attendance",
            "attendance",
            "registers",
            "content",
            "content",
        ]);
        let mut lines = Vec::new();
        for _ in 0..=self.draw.below(4) {
            let line = self.line(kind);
            match self.draw.below(20) {
                0 => lines.push(self.spoilt(kind, line)),
                1 => lines.extend([line.clone(), line]),
                2 => {
                    let other = self.other(kind, &line);
                    lines.extend([line, other]);
                }
                3..=5 => {
                    let again: Vec<_> = self.fed.iter().filter(|(fed, _)| *fed == kind).collect();
                    if !again.is_empty() {
                        lines.push(self.draw.pick(&again).1.clone());
                    }
                }
                _ => lines.push(line),
            }
        }
        if self.draw.chance(15) {
            // The clock does not go back.
            let text = csv(kind, &lines);
            let back = self.sides.model.clock - self.draw.within(1, 100) * MINUTE;
            if lines.iter().any(|line| key_of(kind).iter().all(|name| line.contains_key(*name))) {
                self.sides.feed(kind, &text, &lines, self.delay, back);
            }
        }
        self.send(kind, lines);
    }

    fn near(&mut self, before: i64, after: i64) -> String {
        let days = self.draw.within(-before, after);
        time::later(time::day_of(self.now), days).to_string()
    }

    fn person(&mut self) -> &'static str {
        if self.draw.chance(40) { "newcomer" } else { self.draw.pick(&PEOPLE).0 }
    }

    fn student(&mut self) -> &'static str {
        if self.draw.chance(30) { "kahu" } else { self.draw.pick::<&str>(&STUDENTS) }
    }

    fn line(&mut self, kind: &str) -> Fields {
        let school = *self.draw.pick(&SCHOOLS);
        match kind {
            "organisations" => self.organisation(school),
            "logins" => {
                let at = self.near(20, 20);
                let at = if self.draw.chance(50) { at } else { format!("{at}T08:30:00+12:00") };
                let active = if self.draw.chance(750) { "true" } else { "false" };
                fields(&[("user", self.person()), ("at", &at), ("active", active)])
            }
            "staff" => self.staff(),
            "training" => {
                let at = format!("{}T08:30:00+12:00", self.near(60, 3));
                fields(&[("user", self.person()), ("passedAt", &at)])
            }
            "enrolment" => self.enrolment(school),
            "terms" => {
                let (year, term) = (time::day_of(self.now).year(), self.draw.below(4));
                let (start, end) =
                    [("01-27", "04-02"), ("04-20", "07-03"), ("07-20", "09-25"), ("10-12", "12-18")][term];
                let end =
                    if self.draw.chance(200) { &end.replace("0", "1").replace("11", "08") } else { end };
                let end = if time::day(&format!("{year}-{end}"))
                    .is_some_and(|end| end > time::day(&format!("{year}-{start}")).unwrap())
                {
                    end
                } else {
                    "12-19"
                };
                fields(&[
                    ("term", &format!("{year}-{term}")),
                    ("start", &format!("{year}-{start}")),
                    ("end", &format!("{year}-{end}")),
                ])
            }
            "attendance" => {
                let (student, day, open) = (self.student(), self.near(70, 0), self.draw.within(0, 2));
                let attended = self.draw.within(0, open);
                fields(&[
                    ("student", student),
                    ("date", &day),
                    ("code", "P"),
                    ("attended", &attended.to_string()),
                    ("open", &open.to_string()),
                ])
            }
            "registers" => {
                let id = *self.draw.pick(&["roll", "old", "leavers", "audit-1", "new-roll"]);
                let kind = *self.draw.pick(&["attendance", "leavers", "admissions", "audit"]);
                let at = format!("{}-03-01T00:00:00Z", self.draw.within(2012, 2026));
                fields(&[("id", id), ("school", school), ("kind", kind), ("lastEntryAt", &at)])
            }
            _ => {
                let (ty, id, field) = match self.draw.below(4) {
                    0 => ("User", self.person(), *self.draw.pick(&["name", "email", "phone"])),
                    1 => ("School", school, "name"),
                    _ => (
                        "Student",
                        self.student(),
                        *self.draw.pick(&["name", "homeAddress", "dateOfBirth", "caregiverNames"]),
                    ),
                };
                let text = self.text();
                fields(&[("type", ty), ("id", id), ("field", field), ("value", &text)])
            }
        }
    }

    fn organisation(&mut self, school: &str) -> Fields {
        if self.draw.chance(500) {
            let kind =
                if school == "totara" { "private" } else { *self.draw.pick(&["state", "stateIntegrated"]) };
            let mut line = fields(&[("type", "School"), ("id", school), ("kind", kind)]);
            if self.draw.chance(850) {
                let provider = if self.draw.chance(50) {
                    "nowhere"
                } else {
                    *self.draw.pick(&["north", "south", "south"])
                };
                line.insert("catchmentProvider".to_owned(), provider.to_owned());
            }
            return line;
        }
        let id = *self.draw.pick(&PROVIDERS);
        let inside = ["inside", "within"].contains(&id);
        let kind = if self.draw.chance(50) {
            "other"
        } else if inside {
            "isp"
        } else {
            "asp"
        };
        let mut line = fields(&[("type", "Provider"), ("id", id), ("kind", kind)]);
        if inside && self.draw.chance(900) {
            let school = if self.draw.chance(600) { "totara" } else { school };
            line.insert("school".to_owned(), school.to_owned());
        }
        line
    }

    fn staff(&mut self) -> Fields {
        let staff: Vec<_> = self.sides.model.lines.staff.keys().cloned().collect();
        let mut line = if self.draw.chance(200) {
            let ((user, role, at), from) = self.draw.pick(&staff).clone();
            let from = time::day_of(from).to_string();
            fields(&[("user", &user), ("role", &role), ("at", &at), ("from", &from)])
        } else {
            let (user, from) = (self.person(), self.near(40, 20));
            let own = PEOPLE.iter().find(|(name, _)| *name == user).map_or(&[][..], |(_, roles)| *roles);
            let own: Vec<_> = own.iter().filter(|(_, at)| *at != "within").collect();
            let (role, at) = if self.draw.chance(600) && !own.is_empty() {
                **self.draw.pick(&own)
            } else {
                let (role, ty) = *self.draw.pick(&ROLES);
                let at = match ty {
                    "School" => *self.draw.pick(&SCHOOLS),
                    "Provider" => *self.draw.pick(&PROVIDERS[..3]),
                    _ => *self.draw.pick(&TEAMS),
                };
                (role, at)
            };
            fields(&[("user", user), ("role", role), ("at", at), ("from", &from)])
        };
        if self.draw.chance(350) {
            let from = time::day(&line["from"]).unwrap();
            let until = time::later(from, self.draw.within(0, 40)).to_string();
            line.insert("until".to_owned(), until);
        }
        line
    }

    fn enrolment(&mut self, school: &str) -> Fields {
        let student = self.student();
        let standing: Vec<_> =
            self.sides.model.lines.enrolment.keys().filter(|(who, ..)| who == student).cloned().collect();
        let (start, school) = if self.draw.chance(400) && !standing.is_empty() {
            let (_, start, school) = self.draw.pick(&standing).clone();
            (start, school)
        } else {
            let start = self.near(10, 15);
            (time::day(&start).unwrap(), school.to_owned())
        };
        let mut line = fields(&[("student", student), ("school", &school), ("start", &start.to_string())]);
        if self.draw.chance(400) {
            line.insert("end".to_owned(), time::later(start, self.draw.within(0, 30)).to_string());
        }
        if student == "kahu" && self.draw.chance(900) {
            line.insert("nsn".to_owned(), "11".to_owned());
        }
        if self.draw.chance(500) {
            line.insert(
                "yearLevel".to_owned(),
                (8 + student.len() as i64 % 4 + i64::from(start.year()) - 2026).to_string(),
            );
        }
        line
    }

    /// A line that is bad.
    fn spoilt(&mut self, kind: &str, mut line: Fields) -> Fields {
        let key = *self.draw.pick(key_of(kind));
        match kind {
            "staff" | "enrolment" | "registers" if self.draw.chance(500) => {
                let name = if kind == "staff" { "at" } else { "school" };
                line.insert(name.to_owned(), "nowhere".to_owned());
            }
            "attendance" if self.draw.chance(500) => drop(line.insert("attended".to_owned(), "3".to_owned())),
            "content" if self.draw.chance(500) => {
                drop(line.insert("field".to_owned(), "accessHistory".to_owned()))
            }
            _ => drop(line.remove(key)),
        }
        line
    }

    /// A line that differs under the same key.
    fn other(&mut self, kind: &str, line: &Fields) -> Fields {
        let mut other = line.clone();
        let later = |text: &str| time::later(time::day(text).unwrap(), 3).to_string();
        let (name, value) = match kind {
            "organisations" => ("kind", "unknown".to_owned()),
            "logins" => ("active", if line["active"] == "true" { "false" } else { "true" }.to_owned()),
            "staff" => ("until", time::later(time::day(&line["from"]).unwrap(), 77).to_string()),
            "enrolment" => ("end", time::later(time::day(&line["start"]).unwrap(), 77).to_string()),
            "terms" => ("end", later(&line["end"])),
            "attendance" => ("code", "Z".to_owned()),
            "registers" => ("lastEntryAt", "2011-03-01T00:00:00Z".to_owned()),
            "content" => ("value", self.text()),
            _ => return other,
        };
        other.insert(name.to_owned(), value);
        other
    }
}

fn fields(all: &[(&str, &str)]) -> Fields {
    all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

const COLUMNS: [(&str, &[&str]); 9] = [
    ("organisations", &["type", "id", "kind", "catchmentProvider", "school"]),
    ("logins", &["user", "at", "active"]),
    ("staff", &["user", "role", "at", "from", "until"]),
    ("training", &["user", "passedAt"]),
    ("enrolment", &["student", "school", "start", "nsn", "end", "yearLevel"]),
    ("terms", &["term", "start", "end"]),
    ("attendance", &["student", "date", "code", "attended", "open"]),
    ("registers", &["id", "school", "kind", "lastEntryAt"]),
    ("content", &["type", "id", "field", "value"]),
];

fn csv(kind: &str, lines: &[Fields]) -> String {
    let columns = COLUMNS.iter().find(|(name, _)| *name == kind).unwrap().1;
    let mut text = columns.join(",");
    for line in lines {
        let cells = columns.iter().map(|name| line.get(*name).map_or("", String::as_str));
        text += &format!("\n{}", cells.collect::<Vec<_>>().join(","));
    }
    text + "\n"
}

fn json_lines(lines: &[Fields]) -> String {
    let mut text = String::new();
    for line in lines {
        let one: Map<String, Json> = line
            .iter()
            .map(|(name, value)| {
                let number = ["yearLevel", "attended", "open"].contains(&name.as_str());
                (name.clone(), if number { value.parse::<i64>().unwrap().into() } else { json!(value) })
            })
            .collect();
        text += &format!("{}\n", Json::Object(one));
    }
    text
}
