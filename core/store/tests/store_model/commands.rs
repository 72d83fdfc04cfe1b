//! Random commands: valid ones, as the model knows who may, and wrong ones.

use serde_json::{Map, Value as Json, json};

use crate::facts::{Uid, uid, written};
use crate::story::Story;
use crate::table::{self, Kind, Row, TABLE};
use crate::time::{self, MINUTE};
use crate::town::{PEOPLE, PROVIDERS, SCHOOLS, STUDENTS};

impl Story<'_> {
    /// One command: most are valid and permitted, some are wrong in one way or another.
    pub(crate) fn command(&mut self) {
        if self.draw.chance(25) && !self.keyed.is_empty() {
            let mut line = self.draw.pick(&self.keyed).clone();
            if self.draw.chance(250) {
                line["purpose"] = json!(self.text());
            }
            return self.say(line);
        }
        let (row, mut line) = loop {
            let row = self.row();
            if let Some(line) = self.permitted(row) {
                break (row, line);
            }
        };
        match self.twist(row) {
            0..=6 => line = self.spoilt_command(row, line),
            7..=10 => line["as"] = json!(self.draw.pick(&PEOPLE).0),
            11..=15 => {
                let version = self.version();
                line["expect"] = json!(version);
            }
            16..=19 => line["id"] = json!(format!("x{}", self.draw.below(40))),
            20 => {
                let since = if self.draw.chance(500) { self.now } else { self.sides.model.clock };
                let late = since - self.draw.within(1, 300) * MINUTE;
                if late < self.sides.model.clock || late >= self.sides.murky {
                    line["now"] = json!(time::written(late));
                }
            }
            _ => {}
        }
        if self.draw.chance(100) {
            line["key"] = json!(format!("k{}", self.draw.below(400)));
            self.keyed.push(line.clone());
        }
        self.say(line);
    }

    /// What is wrong with a command, where anything is: what was never seen of it comes first.
    fn twist(&mut self, row: &Row) -> usize {
        let seen = |story: &Self, how: &str| {
            let key = (row.name.to_owned(), how.to_owned());
            story.before.contains_key(&key) || story.sides.counts.contains_key(&key)
        };
        let missing = [("Denied", 7), ("Refused", 20), ("Refused", 11), ("Invalid", 0)];
        let missing: Vec<_> = missing.iter().filter(|(how, _)| !seen(self, how)).collect();
        match missing.is_empty() || !seen(self, "Done") || self.draw.chance(250) {
            true => self.draw.below(100),
            false => self.draw.pick(&missing).1,
        }
    }

    fn say(&mut self, mut line: Json) {
        if line.get("now").is_none() || self.keyed.contains(&line) {
            line["now"] = json!(time::written(self.now));
        }
        self.sides.command(&line);
        // The clock of a command that was late is not the story's.
        self.now = self.now.max(self.sides.model.clock);
    }

    /// A version that the command expects: the present one, an older one, one that is to come.
    fn version(&mut self) -> u64 {
        let versions = &self.sides.versions;
        let recent = versions.len().saturating_sub(1 + self.draw.below(40));
        match self.draw.below(4) {
            0 => 1,
            1 => *versions.last().unwrap(),
            2 => versions.last().unwrap() + 1_000,
            _ => versions[recent.max(1) - 1],
        }
    }

    /// A row of the table: those that begin something more often, and those that were seldom done.
    fn row(&mut self) -> &'static Row {
        const BEGIN: [&str; 11] = [
            "createRequest",
            "createRequest",
            "submitRequest",
            "submitRequest",
            "assignRequest",
            "acceptRequest",
            "acceptRequest",
            "addComment",
            "uploadFile",
            "closeCase",
            "disposeRecords",
        ];
        if self.draw.chance(250) {
            let name = *self.draw.pick(&BEGIN);
            return table::find(name).unwrap();
        }
        let done = |story: &Self, row: &Row| {
            let key = (row.name.to_owned(), "Done".to_owned());
            let of = |counts: &crate::check::Counts| counts.get(&key).copied().unwrap_or(0);
            of(story.before) + of(&story.sides.counts)
        };
        let (one, other) = (self.draw.pick(TABLE), self.draw.pick(TABLE));
        if done(self, one) <= done(self, other) { one } else { other }
    }

    /// A command that the model takes to be permitted, where it finds one.
    fn permitted(&mut self, row: &'static Row) -> Option<Json> {
        let mut found = None;
        for _ in 0..4 {
            let on = self.resource(row);
            if !self.sides.model.facts.has(&on) && !self.draw.chance(50) {
                continue;
            }
            let mut people: Vec<&str> = PEOPLE.iter().map(|(name, _)| *name).collect();
            self.draw.shuffle(&mut people);
            let context = self.context(row, &on);
            let mut line = json!({"command": row.name, "on": written(&on), "as": people[0]});
            line["context"] = Json::Object(context);
            line["data"] = Json::Object(self.data(row, &on));
            for person in people {
                line["as"] = json!(person);
                let Some(sense) = table::read(&line, self.now) else { break };
                let may = self.sides.model.ask((&sense.person, row.name, &on), &sense.context, self.now);
                if may.permitted {
                    return Some(line);
                }
            }
            found = Some(line);
        }
        found.filter(|_| self.draw.chance(100))
    }

    fn resource(&mut self, row: &Row) -> Uid {
        let ty = *self.draw.pick(row.on);
        if self.draw.chance(15) {
            return uid(ty, "absent");
        }
        let facts = &self.sides.model.facts;
        let wanted = match row.name {
            "editRequest" | "submitRequest" | "deleteDraft" => "draft",
            _ if ty == "Request" => "submitted",
            _ if ty == "Case" => "open",
            _ => "",
        };
        let open = |item: &Uid| {
            facts.entity(item, "case").is_some_and(|case| facts.text(&case, "status") == Some("open"))
        };
        let mut all: Vec<Uid> = facts.of(ty).cloned().collect();
        if self.draw.chance(900) {
            let better = |one: &Uid| match ty {
                "Item" => {
                    let sensitive =
                        row.name != "unlabelSensitive" || facts.get(one, "sensitive") == Some(&json!(true));
                    let shared = row.name != "unshareItem" || !facts.members(one, "sharedWith").is_empty();
                    open(one) && sensitive && shared
                }
                _ if row.name == "disposeRecords" => {
                    facts.get(one, "lastCaseClosedAt").is_some()
                        && facts.get(one, "currentProvider").is_none()
                }
                _ => wanted.is_empty() || facts.text(one, "status") == Some(wanted),
            };
            let some: Vec<Uid> = all.iter().filter(|one| better(one)).cloned().collect();
            if !some.is_empty() {
                all = some;
            }
        }
        if all.is_empty() { uid(ty, "absent") } else { self.draw.pick(&all).clone() }
    }

    fn context(&mut self, row: &Row, on: &Uid) -> Map<String, Json> {
        let mut context = Map::new();
        for (name, ty, needed) in row.context {
            if !needed && self.draw.chance(250) {
                continue;
            }
            let value = match *ty {
                "Bool" => json!((*name != "protectionInstruction") == self.draw.chance(900)),
                "Long" => json!(self.draw.within(-5, 5)),
                "String" => self.word(name, on),
                ty => {
                    let id = match ty {
                        _ if self.draw.chance(10) => "absent".to_owned(),
                        "User" => self.draw.pick(&PEOPLE).0.to_owned(),
                        "Provider" => self.draw.pick(&PROVIDERS[..3]).to_string(),
                        _ => self.school_of(on),
                    };
                    let inner = json!({"type": ty, "id": id});
                    if self.draw.chance(200) { json!({"__entity": inner}) } else { inner }
                }
            };
            context.insert((*name).to_owned(), value);
        }
        context
    }

    fn word(&mut self, name: &str, on: &Uid) -> Json {
        let words: &[&str] = match (name, on.0.as_str()) {
            ("approvedBy", _) => &["board", "manager"],
            (_, "School") => &["attendanceLead", "primaryContact", "officeSupport"],
            _ => &["workflowLead", "caseManager", "attendanceOfficer"],
        };
        if self.draw.chance(20) { json!("king") } else { json!(self.draw.pick(words)) }
    }

    /// The school of the student whom an item is about, mostly.
    fn school_of(&mut self, item: &Uid) -> String {
        let facts = &self.sides.model.facts;
        let student = facts.entity(item, "case").and_then(|case| facts.entity(&case, "student"));
        let school = student.and_then(|student| facts.entity(&student, "enrolledAt"));
        match school {
            Some(school) if self.draw.chance(900) => school.1,
            _ => self.draw.pick(&SCHOOLS).to_string(),
        }
    }

    fn data(&mut self, row: &Row, on: &Uid) -> Map<String, Json> {
        let mut data = Map::new();
        for (name, kind, needed) in row.data {
            if *needed || self.draw.chance(500) {
                let value = self.value(name, *kind, on);
                data.insert((*name).to_owned(), value);
            }
        }
        let content = table::content_of(row.name);
        let item = row.name == "updateRecord" && self.draw.chance(600);
        if row.name == "updateRecord" {
            data.remove("kind");
            data.remove("text");
        }
        if item {
            let text = self.text();
            data.insert("kind".to_owned(), json!(self.draw.pick(&["note", "activity", "correspondence"])));
            data.insert("text".to_owned(), json!(text));
        } else if !content.is_empty() {
            for _ in 0..=self.draw.below(2) {
                let name = *self.draw.pick(content);
                // Now and then what is there already.
                let there = self.sides.model.content.get(on).and_then(|all| all.get(name)).cloned();
                let value = there.filter(|_| self.draw.chance(300)).unwrap_or_else(|| json!(self.text()));
                data.insert(name.to_owned(), value);
            }
            if row.name != "updateRecord" && self.draw.chance(150) {
                data.clear();
            }
        }
        if row.name == "correctPersonalInformation" {
            let said = if self.draw.chance(500) { "value" } else { "statement" };
            let text = self.text();
            let field = if on.0 == "User" { "phone" } else { "homeAddress" };
            data = Map::from_iter([("field".to_owned(), json!(field)), (said.to_owned(), json!(text))]);
        }
        data
    }

    fn value(&mut self, name: &str, kind: Kind, on: &Uid) -> Json {
        use base64::Engine as _;
        match kind {
            Kind::Text | Kind::OptionalText | Kind::Any | Kind::OfItem => json!(self.text()),
            Kind::Id if name == "school" => {
                let shared = self.sides.model.facts.members(on, "sharedWith");
                match shared.first() {
                    Some(school) if self.draw.chance(700) => json!(school.1),
                    _ if self.draw.chance(50) => json!("nowhere"),
                    _ => json!(self.draw.pick(&SCHOOLS)),
                }
            }
            Kind::Id => {
                let team = self.sides.model.facts.members(on, "team");
                match team.first() {
                    Some(member) if self.draw.chance(700) => json!(member.1),
                    _ if self.draw.chance(50) => json!("absent"),
                    _ => json!(self.draw.pick(&PEOPLE).0),
                }
            }
            Kind::OptionalId => match self.draw.below(20) {
                0..=2 => Json::Null,
                3 => json!("absent"),
                _ => json!(self.draw.pick(&PEOPLE).0),
            },
            Kind::Truth => json!(self.draw.chance(450)),
            Kind::Fields => {
                let count = 1 + self.draw.below(3);
                (0..count).map(|_| json!(self.draw.pick(&table::BIOGRAPHICAL))).collect()
            }
            Kind::Bytes => {
                let text = self.text();
                json!({"base64": base64::engine::general_purpose::STANDARD.encode(text)})
            }
        }
    }

    /// A command with one thing wrong.
    fn spoilt_command(&mut self, row: &Row, mut line: Json) -> Json {
        let names = |value: &Json| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let (in_context, in_data) = (names(&line["context"]), names(&line["data"]));
        match self.draw.below(12) {
            0 if !in_context.is_empty() => {
                let name = self.draw.pick(&in_context).clone();
                line["context"].as_object_mut().unwrap().remove(&name);
            }
            1 if !in_context.is_empty() => {
                let name = self.draw.pick(&in_context).clone();
                line["context"][name] = json!({"type": "Student", "id": self.draw.pick(&STUDENTS)});
            }
            2 => line["context"]["extra"] = json!(true),
            3 if !in_data.is_empty() => {
                let name = self.draw.pick(&in_data).clone();
                line["data"].as_object_mut().unwrap().remove(&name);
            }
            4 if !in_data.is_empty() => {
                let name = self.draw.pick(&in_data).clone();
                line["data"][name] =
                    self.draw.pick(&[json!(7), json!(" "), Json::Null, json!([1]), json!({"a": 1})]).clone();
            }
            5 if row.name == "correctPersonalInformation" => line["data"]["field"] = json!("nothing"),
            5 if row.name.starts_with("shareWith") => {
                line["data"]["fields"] = json!(["name", "attendanceRate"])
            }
            5 => line["data"]["number"] = json!("12"),
            6 => line["on"] = json!(self.draw.pick(&["Case", "Team::\"x\"", "\"x\"", ""])),
            7 => {
                line["on"] =
                    json!(written(&uid(if row.on.contains(&"Item") { "Case" } else { "Item" }, "i1")))
            }
            8 => line["nwo"] = json!("2026"),
            9 => line["now"] = json!("tomorrow"),
            10 => line["expect"] = json!(-1),
            _ => line["as"] = json!(12),
        }
        line
    }
}
