//! What is released in a form that tells less: of each cell that a view shows, its form; of all others, nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampMillisecondType};
use arrow_array::{
    Array, ArrayRef, Date32Array, DictionaryArray, RecordBatch, StringArray, TimestampMillisecondArray,
};
use arrow_schema::{DataType, Field, Schema};
use caseward::{Context, EntityUid, Transform, TypeName, Ward, World};
use caseward_arrow::{Marks, Redaction, ReleaseKey};

use crate::{NOW, data, holds, layouts, memory};

const FIELDS: [&str; 4] = ["student.nsn", "student.dateOfBirth", "student.homeAddress", "Case.number"];

fn key(first: u8) -> ReleaseKey {
    ReleaseKey::new(&(first..first + 32).collect::<Vec<u8>>()).unwrap()
}

/// A batch with what the four fields hold, of the rows' own.
fn batch(cases: &[Option<&str>]) -> RecordBatch {
    let of = |what: &str| -> Vec<String> {
        cases.iter().map(|case| format!("{what} of {}", case.unwrap_or("nobody"))).collect()
    };
    let (nsn, homes, numbers) = (of("nsn"), of("street"), of("number"));
    let homes = homes.iter().map(|street| format!(" {street}, suburb, town-{street} "));
    let days = (0..).map(|day| 15_000 + 200 * day).take(cases.len());
    let numbers: DictionaryArray<arrow_array::types::Int16Type> =
        numbers.iter().map(String::as_str).collect();
    let fields = vec![
        Field::new("case", DataType::Utf8, true),
        Field::new("nsn", DataType::Utf8, false),
        Field::new("born", DataType::Date32, false),
        Field::new("home", DataType::Utf8, false),
        Field::new("number", numbers.data_type().clone(), false),
    ];
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(cases.to_vec())),
        Arc::new(StringArray::from(nsn)),
        Arc::new(Date32Array::from_iter_values(days)),
        Arc::new(StringArray::from_iter_values(homes)),
        Arc::new(numbers),
    ];
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

fn redaction(ward: &Ward, world: &World, person: &EntityUid, marks: Marks) -> Redaction {
    let seen = ward.seen(world, person, &TypeName::new("Case"), &FIELDS, &Context::at(NOW)).unwrap();
    let columns = ["nsn", "born", "home", "number"].map(str::to_owned).to_vec();
    Redaction::new(seen, "case", columns, marks).unwrap()
}

fn released(redaction: Redaction, first: u8) -> Redaction {
    let transforms = [
        ("nsn".to_owned(), Transform::Hash),
        ("born".to_owned(), Transform::Year),
        ("home".to_owned(), Transform::LastPart),
        ("number".to_owned(), Transform::Hash),
    ];
    redaction.released(&transforms, Some(&key(first))).unwrap()
}

/// The same rows and the same cells, each in its form: what is withheld as it is, is withheld in any form.
#[test]
fn a_release_has_the_cells_of_the_redaction_and_no_others() {
    let (ward, world) = data();
    let cases: Vec<Option<&str>> = world.ids("Case").unwrap().take(60).map(Some).chain([None]).collect();
    let whole = batch(&cases);
    let (mut shown, mut hidden) = (0, 0);
    for person in world.ids("User").unwrap().step_by(7) {
        let plain = redaction(&ward, &world, &EntityUid::new("User", person), Marks::Column("?".to_owned()));
        let raw = plain.redacted(&whole, 0).unwrap();
        let release = released(plain, 1);
        let out = release.redacted(&whole, 0).unwrap();
        assert_eq!(out.schema(), release.schema(&whole.schema()).unwrap());
        assert_eq!(out.num_rows(), raw.num_rows());
        // Ids, and the columns of marks, as they were; null where it was null, and nowhere else.
        for name in ["case", "nsn?", "born?", "home?", "number?"] {
            assert_eq!(out.column_by_name(name), raw.column_by_name(name));
        }
        let memory = memory(&out);
        for row in 0..out.num_rows() {
            let text = |of: &RecordBatch, name: &str| {
                let column = of.column_by_name(name).unwrap();
                column.is_valid(row).then(|| column.as_string::<i32>().value(row).to_owned())
            };
            for name in ["nsn", "born", "home", "number"] {
                let (before, after) = (raw.column_by_name(name).unwrap(), out.column_by_name(name).unwrap());
                assert_eq!(before.is_valid(row), after.is_valid(row), "{person} {name} {row}");
                shown += usize::from(after.is_valid(row));
                hidden += usize::from(after.is_null(row));
            }
            if let Some(nsn) = text(&raw, "nsn") {
                assert!(!holds(&memory, &nsn), "{nsn}");
                assert_eq!(text(&out, "nsn").unwrap().len(), 64);
            }
            if let Some(home) = text(&raw, "home") {
                let (street, town) = (home.split(',').next().unwrap(), home.rsplit(',').next().unwrap());
                assert_eq!(text(&out, "home").unwrap(), town.trim());
                assert!(!holds(&memory, &format!("{},", street.trim())));
            }
        }
    }
    assert!(shown > 100 && hidden > 100, "{shown} {hidden}");
}

