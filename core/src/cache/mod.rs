//! Policies and a world brought together: what was found out about the one for the other, and kept.
//!
//! People who answer alike what policies ask of them alone form a class ([`Questions`]). Programs are folded and
//! compiled once for a class; which class a person is in is kept until something changes that it was made from.
//! Nothing in here is needed for an answer to be right: all of it can be made anew at any time.

mod joint;
pub(crate) mod plan;

pub(crate) use joint::{Group, Joint, Part};
pub(crate) use plan::Plans;

use arc_swap::ArcSwapOption;
use hashbrown::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::ir::graph::Compiled;
use crate::ir::{Answers, Asked, Program, Questions};
use crate::model::schema::Environment;
use crate::model::{Action, TypeId};
use crate::policy::Loaded;
use crate::world::{Place, World};

/// Worlds that one ward keeps links to.
const LINKS: usize = 8;
/// Classes of one principal type: people beyond them are decided by the programs as they are.
const CLASSES: usize = PAGES * PAGE;
const PAGES: usize = 64;
const PAGE: usize = 64;

/// Checks of a world before anything is kept for it: one that is asked a few times and dropped is not worth it.
const OFTEN: u32 = 32;

/// A ward's links.
#[derive(Default)]
pub(crate) struct Links {
    /// The one that was asked for last: found without a lock.
    last: ArcSwapOption<Link>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// The latest last.
    links: Vec<Arc<Link>>,
    /// Worlds that have no link yet, and how often each was asked; the latest last.
    seldom: Vec<(u64, u32)>,
}

/// What is kept of one ward for one world.
pub(crate) struct Link {
    /// No other link has it.
    #[cfg(feature = "author")]
    number: u64,
    world: u64,
    /// By principal type.
    principals: Vec<OnceLock<Principals>>,
    /// Of every environment, so that nobody waits for another who looks for one.
    environments: HashMap<Environment, OnceLock<Arc<Classes>>>,
    /// Of what is no environment.
    nothing: Arc<Classes>,
    pub(crate) plans: Plans,
    /// Of those who may do something to a record.
    pub(crate) plans_of_records: Plans,
    mirrored: Mutex<HashMap<Environment, Arc<Program>>>,
    joint: Mutex<HashMap<(TypeId, TypeId), Arc<Joint>>>,
}

/// A link's number and a class's, in the order in which they came.
#[cfg(feature = "author")]
pub(crate) type Class = (u64, Option<usize>);

/// What one principal type's people are asked, and their classes.
struct Principals {
    questions: Questions,
    asked: HashMap<(usize, TypeId), Asked>,
    numbers: Mutex<HashMap<Answers, u32>>,
    answers: boxcar::Vec<Answers>,
    /// By row: the version of the data and one more than the class that was found then; 0 where none was.
    found: Box<[AtomicU64]>,
}

/// Bits of an entry of `found` that hold the class.
const CLASS_BITS: u32 = 16;

/// The programs of one environment, by class.
pub(crate) struct Classes {
    pages: [OnceLock<Box<[OnceLock<Compiled>; PAGE]>>; PAGES],
    /// For those who have no class.
    whole: OnceLock<Compiled>,
}

