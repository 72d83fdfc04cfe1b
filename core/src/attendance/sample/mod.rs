//! Sample data of New Zealand's size and shape.
//!
//! INVARIANTS: the same sizes and seed give the same world on every platform, to the byte; what the case
//! store keeps true of its data is true of every sample: `lastSchool` only while enrolled nowhere, one open
//! case a student at most, the student's current provider and case manager those of the open case, the
//! request behind a case with the case's provider and case manager.

mod cases;
mod items;
mod offices;
mod organisations;
mod people;
mod requests;
mod skew;
mod students;
mod vocabulary;
mod writer;

use crate::model::Error;
use crate::model::interrupt::Pulse;
use crate::ward::Ward;
use crate::world::World;

use crate::model::random::Random;
use organisations::Organisations;
use people::People;
use writer::Writer;

const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;
/// The data's last day: 2026-05-11T00:00:00Z. Nothing recorded is later; some training ends later.
const TODAY: i64 = 1_778_457_600_000;

// Prefix and digits of ids.
const SCHOOL: (&str, usize) = ("s", 4);
const PROVIDER: (&str, usize) = ("p", 2);
const USER: (&str, usize) = ("u", 5);
const STUDENT: (&str, usize) = ("n", 7);
const CASE: (&str, usize) = ("c", 7);
const REQUEST: (&str, usize) = ("r", 7);
const ITEM: (&str, usize) = ("i", 8);
const REGISTER: (&str, usize) = ("g", 5);
const REPORT: (&str, usize) = ("t", 5);

/// What to generate.
///
/// Cases count open and closed ones together, two in five of them open; each has 5 to 10 items and the
/// request behind it, and there are drafts, submitted and declined requests besides. The rest follows:
///
/// | | of the number of cases | at least | at most |
/// |---|---|---|---|
/// | students | 1.2 × | 2,000 | 850,000 |
/// | schools | 1 ÷ 40 | 50 | 2,500 |
/// | providers, 57 in 80 of them attendance service providers | 1 ÷ 1,250 | 8 | 80 |
/// | people | 3 ÷ 25 | 300 | 12,000 |
///
/// Schools, providers and people are thus of full size from 100,000 cases, and 1,000 cases still make a
/// world with every role. The data ends on 11 May 2026. Ids are `s0001` for schools, `p01` for
/// providers, `u00001` for people, `n0000001` for students, `c0000001` for cases, `r0000001` for requests
/// (the one behind a case has the case's number), `i00000001` for items, `g00001` for registers and
/// `t00001` for reports.
///
/// # Example
/// ```
/// use caseward::Ward;
/// use caseward::attendance::Sample;
///
/// let ward = Ward::attendance()?;
/// let world = Sample { cases: 1_000, seed: 7 }.build(&ward, &mut |_| {})?;
/// assert_eq!(world.count("Case")?, 1_000);
/// # Ok::<(), caseward::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// How many cases there are, open and closed together.
    pub cases: usize,
    /// Same seed, same world, to the byte.
    pub seed: u64,
}

struct Sizes {
    cases: usize,
    students: usize,
    schools: usize,
    providers: usize,
    staff: usize,
}

impl Sizes {
    fn of(cases: usize) -> Self {
        // Beyond this many cases nothing else grows, and no product below can overflow.
        let bounded = cases.min(1_000_000);
        Sizes {
            cases,
            students: (bounded * 6 / 5).clamp(2_000, 850_000),
            schools: (bounded / 40).clamp(50, 2_500),
            providers: (bounded / 1_250).clamp(8, 80),
            staff: (bounded * 3 / 25).clamp(300, 12_000),
        }
    }
}

impl Sample {
    /// Generates the world; `progress` hears how many of 1,000 parts are done whenever that changes.
    ///
    /// Cost: some 12 µs a case with all that belongs to it.
    ///
    /// # Errors
    /// [`Error::is_policies`] where the ward's schema lacks something of the attendance vocabulary.
    pub fn build(&self, ward: &Ward, progress: &mut dyn FnMut(u64)) -> Result<World, Error> {
        let sizes = Sizes::of(self.cases);
        let mut writer = Writer::new(ward.schema())?;
        let mut random = Random::new(self.seed, 1);
        let mut places = Organisations::new(&sizes, &mut random);
        let people = People::new(&sizes, &mut places, &mut Random::new(self.seed, 2));
        let mut students = students::students(&sizes, &places, &mut Random::new(self.seed, 3));

        places.write(&mut writer);
        people.write(&mut writer);
        offices::write_registers(&places, &mut writer, &mut random);
        offices::write_reports(&places, &people, &mut writer);

        let who = (&places, &people);
        let plan = cases::plan(&sizes, &mut students, &mut Random::new(self.seed, 4));
        let mut case_random = Random::new(self.seed, 5);
        let mut item_random = Random::new(self.seed, 6);
        let mut request_random = Random::new(self.seed, 7);
        let (mut items, mut told) = (0, 0);
        let pulse = Pulse::default();
        for (number, planned) in plan.iter().enumerate() {
            pulse.step()?;
            let Some(student) = students.get_mut(planned.student) else { continue };
            let case = cases::Case::new(planned, student, &places, &mut case_random);
            case.write(number, &mut writer);
            requests::write_accepted(number, &case, who, &mut writer, &mut request_random);
            items = items::write(items, (number, &case), who, &mut writer, &mut item_random);
            // The last tenth is for the students and for checking the whole.
            let done = number as u64 * 900 / sizes.cases as u64;
            if done > told {
                told = done;
                progress(done);
            }
        }
        requests::write_others(&sizes, &students, who, &mut writer, &mut request_random);
        students::write(&students, &mut writer, &mut Random::new(self.seed, 8));
        let world = writer.finish()?;
        progress(1_000);
        Ok(world)
    }
}

#[cfg(test)]
mod tests;