/// The national contract team sees numbers of all cases: joined by their hashes, rows are those joined by the numbers.
#[test]
fn hashes_join_equal_values_within_one_release_alone() {
    let (ward, world) = data();
    let cases: Vec<Option<&str>> = world.ids("Case").unwrap().take(40).map(Some).collect();
    let person = EntityUid::new("User", "u00001");
    let marks = Marks::None;
    let forms = |first: u8| -> BTreeMap<String, String> {
        let release = released(redaction(&ward, &world, &person, marks.clone()), first);
        let out = release.redacted(&batch(&cases), 0).unwrap();
        let (ids, numbers) = (out.column(0).as_string::<i32>(), out.column(4).as_string::<i32>());
        ids.iter().zip(numbers).map(|(id, at)| (id.unwrap().to_owned(), at.unwrap().to_owned())).collect()
    };
    let (one, again, other) = (forms(1), forms(1), forms(2));
    assert_eq!((one.len(), &one), (40, &again));
    let different: std::collections::BTreeSet<&String> = one.values().collect();
    assert_eq!(different.len(), 40);
    assert!(other.values().all(|hash| !different.contains(hash)));
    // In every layout of text, the same.
    let texts: Vec<Option<&str>> = vec![Some("a"), None, Some("a"), Some("")];
    let four: Vec<Option<&str>> = cases.iter().take(4).copied().collect();
    let mut seen: Vec<Vec<Option<String>>> = Vec::new();
    for column in layouts(&texts) {
        let fields = vec![
            Field::new("case", DataType::Utf8, true),
            Field::new("number", column.data_type().clone(), true),
        ];
        let ids: ArrayRef = Arc::new(StringArray::from(four.clone()));
        let frame = RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![ids, column]).unwrap();
        let found =
            ward.seen(&world, &person, &TypeName::new("Case"), &["number"], &Context::at(NOW)).unwrap();
        let redaction = Redaction::new(found, "case", vec!["number".to_owned()], Marks::None).unwrap();
        let hash = [("number".to_owned(), Transform::Hash)];
        let out = redaction.released(&hash, Some(&key(1))).unwrap().redacted(&frame, 0).unwrap();
        let hashes = out.column(1);
        seen.push(match hashes.data_type() {
            DataType::LargeUtf8 => {
                hashes.as_string::<i64>().iter().map(|text| text.map(str::to_owned)).collect()
            }
            _ => hashes.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect(),
        });
    }
    assert!(seen.iter().all(|other| *other == seen[0]), "{seen:?}");
    assert!(seen[0][0] == seen[0][2] && seen[0][1].is_none() && seen[0][3] != seen[0][0]);
}

