//! A story that shows the rules at work: a student with an open case changes school.
//!
//! INVARIANT: who may do what, by which rule and for want of what, is asked of the ward; only the people
//! and the events are written by hand.

mod cast;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::iter::repeat;
use std::sync::Arc;

use super::matrix;
use crate::matrix::scene;
use crate::model::{ActionName, Answer, EntityUid, Error, Request, Value};
use crate::ward::Ward;
use crate::world::World;
use cast::{
    AFTER, BEFORE, CONTEXT, INTRODUCTION, NAMED_AFTER, NAMED_BEFORE, PEOPLE, Person, RECORDS, Record, SCENERY,
};

/// Width of a page.
const PAGE: usize = 108;

/// Tells the story of a student who changes school, and ends with the [matrix](crate::matrix::Matrix).
///
/// # Errors
/// As [`matrix`](super::matrix), and [`Error::is_request`] where `out` takes no text.
///
/// # Example
/// ```
/// use caseward::{Ward, attendance};
///
/// let mut story = String::new();
/// attendance::demo(&Ward::attendance()?, &mut story)?;
/// assert!(story.contains("Aroha Ngata, attendance lead at Kōwhai High School"));
/// # Ok::<(), caseward::Error>(())
/// ```
pub fn demo(ward: &Ward, out: &mut dyn Write) -> Result<(), Error> {
    let mut text = story(ward)?;
    text.push_str("\nEvery role in every situation\n=============================\n\n");
    text.push_str(&matrix(ward)?.to_string());
    out.write_str(&text).map_err(|_| Error::request("the output takes no text"))
}

/// The moments at which the story of [`demo`] is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before the student changes school.
    Before,
    /// After it, when the new provider has taken the open case on.
    After,
}

/// The data of the story that [`demo`] tells, to try things on: thirteen people, two schools, two providers, two cases.
///
/// # Errors
/// [`Error::is_data`], where the ward's schema is not the attendance schema.
pub fn demo_world(ward: &Ward, moment: Moment) -> Result<World, Error> {
    let facts = match moment {
        Moment::Before => BEFORE,
        Moment::After => AFTER,
    };
    let people: Vec<String> = PEOPLE.iter().map(Person::line).collect();
    scene::world(ward, people.iter().map(String::as_str).chain([SCENERY, facts]))
}

fn story(ward: &Ward) -> Result<String, Error> {
    let before = Scene::new(ward, Moment::Before, NAMED_BEFORE)?;
    let after = Scene::new(ward, Moment::After, NAMED_AFTER)?;
    let mut text = String::from(INTRODUCTION);
    let mut quoted = BTreeSet::new();
    for person in &PEOPLE {
        tell(ward, person, (&before, &after), &mut quoted, &mut text)?;
    }
    Ok(text)
}

/// A world of the story, with what people would put into a context then.
struct Scene {
    world: World,
    context: BTreeMap<Arc<str>, Value>,
}

impl Scene {
    fn new(ward: &Ward, moment: Moment, named: &str) -> Result<Self, Error> {
        let world = demo_world(ward, moment)?;
        let fields = scene::pairs(CONTEXT).into_iter().chain(scene::pairs(named));
        let context = fields.filter_map(|(name, text)| {
            let field =
                ward.schema().actions().iter().find_map(|action| action.context.get(name.as_str()))?;
            Some((name.into(), scene::value(ward.schema(), &field.ty, &text)))
        });
        Ok(Scene { context: context.collect(), world })
    }

    /// What the person may do to the record, by action.
    fn allowed(
        &self,
        ward: &Ward,
        person: &Person,
        record: &Record,
    ) -> Result<BTreeMap<Arc<str>, Answer>, Error> {
        let (who, what) = (EntityUid::new("User", person.id), EntityUid::new(record.ty, record.id));
        let answers = ward.engine.actions(&self.world, &who, &what, &self.context)?.into_iter();
        let allowed = answers.filter_map(|one| Some((one.action, one.answer.filter(Answer::is_allowed)?)));
        Ok(allowed.collect())
    }

