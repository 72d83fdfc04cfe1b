//! The solver: cvc5 as a process of its own, spoken to in SMT-LIB, with a deadline on every answer.
//!
//! INVARIANT: what a solver says counts only where it names itself and its version twice alike, and answers two
//! questions rightly whose answers are known. It is never waited for without a bound.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use cedar_policy_symcc::SmtLibScript as _;
use cedar_policy_symcc::solver::{self, Decision, DecisionWithModel, SolverError};

/// The environment variable that names the solver, as Cedar's own tools have it.
const VARIABLE: &str = "CVC5";
/// The oldest version whose answers were compared with those of newer ones.
const OLDEST: [u32; 3] = [1, 0, 3];
/// How long it may take over its own limit before it counts as hung.
const GRACE: Duration = Duration::from_secs(2);
/// How long it may take to say its name or answer what is known.
const PROMPT: Duration = Duration::from_secs(20);
/// Bytes of one model; more is no counterexample that anybody reads.
const MAX_MODEL: usize = 16 << 20;
/// Bytes of one line.
const MAX_LINE: u64 = 4 << 20;

/// Why there is no solver to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoSolver {
    /// There is none on this machine.
    Missing(String),
    /// It died, hung, or is not what it says.
    Faulty(String),
}

/// A solver that was found fit for use: cvc5, as a process of its own.
#[derive(Clone, Debug)]
pub struct Solver {
    path: PathBuf,
    version: String,
}

impl std::fmt::Display for NoSolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (NoSolver::Missing(why) | NoSolver::Faulty(why)) = self;
        f.write_str(why)
    }
}

impl std::error::Error for NoSolver {}

impl Solver {
    /// The solver that the environment variable `CVC5` names, or `cvc5` on the path; asked for its name and tried.
    ///
    /// # Errors
    /// [`NoSolver`], where there is none, or it is not what it says.
    pub fn find() -> Result<Self, NoSolver> {
        let path = match std::env::var_os(VARIABLE).filter(|name| !name.is_empty()) {
            Some(named) => {
                let path = PathBuf::from(named);
                let missing = || NoSolver::Missing(format!("{VARIABLE} names `{}`: no such file", path.display()));
                if path.components().count() == 1 { on_path(&path) } else { path.is_file().then(|| path.clone()) }
                    .ok_or_else(missing)?
            }
            None => on_path(Path::new("cvc5")).ok_or_else(|| {
                NoSolver::Missing(format!(
                    "there is no solver: install cvc5 (on Debian `apt-get install cvc5`), or name one in {VARIABLE}"
                ))
            })?,
        };
        let version = version_of(&path)?;
        let solver = Solver { path, version };
        // Whatever it is: it must answer what is known, as every session makes sure.
        Session::start(&solver, PROMPT)?;
        Ok(solver)
    }

    /// Its name and version, such as `cvc5 1.0.3`.
    pub fn name(&self) -> String {
        format!("cvc5 {}", self.version)
    }
}

fn on_path(name: &Path) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// What `--version` says.
fn version_of(path: &Path) -> Result<String, NoSolver> {
    let faulty = |why: String| NoSolver::Faulty(format!("`{}`: {why}", path.display()));
    let mut command = Command::new(path);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|e| faulty(e.to_string()))?;
    let stdout = child.stdout.take();
    let (send, receive) = channel();
    thread::spawn(move || {
        let mut text = Vec::new();
        if let Some(stdout) = stdout {
            let _ = stdout.take(MAX_LINE).read_to_end(&mut text);
        }
        let _ = send.send(String::from_utf8_lossy(&text).into_owned());
    });
    let said = receive.recv_timeout(PROMPT);
    let _ = child.kill();
    let _ = child.wait();
    let said = said.map_err(|_| faulty("it does not say its version".to_owned()))?;
    let version =
        said.split_once("cvc5 version ").map(|(_, rest)| rest.split_whitespace().next().unwrap_or(""));
    let version =
        version.ok_or_else(|| faulty("it does not say that it is cvc5, and its version".to_owned()))?;
    if numbers(version).is_none_or(|found| found < OLDEST) {
        let [a, b, c] = OLDEST;
        return Err(faulty(format!(
            "its version is `{}`; {a}.{b}.{c} or newer is needed",
            version.escape_debug()
        )));
    }
    Ok(version.to_owned())
}

