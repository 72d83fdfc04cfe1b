//! Explanations: what they say is so, what would turn a decision turns it, and a viewer learns nothing else.

use std::sync::Arc;
use std::time::Instant;

use super::Extent;
use super::run::{Counts, over};
use crate::explain::{Explanation, Sight, Turn};
use crate::model::{EntityUid, Request, Type};
use crate::policy::Sources;
use crate::testing::policies::ward;
use crate::testing::{Asked, Cedar, Choices, Facts, cedar_uid, clinic_sources, plain_json, request};
use crate::ward::Ward;
use crate::world::World;

/// Bytes for the policies, and for each world.
const POLICIES: usize = 4_000;
const WORLD: usize = 4_000;
/// Combinations of edits that are tried to beat what was found.
const TRIES: u64 = 3_000;

/// Policies, as the engine and as Cedar have them.
struct Subject {
    ward: Ward,
    cedar: Cedar,
    sources: Sources,
}

pub(super) fn turns(extent: &Extent) -> Result<Counts, String> {
    random(extent, Subject::turns)
}

pub(super) fn viewers(extent: &Extent) -> Result<Counts, String> {
    random(extent, Subject::viewers)
}

pub(super) fn attendance_turns(extent: &Extent) -> Result<Counts, String> {
    domain(extent, Sources::attendance(), Subject::turns)
}

pub(super) fn clinic_turns(extent: &Extent) -> Result<Counts, String> {
    domain(extent, clinic_sources(), Subject::turns)
}

