//! Filters as texts: what is refused, how long they hold, which places they name. That they are right is tested on
//! databases, in `tests/sql`.

use caseward::Context;
use caseward::sql::{Database, Dialect, Filter, FilterOptions, Mapping, Parameter, ParameterStyle};
use caseward::testing::asks::query;
use caseward::{Changes, EntityUid, Error, Source, Sources, Value, Ward, World, WorldBuilder};

use crate::support::{ATTENDANCE, CLINIC, NOW, at};

fn user(role: &str, places: &[EntityUid]) -> (EntityUid, Vec<(&'static str, Value)>) {
    const SETS: [&str; 10] = [
        "attendanceLeadAt",
        "primaryContactAt",
        "officeSupportAt",
        "workflowLeadAt",
        "caseManagerAt",
        "attendanceOfficerAt",
        "delegatedAuthoriserAt",
        "delegatedAuthoriserFor",
        "ministryTeams",
        "monitors",
    ];
    let mut attributes = vec![("loginActive", Value::Bool(true))];
    for name in SETS {
        let places = places.iter().filter(|_| name == role).cloned().map(Value::Entity);
        attributes.push((name, Value::set(places)));
    }
    if role == "caseManagerAt" {
        attributes.push(("providerAccessFrom", Value::Datetime(0)));
    }
    (EntityUid::new("User", "u"), attributes)
}

/// A world with one person, who has a role at places that are there.
fn world_of(role: &str, places: &[EntityUid]) -> (World, EntityUid) {
    let mut builder = WorldBuilder::new(ATTENDANCE.schema());
    let (uid, attributes) = user(role, places);
    builder.add(&uid, attributes);
    for place in places.iter().filter(|place| place.type_name() != "MinistryTeam") {
        let kind = if place.type_name() == "School" { "state" } else { "asp" };
        builder.add(place, [("kind", Value::from(kind))]);
    }
    (builder.finish().unwrap(), uid)
}

fn filter(role: &str, places: &[EntityUid], mapping: &Mapping, dialect: Dialect) -> Result<Filter, Error> {
    let (world, uid) = world_of(role, places);
    let database = Database::new(ATTENDANCE.schema(), mapping, dialect)?;
    ATTENDANCE.filter(&world, &query(&uid, "viewSummary", "Case", &at(NOW)), &database)
}

#[test]
fn somebody_without_a_role_or_who_is_not_there_sees_nothing() {
    for dialect in Dialect::ALL {
        let none = filter("", &[], &Mapping::default(), dialect).unwrap();
        assert_eq!((none.sql.as_str(), none.params.as_slice()), ("FALSE", &[][..]));
        let (world, _) = world_of("", &[]);
        let database = Database::new(ATTENDANCE.schema(), &Mapping::default(), dialect).unwrap();
        let nobody = EntityUid::new("User", "nobody");
        let none =
            ATTENDANCE.filter(&world, &query(&nobody, "viewSummary", "Case", &at(NOW)), &database).unwrap();
        assert_eq!(none.sql, "FALSE");
        assert_eq!(&none.provenance.policy_hash, ATTENDANCE.policy_hash());
    }
}

#[test]
fn a_filter_holds_what_concerns_the_person_alone() {
    let northcote = [EntityUid::new("School", "northcote'; --")];
    let mapping = Mapping { foreign_keys: true, ..Mapping::default() };
    for (dialect, expected) in [
        (
            Dialect::Postgres,
            r#""case"."status" = ANY ($1::text[]) AND "case"."student" IN (SELECT t1."id" FROM "student" AS t1 WHERE t1."enrolled_at" = $2)"#,
        ),
        (
            Dialect::Sqlite,
            r#""case"."status" IN (?1, ?2) AND "case"."student" IN (SELECT t1."id" FROM "student" AS t1 WHERE t1."enrolled_at" = ?3)"#,
        ),
        (
            Dialect::DuckDb,
            r#""case"."status" IN ($1, $2) AND "case"."student" IN (SELECT t1."id" FROM "student" AS t1 WHERE t1."enrolled_at" = $3)"#,
        ),
        (
            Dialect::Spark,
            "`case`.`status` IN (:p1, :p2) AND EXISTS (SELECT 1 FROM `student` AS t1 WHERE t1.`id` = `case`.`student` AND t1.`enrolled_at` = :p3)",
        ),
    ] {
        let filter = filter("attendanceLeadAt", &northcote, &mapping, dialect).unwrap();
        assert_eq!(filter.sql, expected);
        assert_eq!(filter.params.last(), Some(&Parameter::Text("northcote'; --".into())));
        assert!(filter.setup.is_empty());
    }
}

#[test]
fn each_way_to_a_case_is_a_look_up_of_its_own() {
    let provider = [EntityUid::new("Provider", "p1")];
    let mapping = Mapping { foreign_keys: true, ..Mapping::default() };
    let sql = filter("caseManagerAt", &provider, &mapping, Dialect::Postgres).unwrap().sql;
    let (ways, of) =
        (sql.matches("UNION ALL").count() + 1, sql.matches("SELECT t0.\"id\" FROM \"case\" AS t0").count());
    assert_eq!((ways, of), (3, 3), "{sql}");
    assert!(
        sql.starts_with("\"case\".\"id\" IN (SELECT t0.\"id\" ") && sql.matches("\"case\".").count() == 1,
        "{sql}"
    );
    assert!(sql.contains("t0.\"case_manager\" = ") && sql.contains("\"current_case_manager\" = "), "{sql}");
    // SQLite looks up each alternative by itself.
    let sql = filter("caseManagerAt", &provider, &mapping, Dialect::Sqlite).unwrap().sql;
    assert!(!sql.contains("UNION") && sql.contains("\"case\".\"case_manager\" = "), "{sql}");
    // One way alone needs no query of its own.
    let sql = filter("primaryContactAt", &[EntityUid::new("School", "s")], &mapping, Dialect::Postgres)
        .unwrap()
        .sql;
    assert!(!sql.contains("UNION") && sql.contains("\"case\".\"primary_contact\" = "), "{sql}");
}

#[test]
fn collations_are_named_where_columns_may_have_some() {
    let northcote = [EntityUid::new("School", "northcote")];
    let mapping = Mapping { foreign_keys: true, collations: true, ..Mapping::default() };
    for (dialect, collation) in [(Dialect::Sqlite, "COLLATE BINARY"), (Dialect::Postgres, "COLLATE \"C\"")] {
        let filter = filter("attendanceLeadAt", &northcote, &mapping, dialect).unwrap();
        assert_eq!(filter.sql.matches(collation).count(), 3, "{}", filter.sql);
    }
    let error = filter("attendanceLeadAt", &northcote, &mapping, Dialect::DuckDb).unwrap_err();
    assert!(error.is_mapping() && error.to_string().contains("`collations`"), "{error}");
}

#[test]
fn ten_thousand_schools_are_one_list() {
    let schools: Vec<EntityUid> = (0..10_000).map(|n| EntityUid::new("School", format!("s{n}"))).collect();
    for dialect in Dialect::ALL {
        let filter = filter("attendanceLeadAt", &schools, &Mapping::default(), dialect).unwrap();
        assert!(filter.sql.len() < 600 && filter.params.len() <= 3, "{}", filter.sql);
        match dialect {
            Dialect::Spark => assert_eq!(filter.setup[0].rows.len(), 10_000),
            _ => assert!(filter.setup.is_empty()),
        }
    }
}

#[test]
fn a_filter_holds_for_a_window_of_time() {
    let rolled_out = 1_772_190_000_000;
    let (world, uid) = world_of("attendanceLeadAt", &[EntityUid::new("School", "s")]);
    let database = Database::new(ATTENDANCE.schema(), &Mapping::default(), Dialect::Sqlite).unwrap();
    let at =
        |now| ATTENDANCE.filter(&world, &query(&uid, "viewSummary", "Case", &at(now)), &database).unwrap();
    let (before, after) = (at(rolled_out - 1), at(rolled_out));
    assert_eq!((before.valid_from, before.valid_until), (None, Some(rolled_out - 1)));
    assert_eq!((after.valid_from, after.valid_until), (Some(rolled_out), None));
    assert_eq!(before.sql, "FALSE");
    assert_ne!(after.sql, "FALSE");
}

#[test]
fn the_mapping_says_where_things_are() {
    let mapping = Mapping::from_toml(
        r#"
        foreign_keys = true
        [types.Case]
        table = "app.the cases"
        alias = 'c"'
        [types.Case.attributes]
        student = "student_id"
        [types.Student]
        table = "pupils"
        id = "nsn"
        [types.Student.attributes]
        enrolledAt = "school"
        "#,
    )
    .unwrap();
    let northcote = [EntityUid::new("School", "northcote")];
    let sql = filter("attendanceLeadAt", &northcote, &mapping, Dialect::DuckDb).unwrap().sql;
    let end = r#""c"""."student_id" IN (SELECT t1."nsn" FROM "pupils" AS t1 WHERE t1."school" = $3)"#;
    assert!(sql.ends_with(end), "{sql}");
    let database = Database::new(ATTENDANCE.schema(), &mapping, Dialect::DuckDb).unwrap();
    assert_eq!(database.select("Case").unwrap(), r#"SELECT "c"""."id" FROM "app"."the cases" AS "c""""#);
}

#[test]
fn facts_that_the_world_knows_are_put_in() {
    let provider = [EntityUid::new("Provider", "p")];
    let (world, uid) = world_of("monitors", &provider);
    let team = Value::set([Value::Entity(EntityUid::new("MinistryTeam", "regionalContracts"))]);
    world.apply(&Changes::new().set(&uid, "ministryTeams", team)).unwrap();
    let sql = |toml: &str| {
        let mapping = Mapping::from_toml(toml).unwrap();
        let database = Database::new(ATTENDANCE.schema(), &mapping, Dialect::Postgres).unwrap();
        ATTENDANCE.filter(&world, &query(&uid, "viewSummary", "Case", &at(NOW)), &database).unwrap()
    };
    let (read, known) = (sql(""), sql("[types.Provider]\nfrom = 'world'"));
    assert!(read.sql.contains(r#"FROM "provider""#), "{}", read.sql);
    assert!(!known.sql.contains(r#""provider" AS"#) && known.sql.contains("unnest"), "{}", known.sql);
    assert_eq!(known.provenance.version, 2);
}

#[test]
fn what_a_mapping_gets_wrong_is_named() {
    for (toml, why) in [
        ("[types.Cas]", "did you mean `Case`?"),
        ("[types.Case.attributes]\nstudnt = 'x'", "`Case` has no attribute or field `studnt`"),
        ("[types.Case.attributes]\nteam = 'x'", "`team` of `Case` is a Set<User>"),
        ("[types.Case.attributes]\nstatus = { column = 'x', as = 'timestamp' }", "no timestamp holds"),
        (
            "[types.Case.ancestors.School]\ntable='x'\nid='x'\nancestor='x'",
            "no entity of type `Case` lies in",
        ),
        ("[types.Case.tags]\ntable='x'\nid='x'\ntag='x'\nvalue='x'", "`Case` has no tags"),
        ("[types.Case]\ntabel = 'x'", "unknown field `tabel`"),
        ("[types.Case", "line 1, column 12: "),
        ("[types.Case.attributes]\nstatus = 7", "line 2, column 10: a place is a column's name"),
        ("[types.Case]\ntable = ''", "`Case`: `` is no name for a part of a table's name"),
        ("[types.Case]\ntable = 'app..cases'", "is no name for a part"),
        ("[types.Case.attributes]\nstatus = ''", "`Case`: `` is no name for a column"),
        ("[types.Case]\nid = \"a\\u0000b\"", "is no name for a column"),
        (
            "[types.Case]\ntable = 't'\n[types.School]\ntable = 't'",
            "`Case` and `School` are both in the table `t`, by the column `id`",
        ),
        (
            "[types.Case.attributes]\nprovider = 'x'\nschool = 'x'",
            "`Case`: `provider` and `school` are both in the column `x`",
        ),
        (
            "[types.Case.attributes]\nopenedAt = { column = 'x', as = 'timestamp' }\nstatus = 'x'",
            "`Case`: `openedAt` and `status` are both in the column `x`",
        ),
        ("[types.Case.attributes]\nopenedAt = 'id'", "`openedAt` is in the column `id`, which holds the ids"),
        (
            "[types.User.attributes]\nmonitors = { table = 't', id = 'u', value = 'v' }\n\
             workflowLeadAt = { table = 't', id = 'u', value = 'v' }",
            "`User`: `monitors` and `workflowLeadAt` are both in the column `v` of the table `t`",
        ),
        (
            "[types.Case.attributes]\nteam = { table = 't', id = 'u', value = 'u' }",
            "whose set it is and what is in it are both in the column `u`",
        ),
    ] {
        let made = Mapping::from_toml(toml)
            .and_then(|mapping| Database::new(ATTENDANCE.schema(), &mapping, Dialect::Postgres).map(|_| ()));
        let error = made.unwrap_err();
        assert!(error.is_mapping() && error.to_string().contains(why), "{toml}: {error}");
    }
    let toml = "[types.Case.attributes]\nopenedAt = { column = 'opened', as = 'timestamp' }";
    let mapping = Mapping::from_toml(toml).unwrap();
    let error = Database::new(ATTENDANCE.schema(), &mapping, Dialect::Sqlite).unwrap_err();
    assert!(error.is_mapping() && error.to_string().contains("no type for them"), "{error}");
    // What can be meant: two names that PostgreSQL tells apart, an id that is an attribute, types by columns of their own.
    let meant = "[types.Student]\nid = 'nsn'\ntable = 't'\n[types.Student.attributes]\nnsn = 'nsn'\n\
                 [types.Case]\ntable = 't'\n[types.Case.attributes]\nprovider = 'x'\nschool = 'X'";
    let mapping = Mapping::from_toml(meant).unwrap();
    let database = Database::new(ATTENDANCE.schema(), &mapping, Dialect::Postgres).unwrap();
    let create = database.create();
    let students = create.iter().find(|text| text.contains("\"enrolled_at\" ")).unwrap();
    assert_eq!(students.matches("\"nsn\" TEXT").count(), 1, "{students}");
    let error = Database::new(ATTENDANCE.schema(), &mapping, Dialect::DuckDb).unwrap_err();
    assert!(error.to_string().contains("`provider` and `school` are both in the column `X`"), "{error}");
    assert!("mysql".parse::<Dialect>().unwrap_err().to_string().contains("`mysql`: they are postgres, "));
    assert!("sqlit".parse::<Dialect>().unwrap_err().to_string().contains("did you mean `sqlite`?"));
}

#[test]
fn a_column_that_is_missing_is_named_with_the_policy_that_reads_it() {
    let mapping = Mapping { defaults: false, ..Mapping::default() };
    let error = filter("attendanceLeadAt", &[EntityUid::new("School", "s")], &mapping, Dialect::Sqlite);
    let error = error.unwrap_err();
    assert!(error.is_untranslatable(), "{error}");
    let text = error.to_string();
    assert!(text.contains("the mapping has no column for `") && text.contains("policy `"), "{text}");
}

#[test]
fn what_has_no_translation_is_refused_with_its_place() {
    let mut builder = WorldBuilder::new(CLINIC.schema());
    let staff = EntityUid::new("Clinic::Staff", "boss");
    builder.add(
        &staff,
        [
            ("level", Value::Long(5)),
            ("rate", Value::Decimal(0)),
            ("desk", Value::Ip(caseward::Ip { address: [10, 0, 0, 1].into(), prefix: 32 })),
            ("since", Value::Datetime(0)),
            ("badges", Value::set([])),
            ("grades", Value::set([])),
            ("badge", Value::Entity(EntityUid::new("Clinic::Colour", "green"))),
        ],
    );
    let world = builder.finish().unwrap();
    let from = Value::Ip(caseward::Ip { address: [10, 0, 0, 2].into(), prefix: 32 });
    let context = Context::at(NOW).with("from", from);
    for dialect in Dialect::ALL {
        let database = Database::new(CLINIC.schema(), &Mapping::default(), dialect).unwrap();
        let made = CLINIC.filter(&world, &query(&staff, "read", "Clinic::Record", &context), &database);
        if dialect == Dialect::Postgres {
            assert!(made.unwrap().sql.contains("<<="));
            continue;
        }
        let error = made.unwrap_err();
        let problem = &error.problems()[0];
        assert!(error.is_untranslatable() && problem.source == "records/boss.cedar", "{error}");
        let text = &CLINIC.source("records.boss").unwrap().text[problem.span.unwrap().range()];
        assert_eq!(text, "context.from.isInRange(resource.network)");
        assert!(problem.message.starts_with("policy `records.boss`: "), "{error}");
    }
}

#[test]
fn a_text_that_postgres_does_not_have_is_refused_only_where_the_world_knows_it() {
    let schema = "entity Shelf = { name: String }; entity P; entity Book = { shelf: Shelf, name: String };
        action a, b, c appliesTo { principal: P, resource: Book };";
    let policies = [
        r#"@id("a") permit (principal, action == Action::"a", resource) unless { resource.name like "*\0*" };"#,
        r#"@id("b") permit (principal, action == Action::"b", resource) when { resource.shelf.name == "v\0x" };"#,
        r#"@id("c") permit (principal, action == Action::"c", resource) unless { resource.shelf == Shelf::"v\0x" };"#,
    ];
    let ward = Ward::new(&Sources {
        schema: Source::new("schema", schema),
        policies: policies
            .into_iter()
            .enumerate()
            .map(|(n, text)| Source::new(format!("p{n}"), text))
            .collect(),
        catalogue: None,
    })
    .unwrap();
    let p = EntityUid::new("P", "p");
    let filters = |name: &str| {
        let mut builder = WorldBuilder::new(ward.schema());
        builder.add(&p, []);
        builder.add(&EntityUid::new("Shelf", "v\0x"), [("name", Value::from("v\0x"))]);
        builder.add(&EntityUid::new("Shelf", "v"), [("name", Value::from(name))]);
        let world = builder.finish().unwrap();
        let mapping = Mapping::from_toml("foreign_keys = true\n[types.Shelf]\nfrom = 'world'").unwrap();
        let database = Database::new(ward.schema(), &mapping, Dialect::Postgres).unwrap();
        ["a", "b", "c"]
            .map(|action| ward.filter(&world, &query(&p, action, "Book", &Context::new()), &database))
    };
    // No column of PostgreSQL holds it: its equal is nowhere, and the world's own row is never looked for.
    let [a, b, c] = filters("other").map(|filter| filter.unwrap());
    assert_eq!(
        (a.sql.as_str(), c.sql.as_str()),
        (r#""book"."name" IS NOT NULL"#, r#""book"."shelf" IS NOT NULL"#)
    );
    assert!(
        b.sql.contains("FALSE") && b.params.iter().all(|one| !format!("{one:?}").contains("\\0")),
        "{b:?}"
    );
    let [_, refused, _] = filters("v\0x");
    let error = refused.unwrap_err();
    assert!(
        error.is_untranslatable() && error.to_string().contains("policy `b`: it asks for a text with a NUL"),
        "{error}"
    );
}

#[test]
fn a_list_has_the_type_of_what_is_looked_for_in_it() {
    let schema = "entity P; entity Door = { from: ipaddr, at: datetime, name: String };
        action a, b, c appliesTo { principal: P, resource: Door };";
    let policies = [
        r#"@id("a") permit (principal, action == Action::"a", resource)
        when { resource.from == ip("10.0.0.1") || resource.from == ip("10.0.0.2") };"#,
        r#"@id("b") permit (principal, action == Action::"b", resource)
        when { resource.at == datetime("1970-01-01") || resource.at == datetime("1970-01-02") };"#,
        r#"@id("c") permit (principal, action == Action::"c", resource)
        when { resource.name == "x" || resource.name == "y" };"#,
    ];
    let ward = Ward::new(&Sources {
        schema: Source::new("schema", schema),
        policies: policies
            .into_iter()
            .enumerate()
            .map(|(n, text)| Source::new(format!("p{n}"), text))
            .collect(),
        catalogue: None,
    })
    .unwrap();
    let p = EntityUid::new("P", "p");
    let mut builder = WorldBuilder::new(ward.schema());
    builder.add(&p, []);
    let world = builder.finish().unwrap();
    let database = Database::new(ward.schema(), &Mapping::default(), Dialect::Postgres).unwrap();
    let sql = ["a", "b", "c"].map(|action| {
        ward.filter(&world, &query(&p, action, "Door", &Context::new()), &database).unwrap().sql
    });
    assert_eq!(
        sql,
        [
            r#""door"."from" = ANY ($1::text[]::inet[])"#,
            r#""door"."at" = ANY ($1::bigint[])"#,
            r#""door"."name" = ANY ($1::text[])"#
        ]
    );
}

#[test]
fn a_filter_goes_into_a_query_that_has_more_in_it() {
    let (world, uid) = world_of("attendanceLeadAt", &[EntityUid::new("School", "s%")]);
    let database = Database::new(ATTENDANCE.schema(), &Mapping::default(), Dialect::Postgres).unwrap();
    let made = |options: FilterOptions| {
        ATTENDANCE.filter_with(&world, &query(&uid, "viewSummary", "Case", &at(NOW)), &database, &options)
    };
    let plain = ATTENDANCE.filter(&world, &query(&uid, "viewSummary", "Case", &at(NOW)), &database).unwrap();
    assert_eq!(made(FilterOptions::default()).unwrap(), plain);
    assert_eq!(plain.signs, ["$1", "$2"]);
    let third = made(FilterOptions::default().first_parameter(3).alias("t1")).unwrap();
    let sql =
        plain.sql.replace("$2", "$4").replace("$1", "$3").replace("\"case\"", "\"t1\"").replace("t1.", "r1.");
    assert_eq!((third.sql, third.params), (sql.replace(" AS t1 ", " AS r1 "), plain.params.clone()));
    let unnumbered = made(FilterOptions::default().style(ParameterStyle::Format)).unwrap();
    assert_eq!(unnumbered.sql, plain.sql.replace("$1", "%s").replace("$2", "%s"));
    assert_eq!(unnumbered.params.len(), unnumbered.sql.matches("%s").count());
    let error = made(FilterOptions::default().first_parameter(0)).unwrap_err();
    assert!(error.is_request() && error.to_string().contains("numbered from 1"), "{error}");
}

#[test]
fn questions_that_make_no_sense_are_refused() {
    let (world, uid) = world_of("", &[]);
    let database = Database::new(ATTENDANCE.schema(), &Mapping::default(), Dialect::Sqlite).unwrap();
    for (action, ty, why) in [
        ("viewSumary", "Case", "did you mean `viewSummary`?"),
        ("viewSummary", "Cases", "did you mean `Case`?"),
        ("viewSummary", "School", "takes no resource of type `School`"),
        ("uploadFile", "Case", "`sizeBytes` is missing"),
    ] {
        let error = ATTENDANCE.filter(&world, &query(&uid, action, ty, &at(NOW)), &database).unwrap_err();
        assert!(error.is_request() && error.to_string().contains(why), "{error}");
    }
    let other = Database::new(CLINIC.schema(), &Mapping::default(), Dialect::Sqlite).unwrap();
    let error = ATTENDANCE.filter(&world, &query(&uid, "viewSummary", "Case", &at(NOW)), &other).unwrap_err();
    assert!(error.is_schema(), "{error}");
}

#[test]
fn names_are_quoted_and_never_the_same() {
    let schema =
        "entity E = { \"a\\\"b\": Long, \"A b\": Long, \"a_b\": Long, id: String, \"é\\u{0}`\": Bool };
        entity User; action a appliesTo { principal: User, resource: E };";
    let policy = Source::new(
        "all",
        "@id(\"all\") permit (principal, action, resource is E) when { resource.id == \"x\" && resource[\"a\\\"b\"] > 1 };",
    );
    let ward = Ward::new(&Sources {
        schema: Source::new("schema", schema),
        policies: vec![policy],
        catalogue: None,
    })
    .unwrap();
    for dialect in Dialect::ALL {
        let database = Database::new(ward.schema(), &Mapping::default(), dialect).unwrap();
        let create = database.create();
        let create = create.iter().find(|text| text.contains("a_b")).unwrap();
        for name in ["a_b", "a_b_2", "a_b_3", "id", "id_2"] {
            let quoted = if matches!(dialect, Dialect::Spark | Dialect::MariaDb) {
                format!("`{name}` ")
            } else {
                format!("\"{name}\" ")
            };
            assert_eq!(create.matches(&quoted).count(), 1, "{name}: {create}");
        }
    }
}