/// `1.0.3` or `1.2.0-dev.12` as numbers.
fn numbers(version: &str) -> Option<[u32; 3]> {
    let plain = version.split(['-', '+']).next()?;
    let mut parts = plain.split('.').map(|part| part.parse::<u32>().ok());
    Some([parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?])
}

/// One process of the solver.
pub(crate) struct Session {
    child: Child,
    /// What is still to be sent.
    script: Vec<u8>,
    send: Sender<Vec<u8>>,
    lines: Receiver<Vec<u8>>,
    limit: Duration,
    /// Why it is of no use any longer.
    fault: Option<String>,
}

impl Session {
    /// Starts a process that gives up on a question after `limit`, and makes sure that it is what it says.
    pub(crate) fn start(solver: &Solver, limit: Duration) -> Result<Self, NoSolver> {
        let faulty = |why: String| NoSolver::Faulty(format!("`{}`: {why}", solver.path.display()));
        let mut command = Command::new(&solver.path);
        // `--tlimit` would bound the whole process, and with it all that comes later.
        // `like` with a wildcard at both ends becomes `str.contains`, which is asked for by an option of its own.
        command.args(["--lang", "smt", "--strings-exp"]).arg(format!("--tlimit-per={}", limit.as_millis()));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|e| faulty(e.to_string()))?;
        let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(faulty("it cannot be spoken to".to_owned()));
        };
        let (send, scripts) = channel::<Vec<u8>>();
        // In threads of their own, so that a solver that neither reads nor writes holds nobody up.
        thread::spawn(move || {
            for script in scripts {
                if stdin.write_all(&script).and_then(|()| stdin.flush()).is_err() {
                    return;
                }
            }
        });
        let (heard, lines) = sync_channel(64);
        thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            loop {
                let mut line = Vec::new();
                match stdout.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
                    Ok(1..) => {
                        if heard.send(line).is_err() {
                            return;
                        }
                    }
                    _ => return,
                }
            }
        });
        let mut session = Session { child, script: Vec::new(), send, lines, limit, fault: None };
        session.examine(&solver.version).map_err(|e| faulty(e.to_string()))?;
        Ok(session)
    }

    /// Why it is of no use any longer: it died, hung or spoke nonsense.
    pub(crate) fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// Asks for its name, and what is known.
    fn examine(&mut self, version: &str) -> Result<(), SolverError> {
        self.script.extend(b"(get-info :name)\n(get-info :version)\n");
        let named = [self.answer(PROMPT)?, self.answer(PROMPT)?].join(" ");
        let expected = format!("(:name \"cvc5\") (:version \"{version}\")");
        if named != expected {
            return Err(
                self.is_at_fault(format!("it says that it is cvc5 {version}, and then `{}`", clip(&named)))
            );
        }
        for (script, known) in [
            ("(set-logic ALL)\n(assert (= 1 2))\n(check-sat)\n", "unsat"),
            ("(reset)\n(set-logic ALL)\n(declare-const x Int)\n(assert (> x 1))\n(check-sat)\n", "sat"),
            ("(assert (< x 2))\n(check-sat)\n", "unsat"),
        ] {
            self.script.extend(script.as_bytes());
            let answer = self.answer(PROMPT)?;
            if answer != known {
                let why = format!("it answers `{}` where the answer is known to be {known}", clip(&answer));
                return Err(self.is_at_fault(why));
            }
        }
        Ok(())
    }

    fn is_at_fault(&mut self, why: String) -> SolverError {
        self.fault = Some(why.clone());
        let _ = self.child.kill();
        SolverError::Solver(why)
    }

    /// Sends what is written and reads a line.
    fn answer(&mut self, within: Duration) -> Result<String, SolverError> {
        if let Some(fault) = &self.fault {
            return Err(SolverError::Solver(fault.clone()));
        }
        if !self.script.is_empty() && self.send.send(std::mem::take(&mut self.script)).is_err() {
            return Err(self.is_at_fault("it died".to_owned()));
        }
        match self.lines.recv_timeout(within) {
            Ok(line) => Ok(String::from_utf8_lossy(&line).trim().to_owned()),
            Err(RecvTimeoutError::Timeout) => {
                Err(self.is_at_fault(format!("it hangs: no answer within {} s", within.as_secs())))
            }
            Err(RecvTimeoutError::Disconnected) => {
                let status = self.child.wait().map_or_else(|e| e.to_string(), |status| status.to_string());
                Err(self.is_at_fault(format!("it died ({status})")))
            }
        }
    }

    /// The lines of a model, from its opening bracket to its closing one.
    fn model(&mut self) -> Result<String, SolverError> {
        let until = Instant::now() + self.limit + GRACE;
        let mut model = self.answer(self.limit + GRACE)?;
        if model != "(" {
            return Err(self.is_at_fault(format!("it answers `{}` for a model", clip(&model))));
        }
        loop {
            let line = self.answer(until.saturating_duration_since(Instant::now()))?;
            model.push('\n');
            model.push_str(&line);
            if line == ")" {
                model.push('\n');
                return Ok(model);
            }
            if model.len() > MAX_MODEL {
                return Err(self.is_at_fault(format!("its model has more than {MAX_MODEL} bytes")));
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl solver::Solver for Session {
    fn smtlib_input(&mut self) -> &mut (dyn tokio::io::AsyncWrite + Unpin + Send) {
        &mut self.script
    }

    async fn enable_models(&mut self) -> Result<(), SolverError> {
        Ok(self.smtlib_input().set_option("produce-models", "true").await?)
    }

    async fn check_sat(&mut self) -> Result<Decision, SolverError> {
        self.script.extend(b"(check-sat)\n");
        let answer = self.answer(self.limit + GRACE)?;
        match answer.as_str() {
            "sat" => Ok(Decision::Sat),
            "unsat" => Ok(Decision::Unsat),
            "unknown" | "timeout" => Ok(Decision::Unknown),
            // Some versions leave at their limit with this word instead of the answer.
            _ if answer.contains("interrupted by timeout") => {
                self.fault = Some("it reached its limit".to_owned());
                Ok(Decision::Unknown)
            }
            other => Err(self.is_at_fault(format!("it answers `{}`", clip(other)))),
        }
    }

    async fn check_sat_with_model(&mut self) -> Result<DecisionWithModel, SolverError> {
        Ok(match self.check_sat().await? {
            Decision::Sat => {
                self.script.extend(b"(get-model)\n");
                DecisionWithModel::Sat { model: self.model()? }
            }
            Decision::Unsat => DecisionWithModel::Unsat,
            Decision::Unknown => DecisionWithModel::Unknown,
        })
    }
}

/// The start of what a solver said, fit for a message.
fn clip(text: &str) -> String {
    let clipped: String = text.chars().take(120).collect();
    clipped.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(numbers("1.0.3"), Some([1, 0, 3]));
        assert_eq!(numbers("1.2.0-dev.5"), Some([1, 2, 0]));
        assert_eq!(numbers("1.10"), Some([1, 10, 0]));
        assert!(numbers("1.0.10") > numbers("1.0.3"));
        for text in ["", "x", "1", "1.x.2", "1..2"] {
            assert_eq!(numbers(text), None, "{text}");
        }
    }
}