    /// The first condition that does not hold here of a policy that allows the same at the other moment.
    fn obstacle(
        &self,
        ward: &Ward,
        request: &Request,
        policies: &[Arc<str>],
    ) -> Result<Option<(String, String)>, Error> {
        let reasons = ward.engine.reasons(&self.world, request, policies.iter())?;
        let said = reasons.first().and_then(|reason| {
            let rule = reason.policy.rule.as_deref().unwrap_or(&reason.policy.id);
            let failed = reason.failed().next()?;
            let name = failed.name.as_deref().unwrap_or(&failed.text);
            Some((rule.to_owned(), name.to_owned()))
        });
        Ok(said)
    }
}

type Allowed = Vec<BTreeMap<Arc<str>, Answer>>;

fn tell(
    ward: &Ward,
    person: &Person,
    (before, after): (&Scene, &Scene),
    quoted: &mut BTreeSet<Arc<str>>,
    text: &mut String,
) -> Result<(), Error> {
    let at = |moment: &Scene| RECORDS.iter().map(|record| moment.allowed(ward, person, record)).collect();
    let (then, now): (Result<Allowed, Error>, Result<Allowed, Error>) = (at(before), at(after));
    let (then, now) = (then?, now?);
    let _ = writeln!(text, "\n{}, {}", person.name, person.role);
    let (before_says, after_says) = (summary(&then), summary(&now));
    for (line, start) in before_says.iter().zip(["before"].into_iter().chain(repeat(""))) {
        wrap(start, line, text);
    }
    let after_says = if after_says == before_says { vec!["the same".to_owned()] } else { after_says };
    for (line, start) in after_says.iter().zip(["after"].into_iter().chain(repeat(""))) {
        wrap(start, line, text);
    }
    if let Some(Change { what, rule, condition }) = change(ward, person, after, &then, &now)? {
        wrap("lost", &format!("{what}: {rule} now fails at “{condition}”"), text);
    }
    if let Some(Change { what, rule, condition }) = change(ward, person, before, &now, &then)? {
        wrap("new", &format!("{what}: before, {rule} failed at “{condition}”"), text);
    }
    for answer in then.iter().chain(&now).flat_map(BTreeMap::values) {
        for policy in answer.policies.iter().filter_map(|id| ward.policy(id)) {
            let rule = policy.rule.as_ref().unwrap_or(&policy.id);
            if quoted.insert(policy.id.clone())
                && let Some(description) = &policy.description
            {
                wrap(rule, description, text);
            }
        }
    }
    Ok(())
}

/// What may be done to which records, by which rules; records that are alike in this are told together.
fn summary(allowed: &Allowed) -> Vec<String> {
    let mut parts: Vec<(Vec<&str>, String)> = Vec::new();
    for (record, answers) in RECORDS.iter().zip(allowed).filter(|(_, answers)| !answers.is_empty()) {
        let rules: BTreeSet<&str> = answers.values().flat_map(|a| &a.rules).map(AsRef::as_ref).collect();
        let rules: Vec<&str> = rules.into_iter().collect();
        let says = format!("{} [{}]", deeds(answers.keys()), rules.join(","));
        match parts.last_mut() {
            Some((names, last)) if *last == says => names.push(record.name),
            _ => parts.push((vec![record.name], says)),
        }
    }
    let parts = parts.into_iter().map(|(names, says)| format!("{}: {says}", names.join(", ")));
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { vec!["nothing".to_owned()] } else { parts }
}

/// Actions in words, what is seen first.
fn deeds<'a>(actions: impl Iterator<Item = &'a Arc<str>>) -> String {
    let (mut seen, mut done) = (Vec::new(), Vec::new());
    for action in actions {
        let action = words(action);
        match action.strip_prefix("view ") {
            Some("item") => seen.push("it".to_owned()),
            Some(what) => seen.push(what.to_owned()),
            None => done.push(action.trim_end_matches(" item").to_owned()),
        }
    }
    let parts = [("sees ", seen), ("may ", done)];
    let parts = parts.into_iter().filter(|(_, all)| !all.is_empty());
    parts.map(|(start, all)| format!("{start}{}", all.join(", "))).collect::<Vec<_>>().join("; ")
}

/// Something that a person may do at one moment only, and the condition of its rule that fails at the other.
struct Change {
    what: String,
    rule: String,
    condition: String,
}

