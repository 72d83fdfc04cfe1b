//! Reports: tables of the cases that a report is about, for those who may have it.
//!
//! INVARIANT: how the counts of a published report are protected, the settings say and never a request: tables of one report by
//! two protections would tell what each leaves out.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use caseward::attendance::{self, ReportKind, ReportQuestion};
use caseward::{EntityUid, Group, Table, Zone};
use serde_json::json;

use super::{Parameters, Path, look};
use crate::app::App;
use crate::json;
use crate::problem::{ErrorBody, Problem};
use crate::who::Caller;
use crate::who::keys::Right;

/// Counts the cases that a report is about, by group.
#[utoipa::path(
    get, path = "/v1/reports/{kind}", tag = "Cases",
    params(("kind" = String, Path, description = "caseload, school, provider, national, performance, anonymised or prosecutions"),
        ("report" = Option<String>, Query, description = "Which report, such as `Report::\"t1\"`, where the person may see several of the kind"),
        ("by" = Option<Vec<String>>, Query, description = "What to group by, such as `status` or `month of openedAt`; often"),
        ("zone" = Option<String>, Query, description = "The time zone of periods: UTC, or a rule as in POSIX's TZ; not of a published report"),
        ("format" = Option<String>, Query, description = "json, or csv"),
        ("purpose" = Option<String>, Query, description = "What it is for; it is audited")),
    responses(
        (status = 200, description = "The table", content((Object = "application/json"), (String = "text/csv"))),
        (status = 400, description = "It cannot be read, or may not be grouped so", body = ErrorBody),
        (status = 404, description = "It is not there, or not to be seen", body = ErrorBody),
    ),
    security(("bearer" = []))
)]
pub(crate) async fn report(
    State(app): State<App>,
    caller: Caller,
    Path(kind): Path<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let person = caller.person(&app, Right::Read)?;
    let known = ["report", "by", "zone", "format", "purpose"];
    let parameters = parameters.only(&known)?;
    let is_csv = match parameters.get("format")? {
        None | Some("json") => false,
        Some("csv") => true,
        Some(_) => return Err(Problem::malformed("`format` is json or csv")),
    };
    let table = app.off(move |app| counted(app, &person, &kind, &parameters)).await?;
    if !is_csv {
        return Ok(json::respond(StatusCode::OK, &table));
    }
    let mut response = Response::new(Body::from(table.to_csv()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    Ok(response)
}

fn counted(app: &App, person: &EntityUid, name: &str, parameters: &Parameters) -> Result<Table, Problem> {
    let malformed = |error: caseward::Error| Problem::malformed(error.to_string());
    let kind = ReportKind::named(name).map_err(malformed)?;
    let zone = zone(parameters)?;
    if kind.in_aggregate && zone.is_some() {
        return Err(Problem::malformed(
            "a published report is in New Zealand's time: leave `zone` out, since tables of two calendars would tell the cases \
             between them",
        ));
    }
    let zone = zone.unwrap_or_else(attendance::zone);
    let texts: Vec<&str> = parameters.all("by").collect();
    let by: Result<Vec<Group>, _> = texts.iter().map(|text| Group::parse(text, &zone)).collect();
    let by = by.map_err(malformed)?;
    let named = parameters.get("report")?.map(str::parse::<EntityUid>).transpose();
    let named = named.map_err(|error| Problem::malformed(format!("`report`: {error}")))?;
    let (table, now) = app.ask(|moment| {
        let question = ReportQuestion {
            principal: person,
            kind: name,
            report: named.as_ref(),
            by: &by,
            now: moment.now,
            protection: &app.protection,
        };
        let table = attendance::report(moment.ward, moment.world, &question).map_err(malformed)?;
        Ok((table, moment.now))
    })?;
    let asked = json!({"kind": name, "report": named.as_ref().map(ToString::to_string), "by": texts});
    let mut read = look("report", person, asked, now, parameters.purpose()?);
    read.count = table.as_ref().and_then(|table| table.total().number());
    read.is_denied = table.is_none();
    app.audit(read)?;
    table.ok_or_else(Problem::unseen)
}

fn zone(parameters: &Parameters) -> Result<Option<Zone>, Problem> {
    let read = parameters.get("zone")?.map(str::parse::<Zone>).transpose();
    read.map_err(|error| Problem::malformed(format!("`zone`: {error}")))
}