type Law = fn(&Subject, &Facts, &mut Choices<'_>) -> Result<Counts, String>;

fn random(extent: &Extent, law: Law) -> Result<Counts, String> {
    over(extent, POLICIES + 2 * WORLD, |bytes| {
        let (first, rest) = bytes.split_at_checked(POLICIES).ok_or("too few bytes")?;
        let mut choices = Choices::new(first);
        let many = 3 + choices.below(8);
        let Some(drawn) = ward(&mut choices, many) else { return Ok(Counts::default()) };
        let subject = Subject::new(drawn.ward, drawn.sources)?;
        let mut counts = Counts { wards: 1, ..Counts::default() };
        for bytes in rest.chunks(WORLD) {
            counts.add(&subject.world(bytes, law)?);
        }
        Ok(counts)
    })
}

/// Without a catalogue, which would keep most facts of a real domain from being changed.
fn domain(extent: &Extent, sources: Sources, law: Law) -> Result<Counts, String> {
    let sources = Sources { catalogue: None, ..sources };
    let ward = Ward::new(&sources).map_err(|e| e.to_string())?;
    let subject = Subject::new(ward, sources)?;
    over(extent, WORLD, |bytes| subject.world(bytes, law))
}

impl Subject {
    fn new(ward: Ward, sources: Sources) -> Result<Self, String> {
        let cedar = Cedar::new(&ward, &sources)?;
        Ok(Subject { ward, cedar, sources })
    }

    fn world(&self, bytes: &[u8], law: Law) -> Result<Counts, String> {
        let start = Instant::now();
        let mut choices = Choices::new(bytes);
        let facts = Facts::sized(&self.ward, &mut choices, 1, 4);
        let mut counts = law(self, &facts, &mut choices)?;
        counts.worlds += 1;
        counts.whole = start.elapsed();
        Ok(counts)
    }

    fn turns(&self, facts: &Facts, choices: &mut Choices<'_>) -> Result<Counts, String> {
        let mut counts = Counts::default();
        let world = facts.build().map_err(|e| e.to_string())?;
        for _ in 0..12 {
            let Some(asked) = request(&self.ward, facts, choices) else { continue };
            let tell = |what: &str| self.tell(facts, &asked, what);
            let start = Instant::now();
            let explained = self.ward.explain(&world, &asked).map_err(|e| e.to_string())?;
            counts.explaining += start.elapsed();
            let answer = self.ward.check(&world, &asked).map_err(|e| e.to_string())?;
            if explained.answer != answer {
                return Err(tell("explained another answer"));
            }
            if !self.ward.engine.judges_alike(&world, &asked).map_err(|e| e.to_string())? {
                return Err(tell("the parts of a policy come out otherwise than the whole"));
            }
            counts.decisions += 1;
            counts.allows += u64::from(answer.is_allowed());
            counts.errors += u64::from(!answer.errors.is_empty());
            self.turn(facts, &world, &asked, &explained, &mut counts).map_err(|what| tell(&what))?;
        }
        Ok(counts)
    }

    /// Holds what was found against Cedar, and against everything else that could have been.
    fn turn(
        &self,
        facts: &Facts,
        world: &World,
        asked: &Request,
        explained: &Explanation,
        counts: &mut Counts,
    ) -> Result<(), String> {
        if let Turn::Found { edits, .. } = &explained.turn {
            if edits.is_empty() || edits.len() > 3 {
                return Err(format!("{} edits", edits.len()));
            }
            let verdict = self.after(facts, world, explained)?;
            if verdict != Some(!explained.answer.is_allowed()) {
                return Err(format!("{edits:?} leaves it {verdict:?} to Cedar"));
            }
            counts.turned += 1;
            counts.denials_turned += u64::from(!explained.answer.is_allowed());
            counts.edits += edits.len() as u64;
        }
        let proof = self.ward.engine.prove_turn(world, asked, TRIES).map_err(|e| e.to_string())?;
        let Some(proof) = proof else { return Ok(()) };
        let found = (!explained.turn.edits().is_empty()).then_some(explained.turn.edits().len());
        if proof.edits != found || proof.gave_up != matches!(explained.turn, Turn::GaveUp) {
            return Err(format!("a second search comes to something else: {proof:?}"));
        }
        if proof.needless || proof.fewest.is_some() {
            return Err(format!("fewer edits do it: {proof:?}, {:?}", explained.turn.edits()));
        }
        counts.tried += proof.tried;
        counts.gave_up += u64::from(proof.gave_up);
        Ok(())
    }

    /// What Cedar itself decides after the edits; `None` where a policy is in error.
    fn after(&self, facts: &Facts, world: &World, explained: &Explanation) -> Result<Option<bool>, String> {
        let Turn::Found { edits, changes, request } = &explained.turn else { return Ok(None) };
        let changed = world.with(changes).map_err(|e| e.to_string())?;
        let mut facts = facts.clone();
        for edit in edits {
            let Some(uid) = &edit.entity else {
                let name = edit.path.first().map(AsRef::as_ref);
                let action = self.ward.schema().action(&request.action);
                let field = name.and_then(|name| action?.context.get(name));
                if name == Some("now") && field.is_some_and(|field| field.ty == Type::Datetime) {
                    return Err("the clock was changed".into());
                }
                continue;
            };
            let place = changed.place(uid).ok_or("an edited entity is gone")?;
            if edit.is_tag {
                let tags = changed.tags(place).cloned().unwrap_or_default();
                facts.tags.insert(uid.clone(), tags);
            } else {
                facts.entities.insert(uid.clone(), changed.all_found(uid).unwrap_or_default());
            }
        }
        let action = self.ward.schema().action(&request.action).ok_or("no action")?;
        let asked = Asked {
            principal: &request.principal,
            action: &cedar_uid(&action.uid)?,
            resource: &request.resource,
            context: &self.cedar.context(&action.uid, request.context.fields())?,
        };
        let verdict = self.cedar.decide(&self.cedar.world(&facts)?, &asked)?;
        Ok(verdict.failed.is_empty().then_some(verdict.allowed))
    }

    /// Changes what a viewer may not see: as long as the decision stays, nothing they are told changes.
    fn viewers(&self, facts: &Facts, choices: &mut Choices<'_>) -> Result<Counts, String> {
        let mut counts = Counts::default();
        let world = facts.build().map_err(|e| e.to_string())?;
        let sight =
            Blinkered { salt: choices.below(256) as u64, hides: 1 + choices.below(7) as u64, unknown: None };
        for _ in 0..4 {
            let mut other = facts.clone();
            self.blur(&mut other, &sight, choices);
            let Ok(blurred) = other.build() else { continue };
            for _ in 0..6 {
                let Some(asked) = request(&self.ward, facts, choices) else { continue };
                let explain = |world: &World| self.ward.explain_for(world, &asked, &sight);
                let (one, two) = (explain(&world), explain(&blurred));
                let (one, two) = (one.map_err(|e| e.to_string())?, two.map_err(|e| e.to_string())?);
                counts.decisions += 1;
                counts.allows += u64::from(one.answer.is_allowed());
                counts.withheld += u64::from(one.withheld);
                counts.turned += u64::from(!one.turn.edits().is_empty());
                if one.answer.decision == two.answer.decision {
                    counts.compared += 1;
                    if all_of(&one) != all_of(&two) {
                        let told =
                            format!("{}\n{}\nothers:\n{}", all_of(&one), all_of(&two), plain_json(&other));
                        return Err(self.tell(facts, &asked, &told));
                    }
                }
                self.unknown(&world, &asked, sight.salt).map_err(|e| self.tell(facts, &asked, &e))?;
            }
        }
        Ok(counts)
    }

    /// A record that the viewer may not know of is explained as one that is not there.
    fn unknown(&self, world: &World, asked: &Request, salt: u64) -> Result<(), String> {
        let sight = Blinkered { salt, hides: 1, unknown: Some(asked.resource.clone()) };
        let there = self.ward.explain_for(world, asked, &sight).map_err(|e| e.to_string())?;
        let mut elsewhere = asked.clone();
        elsewhere.resource = EntityUid::new(asked.resource.type_name(), "not there");
        let absent = self.ward.explain_for(world, &elsewhere, &sight).map_err(|e| e.to_string())?;
        let (here, nowhere) = (asked.resource.to_string(), elsewhere.resource.to_string());
        let escaped = |uid: &str| uid.replace('\\', "\\\\").replace('"', "\\\"");
        let renamed = all_of(&absent).replace(&nowhere, &here).replace(&escaped(&nowhere), &escaped(&here));
        // What is named elsewhere in the request as well is absent there too.
        let mut elsewhere_too = asked.principal == asked.resource;
        let named = asked.context.fields().values();
        named.for_each(|v| v.for_each_entity(&mut |uid| elsewhere_too |= *uid == asked.resource));
        if !elsewhere_too && all_of(&there) != renamed {
            return Err(format!("{}\nof an absent one: {renamed}", all_of(&there)));
        }
        Ok(())
    }

    /// Gives every hidden attribute another value.
    fn blur(&self, facts: &mut Facts, sight: &Blinkered, choices: &mut Choices<'_>) {
        let all: Vec<EntityUid> = facts.entities.keys().cloned().collect();
        let schema = self.ward.schema();
        for uid in all {
            let Some(ty) = schema.type_id(uid.type_name()).and_then(|ty| schema.entity_type(ty)) else {
                continue;
            };
            for (name, attribute) in &ty.attributes {
                if sight.may_see(&uid, name) {
                    continue;
                }
                if !attribute.required && choices.chance(1, 3) {
                    facts.unset(&uid, name);
                } else {
                    let value = facts.value(&self.ward, choices, name, &attribute.ty);
                    facts.set(&uid, name, value);
                }
            }
        }
    }

    fn tell(&self, facts: &Facts, asked: &Request, what: &str) -> String {
        tell(&self.sources, facts, asked, what)
    }
}

/// All that is needed to see a failure again.
pub(super) fn tell(sources: &Sources, facts: &Facts, asked: &Request, what: &str) -> String {
    let policies: Vec<&str> = sources.policies.iter().map(|policy| policy.text.as_ref()).collect();
    let context = serde_json::to_string(&asked.context).unwrap_or_default();
    format!(
        "{} {} {}, context {context}: {what}\nschema:\n{}\npolicies:\n{}\ncatalogue:\n{}\nworld:\n{}",
        asked.principal,
        asked.action,
        asked.resource,
        sources.schema.text,
        policies.join("\n"),
        sources.catalogue.as_ref().map_or("", |catalogue| &catalogue.text),
        plain_json(facts)
    )
}

/// All that a viewer is told, in every form.
pub(super) fn all_of(explained: &Explanation) -> String {
    let json = serde_json::to_string(explained).unwrap_or_default();
    format!("{json}\n{explained}\n{}", explained.tree())
}

/// Sees some attributes, by a number made of their names.
struct Blinkered {
    salt: u64,
    /// Of eight attributes, about so many are hidden.
    hides: u64,
    unknown: Option<EntityUid>,
}

impl Sight for Blinkered {
    /// Whoever asks: what is withheld of the facts hangs on no name.
    fn is_of(&self, _: &EntityUid) -> bool {
        true
    }

    fn may_know(&self, entity: &EntityUid) -> bool {
        self.unknown.as_ref() != Some(entity)
    }

    fn may_see(&self, entity: &EntityUid, attribute: &str) -> bool {
        let text: Arc<str> = format!("{entity} {attribute}").into();
        let number =
            text.bytes().fold(self.salt, |n, byte| n.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte));
        (number >> 7) % 8 >= self.hides
    }

    fn may_see_whole(&self, _: &EntityUid) -> bool {
        true
    }
}
