//! Who sees which field by a changed catalogue.

use super::*;

/// The folders of [`bench`] with notes on documents, which whoever reads them sees, and without anything changed.
fn with_notes() -> Bench {
    let bench = bench();
    let schema = format!(
        "{SCHEMA}entity Note = {{ doc: Doc, @section(\"text\") size: Long }};\n\
         action read, file appliesTo {{ principal: User, resource: Note }};\n\
         action told appliesTo {{ principal: User, resource: Doc }};\n"
    );
    let notes = "@id(\"notes\")\n@description(\"Teams read.\")\npermit (\n  principal,\n  action == Action::\"read\",\n  resource\n)\n// of the team\nwhen { principal.teams.contains(resource.doc.team) };\n";
    let file = "@id(\"file\")\n@description(\"Leads file.\")\npermit (\n  principal,\n  action == Action::\"file\",\n  resource\n)\n// a lead\nwhen { principal.leads.contains(resource.doc.team) };\n";
    let told = "@id(\"told\")\n@description(\"The active are told.\")\npermit (\n  principal,\n  action == Action::\"told\",\n  resource\n)\n// active\nwhen { principal.active };\n";
    for folder in ["old", "new"] {
        bench.write(&format!("{folder}/schema.cedarschema"), &schema);
        for (id, text) in [("notes", notes), ("file", file), ("told", told)] {
            bench.write(&format!("{folder}/{id}.cedar"), text);
        }
        bench.write(&format!("{folder}/fields.toml"), NOTED);
    }
    bench
}

const NOTED: &str = "[Doc]\nknown_by = [\"view\"]\nitems = [{ type = \"Note\", by = \"doc\", action = \"file\" }]\n\
    alert = { action = \"told\", sees = \"edit\" }\n\n[Doc.sections]\nhead = \"view\"\nbody = \"edit\"\n\n\
    [Doc.statistics]\nyearly = [\"team\"]\n\n[Doc.set_by]\nowner = \"the archive\"\n\n\
    [Note]\nknown_by = [\"read\"]\n\n[Note.sections]\ntext = \"read\"\n\n[User]\npublic = []\n";

/// Where a schema and a catalogue are changed, and no policy, no decision is compared: nothing is said to be nothing.
#[test]
fn what_a_schema_gives_beside_a_catalogue_is_not_said_to_be_nothing() {
    let bench = bench();
    let schema = SCHEMA.replace(
        "action view, edit appliesTo",
        "entity Memo = { @section(\"memo\") team: Team };\n\
         action view appliesTo { principal: User, resource: [Doc, Memo] };\naction edit appliesTo",
    );
    bench.write("new/schema.cedarschema", schema);
    let memo = "\n[Memo]\nknown_by = [\"view\"]\n\n[Memo.sections]\nmemo = \"view\"\n";
    bench.write("new/fields.toml", format!("{FIELDS}{memo}"));
    let ran = ci(&bench, &[]);
    assert_eq!(ran.code, 4, "{}", ran.out);
    tells(&ran, &["`see` permits view on Memo", "**Gained:** none was looked for"]);
    for wrong in ["**Gained:** nothing", "are seen to be gained"] {
        assert!(!ran.out.contains(wrong), "{wrong}: {}", ran.out);
    }
}

