//! Which cases may a person see, by which rules, and who else may see them?

use caseward::attendance::Sample;
use caseward::{ActionName, EntityUid, PrincipalQuery, Query, Request, TypeName, Ward};

fn main() -> Result<(), caseward::Error> {
    // Once a process: the rules are parsed and validated here.
    let ward = Ward::attendance()?;
    // Made-up data. Your own comes by `read_world`, from Cedar's entities JSON, and changes by `World::apply`.
    let world = Sample { cases: 50, seed: 1 }.build(&ward, &mut |_| {})?;
    // Milliseconds since 1970: 11 May 2026, 9 a.m. in Wellington.
    let now = 1_778_446_800_000;
    let person = EntityUid::new("User", "u00017");
    let action = ActionName::new("viewSummary");

    let query = Query::new(person.clone(), action.clone(), TypeName::new("Case")).at(now);
    println!("{person} may see {} of 50 cases", ward.list(&world, &query)?.len());
    for id in ["c0000001", "c0000002", "c0000003"] {
        let case = EntityUid::new("Case", id);
        let request = Request::new(person.clone(), action.clone(), case.clone()).at(now);
        let answer = ward.check(&world, &request)?;
        let decision = if answer.is_allowed() { "allow" } else { "deny" };
        let query = PrincipalQuery::new(TypeName::new("User"), action.clone(), case).at(now);
        let who = ward.who(&world, &query)?.len();
        println!("{id}: {decision} by [{}]; {who} people may see it", answer.rules.join(" "));
    }
    Ok(())
}
