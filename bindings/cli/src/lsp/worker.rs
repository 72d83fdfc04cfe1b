//! What takes longer than an answer may: the whole folder looked at, and every case run, on a thread of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread;
use std::time::Duration;

use caseward::author::editor::{CasesChecked, Checked, Folder};

/// How long nobody types before a folder is looked at: until then the answers have the machine for themselves.
const QUIET: Duration = Duration::from_millis(100);

/// A folder as it stood.
pub(super) struct Job {
    pub(super) root: PathBuf,
    pub(super) folder: Folder,
    /// Which state of the folder it was.
    pub(super) state: u64,
}

/// What was found.
pub(super) enum Done {
    Checked { root: PathBuf, state: u64, checked: Box<Checked> },
    Cases { root: PathBuf, state: u64, cases: Box<CasesChecked> },
}

/// Starts the thread, which ends when nobody has jobs for it any more. `tell` hands over what it finds.
pub(super) fn start(tell: impl Fn(Done) -> bool + Send + 'static) -> Sender<Job> {
    let (jobs, waiting) = channel();
    thread::spawn(move || {
        let mut worker = Worker { waiting, latest: BTreeMap::new(), is_over: false };
        while let Some(job) = worker.next() {
            if !worker.work(job, &tell) {
                return;
            }
        }
    });
    jobs
}

struct Worker {
    waiting: Receiver<Job>,
    /// The last state of each folder that is still to be looked at.
    latest: BTreeMap<PathBuf, Job>,
    is_over: bool,
}

impl Worker {
    /// The next job; it waits for one.
    fn next(&mut self) -> Option<Job> {
        self.gather();
        if self.latest.is_empty() && !self.is_over {
            let job = self.waiting.recv().ok()?;
            self.latest.insert(job.root.clone(), job);
        }
        while !self.is_over {
            match self.waiting.recv_timeout(QUIET) {
                Ok(job) => {
                    self.latest.insert(job.root.clone(), job);
                }
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => self.is_over = true,
            }
        }
        self.latest.pop_first().map(|(_, job)| job)
    }

    fn gather(&mut self) {
        loop {
            match self.waiting.try_recv() {
                Ok(job) => {
                    self.latest.insert(job.root.clone(), job);
                }
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    self.is_over = true;
                    return;
                }
            }
        }
    }

    /// Whether there is a newer state of a folder to be looked at. Another folder waits.
    fn is_waited_for(&mut self, root: &Path) -> bool {
        self.gather();
        self.is_over || self.latest.contains_key(root)
    }

    /// Whether anybody listens.
    fn work(&mut self, job: Job, tell: &impl Fn(Done) -> bool) -> bool {
        let Job { root, folder, state } = job;
        let checked = Box::new(folder.check());
        if !tell(Done::Checked { root: root.clone(), state, checked: checked.clone() }) {
            return false;
        }
        // What was interrupted is done for the newer state.
        match folder.check_cases(&checked, &mut || !self.is_waited_for(&root)) {
            Ok(cases) => tell(Done::Cases { root, state, cases: Box::new(cases) }),
            Err(_) => true,
        }
    }
}
