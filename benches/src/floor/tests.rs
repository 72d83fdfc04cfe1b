use crate::check::answers;
use crate::compare::Pair;
use crate::floor::{Floor, Lists};
use crate::pairs::pairs;
use crate::world::{Data, NOW, Question};

use roaring::RoaringBitmap;

/// Days on which the rules differ: before and at the roll-out, now, before anybody was trained.
const DAYS: [i64; 4] = [super::ROLLED_OUT - 1, super::ROLLED_OUT, NOW, 1_600_000_000_000];

/// The sample, and the same with statuses and kinds here and there that no rule knows.
fn worlds() -> Vec<Data> {
    let data = Data::small(1_500).expect("the sample");
    let mut json = Vec::new();
    data.world.write_json(&mut json).expect("in memory");
    let text = String::from_utf8(json).expect("JSON");
    let mut broken = String::new();
    for (line, text) in text.split_inclusive("},").enumerate() {
        broken += &match line % 9 {
            0 => text.replace("\"open\"", "\"lost\"").replace("\"isp\"", "\"other\""),
            1 => text.replace("\"closed\"", "\"gone\"").replace("\"asp\"", "\"other\""),
            2 => text.replace("\"comment\"", "\"rumour\"").replace("\"asp\"", "\"isp\""),
            _ => text.to_owned(),
        };
    }
    assert_ne!(text, broken);
    let ward = data.ward.clone();
    let world = ward.read_world(broken.as_bytes()).expect("still of the schema");
    vec![data, Data { cases: 1_500, ward, world }]
}

fn check(data: &Data, question: &Question<'_>, pairs: &[Pair], decide: impl Fn(&Pair) -> bool) {
    let expected = answers(data, question, pairs).expect("requests of the data");
    for (pair, expected) in pairs.iter().zip(&expected) {
        let (user, record) = (question.user_id(pair.user), question.resource_id(pair.resource));
        assert_eq!(decide(pair), *expected, "{user} {} {record} at {}", question.action, question.now);
    }
}

#[test]
fn checks_are_caseward_s() {
    for data in worlds() {
        let floor = Floor::new(&data.world).expect("a world");
        for now in DAYS {
            let question = Question::new(&data, "viewSummary", "Case", now);
            let requests = pairs(&floor, 60_000, floor.cases.len(), 1, |case| case);
            check(&data, &question, &requests, |p| floor.view_summary_case(p.user, p.resource, now));
            let question = Question::new(&data, "viewItem", "Item", now);
            let requests = pairs(&floor, 60_000, floor.items.len(), 2, |i| floor.items[i as usize].case);
            check(&data, &question, &requests, |p| floor.view_item(p.user, p.resource, now));
        }
    }
}

#[test]
fn lists_are_the_checks() {
    for data in worlds() {
        let floor = Floor::new(&data.world).expect("a world");
        let lists = Lists::new(&floor);
        for now in DAYS {
            for user in 0..floor.users.len() as u32 {
                let allowed = |case: &u32| floor.view_summary_case(user, *case, now);
                let expected: RoaringBitmap = (0..floor.cases.len() as u32).filter(allowed).collect();
                assert_eq!(lists.view_summary_cases(user, now), expected, "user {user} at {now}");
            }
        }
    }
}