#[test]
fn years_are_those_of_the_columns_zone() {
    let (ward, world) = data();
    let admin = world.ids("User").unwrap().find(|id| {
        let seen = ward.seen(
            &world,
            &EntityUid::new("User", *id),
            &TypeName::new("Case"),
            &["student.dateOfBirth"],
            &Context::at(NOW),
        );
        !seen.unwrap().fields[0].is_empty()
    });
    let person = EntityUid::new("User", admin.unwrap());
    let fields = ["student.dateOfBirth"];
    let seen = ward.seen(&world, &person, &TypeName::new("Case"), &fields, &Context::at(NOW)).unwrap();
    let case = seen.fields[0].ids().next().unwrap().to_owned();
    let redaction = Redaction::new(seen, "case", vec!["born".to_owned()], Marks::None).unwrap();
    let release = redaction.released(&[("born".to_owned(), Transform::Year)], None).unwrap();
    // 31 December 2011, 12:30 of UTC: in Auckland it is 2012.
    let at = 1_325_334_600_000;
    let year = |zone: Option<&str>| {
        let ty = TimestampMillisecondArray::from(vec![at]).with_timezone_opt(zone);
        let fields =
            vec![Field::new("case", DataType::Utf8, true), Field::new("born", ty.data_type().clone(), true)];
        let columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from(vec![case.as_str()])), Arc::new(ty)];
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
        release.redacted(&batch, 0).map(|out| out.column(1).as_primitive::<Int32Type>().value(0))
    };
    assert_eq!(year(None).unwrap(), 2011);
    assert_eq!(year(Some("UTC")).unwrap(), 2011);
    assert_eq!(year(Some("Pacific/Auckland")).unwrap(), 2012);
    assert_eq!(year(Some("+13:00")).unwrap(), 2012);
    assert!(year(Some("Pacific/Aukland")).unwrap_err().to_string().starts_with("column `born`: "));
    let far: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![i64::MAX]));
    assert_eq!(far.as_primitive::<TimestampMillisecondType>().len(), 1);
    let fields =
        vec![Field::new("case", DataType::Utf8, true), Field::new("born", far.data_type().clone(), true)];
    let columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from(vec![case.as_str()])), far];
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
    let error = release.redacted(&batch, 0).unwrap_err().to_string();
    assert_eq!(error, "column `born`, row 0: the calendar has no such date");
}

#[test]
fn what_the_catalogue_does_not_allow_is_refused() {
    let (ward, world) = data();
    let person = EntityUid::new("User", "u00001");
    let refused = |column: &str, transform: Transform, key: Option<&ReleaseKey>| {
        let redaction = redaction(&ward, &world, &person, Marks::None);
        redaction.released(&[(column.to_owned(), transform)], key).unwrap_err().to_string()
    };
    for (column, transform, why) in [
        (
            "nsn",
            Transform::Year,
            "column `nsn`: the catalogue lets its field be released as `hash`, and not as `year`",
        ),
        (
            "home",
            Transform::Hash,
            "column `home`: the catalogue lets its field be released as `first part`, `last part`, and not as `hash`",
        ),
        (
            "case",
            Transform::Hash,
            "column `case` is to be released as `hash`, and is not among the columns of fields",
        ),
        (
            "nsn",
            Transform::Hash,
            "column `nsn` is to be hashed: give the key of the release, which is drawn for it",
        ),
    ] {
        assert_eq!(refused(column, transform, None), why);
    }
    let twice = [("nsn".to_owned(), Transform::Hash), ("nsn".to_owned(), Transform::Hash)];
    let redaction_of = redaction(&ward, &world, &person, Marks::None);
    let error = redaction_of.released(&twice, Some(&key(1))).unwrap_err().to_string();
    assert_eq!(error, "column `nsn` is to be released in two forms");
    // What a column holds must fit, and a year is no place for a mark of text.
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["2012-01-01"]));
    let days: ArrayRef = Arc::new(Date32Array::from(vec![1]));
    for (column, form, holds, marks, why) in [
        (
            "born",
            Transform::Year,
            &texts,
            Marks::None,
            "column `born` holds Utf8, and a year is one of a date or a timestamp: cast it",
        ),
        (
            "nsn",
            Transform::Hash,
            &days,
            Marks::None,
            "column `nsn` holds Date32, and what is hashed is text: cast it",
        ),
        (
            "home",
            Transform::FirstPart,
            &days,
            Marks::None,
            "column `home` holds Date32, and parts are parts of a text",
        ),
        (
            "born",
            Transform::Year,
            &days,
            Marks::Text("-".to_owned()),
            "column `born` holds Int32, in which no text can mark what is withheld: mark it by a column",
        ),
    ] {
        let release = redaction(&ward, &world, &person, marks);
        let release = release.released(&[(column.to_owned(), form)], Some(&key(1))).unwrap();
        let whole = batch(&[Some("c0000001")]);
        let at = whole.schema().index_of(column).unwrap();
        let mut fields: Vec<Field> =
            whole.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
        fields[at] = Field::new(column, holds.data_type().clone(), true);
        // The other columns are text, which marks go into.
        if let Some(born) = fields.iter_mut().find(|field| field.name() == "born" && column != "born") {
            *born = Field::new("born", DataType::Utf8, true);
        }
        assert_eq!(release.schema(&Schema::new(fields)).unwrap_err().to_string(), why);
    }
}
