//! The world that everything is measured on.

use caseward::attendance::Sample;
use caseward::{EntityUid, Ward, World};

use crate::report::{Report, timed};

/// 2026-05-11T09:00:00+12:00
pub const NOW: i64 = 1_778_446_800_000;

pub struct Data {
    pub cases: usize,
    pub ward: Ward,
    pub world: World,
}

impl Data {
    pub fn new(cases: usize, report: &mut Report) -> Result<Self, caseward::Error> {
        let (ward, load) = timed(Ward::attendance);
        let ward = ward?;
        report.record("load/policies".into(), "caseward", "ns", load, ward.policies().len().to_string());
        let (world, generate) = timed(|| Sample { cases, seed: 1 }.build(&ward, &mut |_| {}));
        let world = world?;
        report.record(format!("generate/{cases}"), "caseward", "ns", generate, world.len().to_string());
        report.record(
            format!("memory/{cases}"),
            "caseward",
            "bytes",
            world.bytes() as f64,
            world.text_bytes().to_string(),
        );
        let mut json = Vec::new();
        let (_, write) = timed(|| world.write_json(&mut json));
        report.record(format!("write_json/{cases}"), "caseward", "ns", write, json.len().to_string());
        let (read, time) = timed(|| ward.read_world(json.as_slice()));
        assert_eq!(read?.len(), world.len());
        report.record(
            format!("read_json/{cases}"),
            "caseward",
            "ns",
            time,
            format!("{:.0} MB/s", json.len() as f64 / time * 1e3),
        );
        Ok(Data { cases, ward, world })
    }

    pub fn all(&self, ty: &str) -> Vec<EntityUid> {
        self.world.ids(ty).map(|id| EntityUid::new(ty, id)).collect()
    }
}