impl Links {
    /// What is kept for a world.
    pub(crate) fn of(&self, loaded: &Loaded, world: &World) -> Arc<Link> {
        if let Some(link) = self.last(world) {
            return link;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        self.kept(&mut kept, loaded, world)
    }

    /// What is kept for a world that is asked often; `None` for another, and for one that is seen through changes.
    pub(crate) fn of_often_asked(&self, loaded: &Loaded, world: &World) -> Option<Arc<Link>> {
        if world.is_overlaid() {
            return None;
        }
        if let Some(link) = self.last(world) {
            return Some(link);
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.links.iter().all(|link| link.world != world.identity())
            && !kept.is_often_asked(world.identity())
        {
            return None;
        }
        Some(self.kept(&mut kept, loaded, world))
    }

    fn last(&self, world: &World) -> Option<Arc<Link>> {
        let last = self.last.load();
        last.as_ref().filter(|link| link.world == world.identity()).cloned()
    }

    fn kept(&self, kept: &mut Kept, loaded: &Loaded, world: &World) -> Arc<Link> {
        let found = kept.links.iter().find(|link| link.world == world.identity()).cloned();
        let link = found.unwrap_or_else(|| {
            let link = Arc::new(Link::new(loaded, world));
            if kept.links.len() >= LINKS {
                kept.links.remove(0);
            }
            kept.links.push(link.clone());
            link
        });
        self.last.store(Some(link.clone()));
        link
    }
}

impl Kept {
    fn is_often_asked(&mut self, world: u64) -> bool {
        let at = self.seldom.iter().position(|(known, _)| *known == world).unwrap_or_else(|| {
            if self.seldom.len() >= LINKS {
                self.seldom.remove(0);
            }
            self.seldom.push((world, 0));
            self.seldom.len() - 1
        });
        let Some((_, asked)) = self.seldom.get_mut(at) else { return false };
        *asked += 1;
        let is_often = *asked > OFTEN;
        if is_often {
            self.seldom.remove(at);
        }
        is_often
    }
}

impl Link {
    fn new(loaded: &Loaded, world: &World) -> Self {
        #[cfg(feature = "author")]
        static MADE: AtomicU64 = AtomicU64::new(0);
        Link {
            #[cfg(feature = "author")]
            number: MADE.fetch_add(1, Ordering::Relaxed),
            world: world.identity(),
            principals: loaded.schema.entity_types().iter().map(|_| OnceLock::new()).collect(),
            environments: loaded.programs.environments().map(|of| (of, OnceLock::new())).collect(),
            nothing: Arc::default(),
            plans: Plans::default(),
            plans_of_records: Plans::default(),
            mirrored: Mutex::default(),
            joint: Mutex::default(),
        }
    }

    /// The programs of an environment.
    pub(crate) fn classes(&self, environment: Environment) -> &Arc<Classes> {
        let slot = self.environments.get(&environment);
        slot.map_or(&self.nothing, |slot| slot.get_or_init(Arc::default))
    }

    /// The program that decides for a principal, compiled.
    ///
    /// Called within a consistent read: where a batch comes in between, what is found is thrown away, and what
    /// is kept is known to be stale.
    pub(crate) fn compiled<'a>(
        &self,
        loaded: &Loaded,
        world: &World,
        classes: &'a Classes,
        environment: Environment,
        principal: Place,
    ) -> &'a Compiled {
        let principals = self.principals(loaded, world, environment.0);
        let class = principals.and_then(|principals| principals.class(world, principal));
        let (Some(class), Some(principals)) = (class, principals) else {
            return classes.whole(loaded, world, environment);
        };
        let Some(page) = classes.pages.get(class / PAGE) else {
            return classes.whole(loaded, world, environment);
        };
        let page = page.get_or_init(|| Box::new([const { OnceLock::new() }; PAGE]));
        match page.get(class % PAGE) {
            Some(slot) => slot.get_or_init(|| principals.compile(loaded, world, environment, class)),
            None => classes.whole(loaded, world, environment),
        }
    }

    /// What names a principal's class among those of all links; all for whom there is no class are one.
    #[cfg(feature = "author")]
    pub(crate) fn class(&self, loaded: &Loaded, world: &World, principal: Place) -> Class {
        let principals = self.principals(loaded, world, principal.0);
        (self.number, principals.and_then(|principals| principals.class(world, principal)))
    }

    /// The classes of principals that are known, and how many tests the programs of an environment have.
    #[cfg(feature = "testing")]
    pub(crate) fn summary(&self, environment: Environment) -> String {
        let known = self.principals.get(environment.0.index()).and_then(OnceLock::get);
        let classes = self.classes(environment);
        let compiled = classes.pages.iter().filter_map(OnceLock::get).flat_map(|page| page.iter());
        let tests: Vec<_> = compiled.filter_map(|slot| slot.get().map(Compiled::tests)).collect();
        format!("{} classes, tests: {tests:?}", known.map_or(0, |known| known.answers.count()))
    }

    /// The program of an environment, asked from the side of the record.
    pub(crate) fn mirrored(&self, loaded: &Loaded, environment: Environment) -> Arc<Program> {
        let mut mirrored = self.mirrored.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || Arc::new(of_environment(loaded, environment).0.mirrored(&loaded.schema));
        mirrored.entry(environment).or_insert_with(make).clone()
    }

    /// All actions of principals of a type on resources of a type.
    pub(crate) fn joint(&self, loaded: &Loaded, types: (TypeId, TypeId)) -> Arc<Joint> {
        let mut joint = self.joint.lock().unwrap_or_else(PoisonError::into_inner);
        joint.entry(types).or_insert_with(|| Arc::new(Joint::new(loaded, types.0, types.1))).clone()
    }

