//! Coverage as one page that needs nothing beside it.

use std::fmt::Write as _;

use caseward::Ward;
use caseward::author::{ConditionCoverage, Coverage, PolicyCoverage, Side};

use super::percent;

const STYLE: &str = "\
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}\
h2{margin-top:2.5rem;font-size:1.1rem}table{border-collapse:collapse}td,th{padding:.2rem .8rem;text-align:left}\
tr:nth-child(even){background:#f4f6f8}pre{background:#f6f8fa;padding:1rem;overflow:auto;line-height:1.6}\
.full{background:#d5f2dc}.part{background:#ffe9b8}.none{background:#ffd4d1}.never{border-bottom:2px dotted #59636e}\
li code{background:#f6f8fa;padding:0 .2rem}\
@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}tr:nth-child(even),pre,li code{background:#161b22}\
.full{background:#12401f}.part{background:#5a4200}.none{background:#67211c}a{color:#6cb0ff}}";

pub(super) fn html(ward: &Ward, coverage: &Coverage) -> String {
    let mut out = String::from("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    out.push_str("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">");
    let (covered, sides) = coverage.sides();
    let _ = writeln!(out, "<title>Coverage of conditions</title><style>{STYLE}</style></head><body>");
    let _ = writeln!(
        out,
        "<h1>Coverage of conditions: {:.1} %</h1>\n<p>{covered} of {sides}: each condition is to decide its \
         policy by being true and by being false, and each policy is to hold once. A condition decides where \
         its policy would come out otherwise if it alone had the other value. Policies of hash <code>{}</code>.</p>",
        percent((covered, sides)),
        ward.policy_hash()
    );
    out.push_str("<p><span class=\"full\">both ways</span> <span class=\"part\">one way</span> ");
    out.push_str(
        "<span class=\"none\">never</span> <span class=\"full never\">the rest is unreachable</span></p>\n",
    );
    out.push_str("<table><tr><th>Policy</th><th>Covered</th><th>Matched</th><th>Held</th></tr>\n");
    for policy in &coverage.policies {
        let ((covered, sides), id) = (policy.sides(), escape(&policy.policy.id));
        let class = if covered == sides { "full" } else { "part" };
        let _ = writeln!(
            out,
            "<tr><td><a href=\"#{id}\">{id}</a></td><td class=\"{class}\">{covered} of {sides}</td><td>{}</td>\
             <td>{}</td></tr>",
            policy.asked, policy.held
        );
    }
    out.push_str("</table>\n");
    for policy in &coverage.policies {
        section(&mut out, ward, policy);
    }
    out.push_str("</body></html>\n");
    out
}

fn section(out: &mut String, ward: &Ward, policy: &PolicyCoverage) {
    let id = escape(&policy.policy.id);
    let _ = writeln!(out, "<h2 id=\"{id}\">{id}</h2>");
    if let Some(description) = &policy.policy.description {
        let _ = writeln!(out, "<p>{}</p>", escape(description));
    }
    let text = ward.source(&policy.policy.id).map(|source| source.text.clone()).unwrap_or_default();
    out.push_str("<pre>");
    let mut at = 0;
    for condition in &policy.conditions {
        let span = condition.span.start.max(at)..condition.span.end.max(at);
        out.push_str(&escape(text.get(at..span.start).unwrap_or_default()));
        let _ = write!(
            out,
            "<span class=\"{}\" title=\"{}\">{}</span>",
            class(condition),
            escape(&told(condition)),
            escape(text.get(span.clone()).unwrap_or_default())
        );
        at = span.end;
    }
    out.push_str(&escape(text.get(at..).unwrap_or_default()));
    out.push_str("</pre>\n");
    let open: Vec<&ConditionCoverage> = policy.conditions.iter().filter(|c| class(c) != "full").collect();
    if !open.is_empty() {
        out.push_str("<ul>\n");
        for condition in open {
            let _ = writeln!(
                out,
                "<li><code>{}</code>: {}</li>",
                escape(&condition.text),
                escape(&told(condition)).replace('\n', "; ")
            );
        }
        out.push_str("</ul>\n");
    }
}

fn class(condition: &ConditionCoverage) -> &'static str {
    let (yes, no) = (&condition.when_true, &condition.when_false);
    match (yes.is_covered(), no.is_covered()) {
        (true, true) if yes.unreachable.is_some() || no.unreachable.is_some() => "full never",
        (true, true) => "full",
        (false, false) => "none",
        _ => "part",
    }
}

fn told(condition: &ConditionCoverage) -> String {
    let side = |value: bool, side: &Side| match (&side.by, &side.unreachable) {
        (Some(case), _) => {
            format!("seen being {value} {} times, decided {}: {case}", side.seen, side.decided)
        }
        (None, Some(why)) => format!("never decides by being {value}: {why}"),
        (None, None) => format!("seen being {value} {} times, never decided", side.seen),
    };
    format!("{}\n{}", side(true, &condition.when_true), side(false, &condition.when_false))
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
