//! The world that everything is measured on.

use std::sync::Arc;

use caseward::attendance::Sample;
use caseward::{ActionName, Context, EntityUid, Request, Value, Ward, World};

use crate::Failure;
use crate::report::{Report, timed};

/// 2026-05-11T09:00:00+12:00
pub const NOW: i64 = 1_778_446_800_000;

/// Up to here the data is written and read: beyond, its text takes gigabytes.
const MOST_AS_JSON: usize = 100_000;

/// Policies and data.
pub struct Data {
    pub cases: usize,
    pub ward: Ward,
    pub world: World,
}

impl Data {
    /// Generates the data, writes it and reads it back, timing each.
    ///
    /// # Errors
    /// Never for the policies that come with caseward.
    pub fn new(cases: usize, report: &mut Report) -> Result<Self, Failure> {
        let (ward, load) = timed(Ward::attendance);
        let ward = ward?;
        report.record("load/policies".into(), "caseward", "ns", load, ward.policies().len().to_string());
        let (world, generate) = timed(|| Sample { cases, seed: 1 }.build(&ward, &mut |_| {}));
        let world = world?;
        report.record(format!("generate/{cases}"), "caseward", "ns", generate, world.len().to_string());
        let data = Data { cases, ward, world };
        if cases <= MOST_AS_JSON {
            data.json(report)?;
        }
        Ok(data)
    }

    /// Writes the data and reads it back.
    fn json(&self, report: &mut Report) -> Result<(), Failure> {
        let Data { cases, ward, world } = self;
        let mut json = Vec::new();
        let (written, write) = timed(|| world.write_json(&mut json));
        written?;
        report.record(format!("write_json/{cases}"), "caseward", "ns", write, json.len().to_string());
        let (read, time) = timed(|| ward.read_world(json.as_slice()));
        assert_eq!(read?.len(), world.len());
        let speed = format!("{:.0} MB/s", json.len() as f64 / time * 1e3);
        report.record(format!("read_json/{cases}"), "caseward", "ns", time, speed);
        Ok(())
    }

    /// A world without a report, for tests and Criterion.
    ///
    /// # Errors
    /// As [`Data::new`].
    pub fn small(cases: usize) -> Result<Self, Failure> {
        let ward = Ward::attendance()?;
        let world = Sample { cases, seed: 1 }.build(&ward, &mut |_| {})?;
        Ok(Data { cases, ward, world })
    }

    /// Every entity of a type, in the order of the floor's numbers.
    pub fn all(&self, ty: &str) -> Vec<EntityUid> {
        self.world.ids(ty).into_iter().flatten().map(|id| EntityUid::new(ty, id)).collect()
    }
}

/// An action on records of a type, with what makes requests of numbers.
pub struct Question<'d> {
    pub action: &'static str,
    pub resource_type: &'static str,
    pub now: i64,
    user_type: Arc<str>,
    resource_name: Arc<str>,
    action_name: ActionName,
    users: Vec<&'d str>,
    resources: Vec<&'d str>,
}

impl<'d> Question<'d> {
    /// Asks whether people may do `action`.
    pub fn new(data: &'d Data, action: &'static str, resource_type: &'static str, now: i64) -> Self {
        Question {
            action,
            resource_type,
            now,
            user_type: "User".into(),
            resource_name: resource_type.into(),
            action_name: ActionName::new(action),
            users: data.world.ids("User").into_iter().flatten().collect(),
            resources: data.world.ids(resource_type).into_iter().flatten().collect(),
        }
    }

    /// The person's id.
    pub fn user_id(&self, user: u32) -> &'d str {
        self.users[user as usize]
    }

    /// The record's id.
    pub fn resource_id(&self, resource: u32) -> &'d str {
        self.resources[resource as usize]
    }

    /// The person.
    pub fn user(&self, user: u32) -> EntityUid {
        EntityUid::new(self.user_type.clone(), self.user_id(user))
    }

    /// The record.
    pub fn resource(&self, resource: u32) -> EntityUid {
        EntityUid::new(self.resource_name.clone(), self.resource_id(resource))
    }

    /// The circumstances.
    pub fn context(&self) -> Context {
        // As a field, so that Cedar reads it too.
        Context::new().with("now", Value::Datetime(self.now))
    }

    /// The request as caseward takes it.
    pub fn request(&self, user: u32, resource: u32) -> Request {
        let (principal, resource) = (self.user(user), self.resource(resource));
        Request::new(principal, self.action_name.clone(), resource).in_context(self.context())
    }
}