    /// The types of the entities beside a principal that a class, and so the programs for it, are made from.
    pub(crate) fn reads(&self, loaded: &Loaded, world: &World, principal: TypeId) -> Vec<TypeId> {
        let principals = self.principals(loaded, world, principal);
        principals.map_or_else(Vec::new, |principals| principals.questions.reads.iter().copied().collect())
    }

    fn principals(&self, loaded: &Loaded, world: &World, ty: TypeId) -> Option<&Principals> {
        self.principals.get(ty.index()).map(|slot| slot.get_or_init(|| Principals::new(loaded, world, ty)))
    }
}

impl Default for Classes {
    fn default() -> Self {
        Classes { pages: [const { OnceLock::new() }; PAGES], whole: OnceLock::new() }
    }
}

impl Classes {
    fn whole(&self, loaded: &Loaded, world: &World, environment: Environment) -> &Compiled {
        self.whole.get_or_init(|| {
            let (program, action) = of_environment(loaded, environment);
            Compiled::new(program, world, action, environment)
        })
    }
}

fn of_environment(
    loaded: &Loaded,
    (principal, action, resource): Environment,
) -> (Arc<Program>, Option<&Action>) {
    let action = loaded.schema.actions().get(action);
    let program = action.map(|action| loaded.program(principal, action, resource).clone());
    (program.unwrap_or_default(), action)
}

impl Principals {
    fn new(loaded: &Loaded, world: &World, ty: TypeId) -> Self {
        let mut places = Vec::new();
        for action in loaded.schema.actions().iter().filter(|action| action.principals.contains(&ty)) {
            places.extend(action.resources.iter().map(|&resource| (action, resource)));
        }
        let programs: Vec<&Program> =
            places.iter().map(|(action, resource)| loaded.program(ty, action, *resource).as_ref()).collect();
        let (questions, asked) = Questions::new(&programs, &loaded.schema);
        let keys = places.iter().map(|(action, resource)| (action.place, *resource));
        // Room for people who come later; those beyond it are asked each time.
        let rows = world.end(ty) as usize;
        Principals {
            questions,
            asked: keys.zip(asked).collect(),
            numbers: Mutex::default(),
            answers: boxcar::Vec::new(),
            found: (0..rows + rows / 4 + 1_024).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// The class of a principal; `None` where there are too many.
    #[inline]
    fn class(&self, world: &World, principal: Place) -> Option<usize> {
        if world.is_overlaid() {
            return self.number(self.questions.answers(world, principal));
        }
        let slot = self.found.get(principal.1.0 as usize);
        if let Some(slot) = slot {
            let entry = slot.load(Ordering::Relaxed);
            if entry != 0 && self.is_fresh(world, principal, entry >> CLASS_BITS) {
                return Some((entry & ((1 << CLASS_BITS) - 1)) as usize - 1);
            }
        }
        // Noted before the data is read: a batch that comes in between makes the entry stale.
        let version = world.version();
        let class = self.number(self.questions.answers(world, principal))?;
        if let Some(slot) = slot {
            slot.store(version << CLASS_BITS | (class as u64 + 1), Ordering::Relaxed);
        }
        Some(class)
    }

    #[inline]
    fn is_fresh(&self, world: &World, principal: Place, version: u64) -> bool {
        let stamps = world.stamps();
        mutant!(ClassIsKept)
            || stamps.of(principal) <= version
                && self.questions.reads.iter().all(|&ty| stamps.of_type(ty) <= version)
    }

    fn number(&self, answers: Answers) -> Option<usize> {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&number) = numbers.get(&answers) {
            return Some(number as usize);
        }
        let number = self.answers.count();
        if number >= CLASSES {
            return None;
        }
        self.answers.push(answers.clone());
        numbers.insert(answers, number as u32);
        Some(number)
    }

    fn compile(&self, loaded: &Loaded, world: &World, environment: Environment, class: usize) -> Compiled {
        let (program, action) = of_environment(loaded, environment);
        let asked = self.asked.get(&(environment.1, environment.2));
        let program = match (asked, self.answers.get(class)) {
            (Some(asked), Some(answers)) => Arc::new(program.for_answers(asked, answers, &loaded.schema)),
            _ => program,
        };
        Compiled::new(program, world, action, environment)
    }
}
