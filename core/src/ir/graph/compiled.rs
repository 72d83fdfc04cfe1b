//! A program with its graph, where it has one.

use std::sync::{Arc, OnceLock};

use super::Graph;
use super::reasons::Reasons;
use super::test::{Facts, Given};
use crate::ir::{Evaluation, Program};
use crate::model::Action;
use crate::model::schema::Environment;
use crate::world::{Place, World};

/// A program of one environment, ready to decide.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) program: Arc<Program>,
    /// `None` where it would be too large.
    graph: Option<Graph>,
    /// As the graph; made where reasons are first asked for.
    reasons: OnceLock<Option<Reasons>>,
}

impl Compiled {
    pub(crate) fn new(
        program: Arc<Program>,
        world: &World,
        action: Option<&Action>,
        (principal, _, resource): Environment,
    ) -> Self {
        let graph = action.and_then(|action| Graph::new(&program, world, action, (principal, resource)));
        Compiled { program, graph, reasons: OnceLock::new() }
    }

    /// How many tests the graph has; `None` where there is none.
    #[cfg(feature = "testing")]
    pub(crate) fn tests(&self) -> Option<usize> {
        self.graph.as_ref().map(Graph::len)
    }

    #[inline]
    pub(crate) fn allows(
        &self,
        world: &World,
        principal: Place,
        resource: Place,
        context: &Given<'_>,
    ) -> bool {
        match &self.graph {
            Some(graph) if !world.is_overlaid() => {
                graph.allows(&Facts { world, program: &self.program, principal, resource, context })
            }
            _ => self.evaluate(world, principal, resource, context),
        }
    }

    /// Whether it is allowed, and the places of the policies that decide so; `None` where that has to be evaluated.
    pub(crate) fn decide(
        &self,
        world: &World,
        (principal, resource): (Place, Place),
        action: &Action,
        context: &Given<'_>,
    ) -> Option<(bool, Vec<usize>)> {
        if world.is_overlaid() {
            return None;
        }
        let make = || Reasons::new(&self.program, world, action, (principal.0, resource.0));
        let reasons = self.reasons.get_or_init(make).as_ref()?;
        reasons.decide(&Facts { world, program: &self.program, principal, resource, context })
    }

    pub(crate) fn evaluate(
        &self,
        world: &World,
        principal: Place,
        resource: Place,
        context: &Given<'_>,
    ) -> bool {
        Evaluation::new(&self.program, world, principal, Some(resource), &context.values).allows()
    }
}