/// Of the first record of which `more` allows something that `less` does not, one such action, and what
/// stands in its way at `moment`, which is that of `less`.
fn change(
    ward: &Ward,
    person: &Person,
    moment: &Scene,
    more: &Allowed,
    less: &Allowed,
) -> Result<Option<Change>, Error> {
    for (record, (more, less)) in RECORDS.iter().zip(more.iter().zip(less)) {
        let mut gone: Vec<_> = more.iter().filter(|(action, _)| !less.contains_key(*action)).collect();
        // To see the header or the item comes before all else.
        gone.sort_by_key(|(action, _)| !matches!(action.as_ref(), "viewSummary" | "viewItem"));
        let Some((action, answer)) = gone.first() else { continue };
        let what = EntityUid::new(record.ty, record.id);
        let mut request = Request::new(EntityUid::new("User", person.id), ActionName::new(action), what);
        let asked = ward.schema().action(action).map(|a| a.context.clone()).unwrap_or_default();
        let fields = moment.context.iter().filter(|(name, _)| asked.contains_key(*name));
        request.context = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
        let obstacle = moment.obstacle(ward, &request, &answer.policies)?;
        let seen = deeds([*action].into_iter());
        return Ok(obstacle.map(|(rule, condition)| {
            let what = format!("{}, {seen}", record.name);
            Change { what, rule, condition }
        }));
    }
    Ok(None)
}

/// `viewSupportPlan` as `view support plan`.
fn words(action: &str) -> String {
    let mut words = String::new();
    for letter in action.chars() {
        if letter.is_uppercase() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

/// Appends a heading and `text`, on as many lines as it takes, in a column of their own.
fn wrap(heading: &str, text: &str, out: &mut String) {
    let indent = 10;
    let _ = write!(out, "  {heading:<8}");
    let mut width = indent;
    for word in text.split(' ') {
        let length = word.chars().count();
        if width + 1 + length > PAGE && width > indent {
            let _ = write!(out, "\n{:indent$}", "");
            width = indent;
        }
        if width > indent {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += length;
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::{PAGE, PEOPLE, story};
    use crate::Ward;

    /// What the story says of a person, on one line.
    fn of(text: &str, name: &str) -> String {
        let start = text.find(&format!("\n{name}, ")).expect("everybody is told of");
        let rest = text[start + 1..].split("\n\n").next().expect("a paragraph");
        rest.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn tells_who_sees_what_and_why() {
        let ward = Ward::attendance().expect("the policies load");
        let text = story(&ward).expect("the schema fits");
        assert_eq!(text, story(&ward).expect("the schema fits"));
        assert!(text.lines().count() < 165, "{} lines", text.lines().count());
        assert!(text.lines().all(|line| line.chars().count() <= PAGE));
        for person in &PEOPLE {
            assert!(of(&text, person.name).contains("before"));
        }
        for (name, sentence) in [
            (
                "Aroha Ngata",
                "comment: sees it [S4] after nothing lost open case, sees summary: S1 now fails at",
            ),
            ("Hemi Walker", "S3 now fails at “the named primary contact”"),
            ("Mele Taufa", "earlier case: sees summary [S1] after nothing"),
            ("Sione Fonua", "before nothing after open case: sees summary, support plan; may add comment"),
            ("Wiremu Kahu", "after earlier case: sees summary [P4] lost"),
            ("Ngaire Scott", "sensitive note, agency's answer: sees it; may label sensitive"),
            ("Rangi Moana", "comment: sees it [I2] after nothing"),
            ("Priya Sharma", "earlier case: sees record, summary, support plan [P6]"),
            ("Tom Henare", "before nothing after open case: sees attendance"),
            ("Grace Lim", "agency's answer: sees it [M1c] after the same"),
            ("David Chen", "before, M5 failed at “notified for prosecution”"),
            (
                "Ana Faleolo",
                "before open case, earlier case: sees summary [M3] after earlier case: sees summary",
            ),
            ("Ruth Cameron", "sees access history [V3] after the same"),
        ] {
            let told = of(&text, name);
            assert!(told.contains(sentence), "{told}");
        }
    }
}
