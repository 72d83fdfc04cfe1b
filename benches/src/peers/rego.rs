//! Rego, on regorus: compiled once, for its virtual machine.

use std::sync::Arc;

use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;
use regorus::{Engine, Value};

use crate::Failure;
use crate::floor::Floor;
use crate::peers::facts::facts;

const RULES: &str = include_str!("case.rego");
const QUESTION: &str = "data.caseward.allow";

/// A virtual machine with the rules.
pub struct Rego(RegoVM);

impl Rego {
    /// Compiles the rules.
    ///
    /// # Errors
    /// Rules that regorus cannot read.
    pub fn new() -> Result<Self, Failure> {
        let mut engine = Engine::new();
        engine.add_policy("case.rego".to_owned(), RULES.to_owned())?;
        let compiled = engine.compile_with_entrypoint(&QUESTION.into())?;
        let program = Compiler::compile_from_policy(&compiled, &[QUESTION])?;
        let mut machine = RegoVM::new_with_policy(compiled);
        machine.load_program(Arc::clone(&program));
        Ok(Rego(machine))
    }

    /// Decides from the facts of a request.
    pub fn allows(&mut self, input: &Value) -> bool {
        self.0.set_input(input.clone());
        self.0.execute().is_ok_and(|answer| answer == Value::Bool(true))
    }
}

/// The facts of a request as regorus takes them.
pub fn input(floor: &Floor<'_>, user: u32, case: u32, now: i64) -> Value {
    Value::from(facts(floor, user, case, now))
}
