//! What the cases cover of the policies, and the changes of policy that they notice.

use crate::cases::files;
use caseward::Ward;
use caseward::author::{Drawing, Fate};
use std::time::Instant;

#[test]
fn probe() {
    let ward = Ward::attendance().unwrap();
    let t = Instant::now();
    let files = files(&ward);
    println!("read {:?}", t.elapsed());
    let t = Instant::now();
    for f in &files {
        assert!(f.run(&ward).is_empty());
    }
    println!("run {:?}", t.elapsed());
    let t = Instant::now();
    let coverage = ward.coverage(files.iter().flat_map(|f| &f.cases)).unwrap();
    println!("coverage {:?} {:?}", t.elapsed(), coverage.sides());
    for p in &coverage.policies {
        for c in &p.conditions {
            for v in [true, false] {
                if !c.side(v).is_covered() {
                    println!(
                        "UNCOVERED {} {} {:?}:{} seen {} `{}`",
                        p.policy.id,
                        v,
                        c.clause,
                        c.span.start,
                        c.side(v).seen,
                        c.text
                    );
                }
            }
        }
    }
    let t = Instant::now();
    let m = ward.mutate(files.iter().flat_map(|f| &f.cases), &Drawing::default()).unwrap();
    println!(
        "mutate {:?} all {} left out {} killed {} by reasons {}",
        t.elapsed(),
        m.all.len(),
        m.left_out,
        m.killed(),
        m.all.iter().filter(|m| matches!(m.fate, Fate::Killed { decision: false, .. })).count()
    );
    for s in m.survivors() {
        let a = ward.source(&s.mutant.policy).unwrap();
        let (x, y): (Vec<_>, Vec<_>) = (a.text.lines().collect(), s.mutant.changed.text.lines().collect());
        let d: Vec<String> = similar(&x, &y);
        println!("SURVIVED {:?} {} {}", s.mutant.kind, s.mutant.policy, d.join(" => "));
    }
    let mut by = std::collections::BTreeMap::new();
    for x in &m.all {
        let e = by.entry(x.mutant.kind).or_insert((0, 0));
        e.0 += 1;
        if let Fate::Survived { .. } = x.fate {
            e.1 += 1;
        }
    }
    println!("{by:?}");
}

fn similar(x: &[&str], y: &[&str]) -> Vec<String> {
    let mut s = 0;
    while s < x.len() && s < y.len() && x[s] == y[s] {
        s += 1;
    }
    let mut e = 0;
    while e < x.len() - s && e < y.len() - s && x[x.len() - 1 - e] == y[y.len() - 1 - e] {
        e += 1;
    }
    vec![x[s..x.len() - e].join(" "), y[s..y.len() - e].join(" ")]
}