#[test]
fn every_setting_of_the_catalogue_says_who_sees_what_now() {
    let bench = with_notes();
    passes(&ci(&bench, &[]));
    let everybody = "| everybody, of each of the ";
    let tables = "| not counted: whoever has a table of kind `yearly`, which covers all records | nobody |";
    let explained = "| not counted: whoever is given an explanation that speaks of it | nobody |";
    for (from, to, field, sees) in [
        ("public = []", "public = [\"active\"]", "User.public", everybody),
        ("[Note]\n", "[Note]\npublic = []\n", "Note.public", everybody),
        ("yearly = [\"team\"]", "yearly = [\"team\", \"owner\"]", "Doc.statistics.yearly", tables),
        ("\"the archive\"", "\"anybody\"", "Doc.set_by.owner", explained),
    ] {
        assert_eq!(NOTED.matches(from).count(), 1, "{from}");
        bench.write("new/fields.toml", NOTED.replace(from, to));
        let (ty, name) = field.split_once('.').unwrap();
        let said = format!("[[catalogue]]\ntype = \"{ty}\"\nfield = \"{name}\"\nreason = \"it is meant\"\n");
        let row = |ran: &Ran| {
            let row = ran.out.lines().find(|line| line.starts_with(&format!("| `{field}` |")));
            row.unwrap_or_else(|| panic!("{field}: {}", ran.out)).to_owned()
        };
        for (limits, code, mark) in [
            (None, 4, "**not announced**"),
            (Some("at_most = 0\n"), 4, "**announced within limits, which it does not have**"),
            (Some("at_most = 1000000\n"), 4, "**announced within limits, which it does not have**"),
            (Some("role = \"teams\"\n"), 4, "**announced within limits, which it does not have**"),
            (Some(""), 0, "announced: it is meant"),
        ] {
            bench.write("expected.toml", format!("{said}{}", limits.unwrap_or_default()));
            let announced = ["--expected", "expected.toml"];
            let ran = ci(&bench, if limits.is_some() { &announced } else { &[] });
            if code == 0 {
                passes(&ran)
            } else {
                assert_eq!(ran.code, code, "{field}: {}", ran.out)
            }
            let row = row(&ran);
            assert!(row.contains(sees) && row.ends_with(&format!("{mark} |")), "{row}");
            assert!(!row.contains("nobody seen"), "{row}");
        }
        tells(&ci(&bench, &[]), &["No policy is changed that can apply: no decision was compared."]);
        // The other way round nobody sees more, and that is known.
        bench.write("new/fields.toml", NOTED);
        bench.write("old/fields.toml", NOTED.replace(from, to));
        let ran = ci(&bench, &[]);
        let gained = row(&ran).split('|').nth(4).unwrap().trim().to_owned();
        assert_eq!(gained == "nobody", field != "Doc.set_by.owner", "{field}: {gained}");
        bench.write("old/fields.toml", NOTED);
    }
}

#[test]
fn who_is_told_and_who_sees_entries_is_counted() {
    let bench = with_notes();
    let world = json!([
        {"uid": {"type": "User", "id": "ann"}, "parents": [], "attrs": {"active": true, "teams": [team("red")], "leads": []}},
        {"uid": {"type": "User", "id": "ben"}, "parents": [], "attrs": {"active": false, "teams": [team("red")], "leads": []}},
        {"uid": {"type": "User", "id": "cat"}, "parents": [], "attrs": {"active": true, "teams": [], "leads": [team("red")]}},
        {"uid": {"type": "Doc", "id": "d"}, "parents": [],
         "attrs": {"owner": {"__entity": {"type": "User", "id": "cat"}}, "team": team("red"), "size": 1}},
        {"uid": {"type": "Note", "id": "n1"}, "parents": [], "attrs": {"doc": {"__entity": {"type": "Doc", "id": "d"}}, "size": 1}},
        {"uid": {"type": "Note", "id": "n2"}, "parents": [], "attrs": {"doc": {"__entity": {"type": "Doc", "id": "d"}}, "size": 1}},
    ]);
    bench.write("w.json", world.to_string());
    for (from, to, row) in [
        // Ann is active and sees documents; Ben sees them, and Cat is active and does not: she was told as their owner.
        (
            "sees = \"edit\"",
            "sees = \"view\"",
            "| `Doc.alert` | told and edit | told and view | teams: 1 people, 1 records | no role: 1 people, 1 records |",
        ),
        // Ann and Ben know of the document, and read its notes; Cat files them and does not know of it.
        (
            "action = \"file\"",
            "action = \"read\"",
            "| `Doc.items` | Note by doc, shown by file | Note by doc, shown by read | teams: 2 people, 4 entries | nobody seen |",
        ),
        (
            "known_by = [\"read\"]",
            "known_by = [\"read\", \"file\"]",
            "| leads: 1 people, 2 records | nobody seen |",
        ),
        // Who files reads: the same people.
        (
            "body = \"edit\"",
            "body = \"view\"",
            "section `body`, shown by view | teams: 2 people, 2 records | no role: 1 people",
        ),
    ] {
        assert_eq!(NOTED.matches(from).count(), 1, "{from}");
        bench.write("new/fields.toml", NOTED.replace(from, to));
        let ran = ci(&bench, &["--world", "w.json"]);
        assert_eq!(ran.code, 4, "{}", ran.out);
        tells(&ran, &[row, "3 people were asked about, all that are in the data below"]);
    }
}

fn team(id: &str) -> serde_json::Value {
    json!({"__entity": {"type": "Team", "id": id}})
}
