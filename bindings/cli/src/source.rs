//! What a verb that asks is asked of: policies with a file of data, or a store, which audits what is read of it.

use std::path::PathBuf;

use caseward::{EntityUid, Listing, Query, Sorted, Ward, World};
use serde_json::Value as Json;

use crate::failure::Failure;
use crate::instant::NowArgs;
use crate::load::{DataArgs, PolicyArgs};
use crate::terminal::Terminal;

/// Policies, data and the moment that is asked about.
#[derive(clap::Args)]
pub(crate) struct SourceArgs {
    #[command(flatten)]
    policies: PolicyArgs,
    /// The data: Cedar's entities JSON or a snapshot, or `-` for standard input.
    #[arg(long, value_name = "FILE")]
    #[cfg_attr(feature = "store", arg(required_unless_present = "db"))]
    #[cfg_attr(not(feature = "store"), arg(required = true))]
    entities: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) now: NowArgs,
    #[cfg(feature = "store")]
    #[command(flatten)]
    db: stored::DbArgs,
}

/// What is asked, before the data is read: a question that makes no sense is told at once.
pub(crate) struct Source {
    pub(crate) ward: Ward,
    /// The `now` of the questions, in milliseconds since 1970.
    pub(crate) now: i64,
    from: From,
}

enum From {
    File(DataArgs),
    #[cfg(feature = "store")]
    Store(stored::Open),
}

/// Something that is about to be shown.
#[cfg_attr(not(feature = "store"), expect(dead_code, reason = "stores alone audit it"))]
pub(crate) struct Told<'a> {
    /// The verb.
    pub(crate) kind: &'static str,
    /// Who asks.
    pub(crate) by: Option<&'a EntityUid>,
    /// The record that it is about.
    pub(crate) on: Option<&'a EntityUid>,
    /// What was asked.
    pub(crate) asked: Json,
    /// The records or people that it tells of.
    pub(crate) told: Vec<EntityUid>,
    /// How many there are, where it does not tell which.
    pub(crate) count: Option<u64>,
    /// Whether nothing is shown because they may not see it, or it is not there.
    pub(crate) is_denied: bool,
}

impl<'a> Told<'a> {
    pub(crate) fn new(kind: &'static str, asked: impl Into<Json>) -> Self {
        Told {
            kind,
            by: None,
            on: None,
            asked: asked.into(),
            told: Vec::new(),
            count: None,
            is_denied: false,
        }
    }

    pub(crate) fn by(mut self, by: &'a EntityUid) -> Self {
        self.by = Some(by);
        self
    }

    pub(crate) fn on(mut self, on: &'a EntityUid) -> Self {
        self.on = Some(on);
        self
    }
}

impl SourceArgs {
    /// Opens the store, or reads the policies, for a question with this context.
    pub(crate) fn open(&self, context: &str) -> Result<Source, Failure> {
        #[cfg(feature = "store")]
        if let Some(source) = self.db.open(&self.now, context)? {
            return Ok(source);
        }
        let now = self.now.beside(context)?;
        let ward = self.policies.load()?;
        let entities = self.entities.clone().unwrap_or_default();
        Ok(Source { ward, now, from: From::File(DataArgs { entities }) })
    }

    /// Whether another moment than now is asked about, of a store.
    pub(crate) fn is_past(&self) -> bool {
        #[cfg(feature = "store")]
        return self.db.is_past();
        #[cfg(not(feature = "store"))]
        return false;
    }

    /// Whether the data comes by standard input.
    pub(crate) fn is_stdin(&self) -> bool {
        self.entities.as_deref().is_some_and(crate::input::is_dash)
    }
}

impl Source {
    /// Reads the data.
    pub(crate) fn world(&self, terminal: &Terminal) -> Result<World, Failure> {
        match &self.from {
            From::File(data) => data.load(&self.ward, terminal),
            #[cfg(feature = "store")]
            From::Store(open) => Ok(open.world()),
        }
    }

    /// A list in an order and by conditions; by content too, of a store as it is now.
    pub(crate) fn sorted(&self, world: &World, query: &Query, listing: &Listing) -> Result<Sorted, Failure> {
        #[cfg(feature = "store")]
        if let From::Store(open) = &self.from {
            return open.sorted(query, listing);
        }
        Ok(self.ward.sorted(world, query, listing)?)
    }

    /// The records that a count tells of, where what is told of is audited: a count of few tells of them too.
    pub(crate) fn counted(&self, world: &World, query: &Query) -> Result<Vec<EntityUid>, Failure> {
        let is_audited = !matches!(self.from, From::File(_));
        Ok(if is_audited { self.ward.list(world, query)? } else { Vec::new() })
    }

    /// Fields of content as they stand, by entity and name, where the data is a store's as of now.
    pub(crate) fn contents(
        &self,
        of: Vec<(EntityUid, String)>,
    ) -> Result<Option<Vec<Option<Json>>>, Failure> {
        match &self.from {
            From::File(_) => {
                drop(of);
                Ok(None)
            }
            #[cfg(feature = "store")]
            From::Store(open) => open.contents(of),
        }
    }

    /// Audits what is about to be shown, where the data is a store's.
    pub(crate) fn tell(&self, told: Told<'_>) -> Result<(), Failure> {
        match &self.from {
            From::File(_) => {
                drop(told);
                Ok(())
            }
            #[cfg(feature = "store")]
            From::Store(open) => open.audit(told, self.now),
        }
    }
}

#[cfg(feature = "store")]
mod stored {
    use std::path::PathBuf;

    use caseward::{EntityUid, Listing, Query, Sorted, World};
    use caseward_store::{Moment, Options, Past, Read, Store};
    use clap::ValueEnum;
    use clap::error::ErrorKind;
    use serde_json::{Value as Json, json};

    use super::{From, Source, Told};
    use crate::failure::Failure;
    use crate::instant::{self, NowArgs, parse};
    use crate::key::key_of;
    use crate::store::{failed, opened};

    /// A store, and the moment of it.
    #[derive(clap::Args)]
    pub(super) struct DbArgs {
        /// The data is a store's: the path of its database, or its address (postgres://…). What is read of it is audited; its
        /// policies decide.
        #[arg(long, value_name = "DB", conflicts_with_all = ["entities", "policies", "schema"])]
        db: Option<PathBuf>,
        /// The file of the key under which the store is encrypted, if it is; that which CASEWARD_KEY_FILE names without it.
        #[arg(long, value_name = "FILE", requires = "db")]
        key_file: Option<PathBuf>,
        /// What held at this instant, of a store; it is the question's `now`.
        #[arg(long, value_name = "RFC3339", value_parser = parse, allow_hyphen_values = true, requires = "db")]
        as_of: Option<i64>,
        /// As far as it was known at this instant, of a store; the store's clock by default.
        #[arg(long, value_name = "RFC3339", value_parser = parse, allow_hyphen_values = true, requires = "db")]
        known_at: Option<i64>,
        /// By the policies that were in force at --as-of, or that are now.
        #[arg(long, value_enum, default_value_t, requires = "db")]
        policies_of: PoliciesOf,
        /// Take --now for the store's clock: for tests and rehearsals.
        #[arg(long, requires = "db")]
        trust_now: bool,
        /// What the answer is for, in words; it is kept with the audited read.
        #[arg(long, value_name = "TEXT", requires = "db")]
        purpose: Option<String>,
    }

    #[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
    enum PoliciesOf {
        /// Those in force at the moment that is asked about.
        #[default]
        AsOf,
        /// Those in force now.
        Now,
    }

    /// An open store, at a moment.
    pub(super) struct Open {
        store: Store,
        past: Past,
        known_at: Option<i64>,
        is_past: bool,
        purpose: Option<String>,
    }

    impl DbArgs {
        pub(super) fn is_past(&self) -> bool {
            self.as_of.is_some() || self.known_at.is_some()
        }

        /// Refuses what is said of a store where none is named: an option beside `--entities` is not passed over.
        fn none_of_a_store(&self) -> Result<(), Failure> {
            let said = [
                ("--key-file", self.key_file.is_some()),
                ("--as-of", self.as_of.is_some()),
                ("--known-at", self.known_at.is_some()),
                ("--policies-of", self.policies_of == PoliciesOf::Now),
                ("--trust-now", self.trust_now),
                ("--purpose", self.purpose.is_some()),
            ];
            match said.iter().find(|(_, is_said)| *is_said) {
                Some((option, _)) => {
                    let why = format!("{option} is for a store: name it with --db");
                    Err(Failure::usage(ErrorKind::MissingRequiredArgument, why))
                }
                None => Ok(()),
            }
        }

        /// The store, where one is named.
        pub(super) fn open(&self, now: &NowArgs, context: &str) -> Result<Option<Source>, Failure> {
            let Some(path) = &self.db else { return self.none_of_a_store().map(|()| None) };
            if now.given().is_some() && !self.trust_now {
                let why = "--now is the store's clock, which is the machine's unless --trust-now takes it from the caller; \
                           --as-of asks about another moment";
                return Err(Failure::usage(ErrorKind::ArgumentConflict, why));
            }
            if instant::has_now(context) {
                let why = "`now` is in the context: the store's clock says it, or --as-of";
                return Err(Failure::other(why));
            }
            let key = key_of(self.key_file.as_deref()).map_err(failed)?;
            let mut options = Options::new().alone().with_key(key);
            if self.trust_now {
                options = options.trusting(now.given());
            }
            let store = opened(path, options).map_err(failed)?;
            let mut moment = Moment::default();
            (moment.as_of, moment.known_at) = (self.as_of, self.known_at);
            moment.todays_policies = self.policies_of == PoliciesOf::Now;
            let past = store.past(moment).map_err(failed)?;
            let (ward, now) = (past.ward.clone(), past.now);
            let is_past = self.is_past();
            let open = Open { store, past, known_at: self.known_at, is_past, purpose: self.purpose.clone() };
            Ok(Some(Source { ward, now, from: From::Store(open) }))
        }
    }

    impl Open {
        pub(super) fn world(&self) -> World {
            self.past.world.clone()
        }

        pub(super) fn sorted(&self, query: &Query, listing: &Listing) -> Result<Sorted, Failure> {
            match self.is_past {
                // What content said then is not kept.
                true => Ok(self.past.ward.sorted(&self.past.world, query, listing)?),
                false => self.store.list(query, listing).map_err(failed),
            }
        }

        pub(super) fn contents(
            &self,
            of: Vec<(EntityUid, String)>,
        ) -> Result<Option<Vec<Option<Json>>>, Failure> {
            // What was written since is none of a past moment.
            let found = match self.is_past {
                true => self.store.past_contents(&self.past, of),
                false => self.store.contents(of),
            };
            found.map(Some).map_err(failed)
        }

        pub(super) fn audit(&self, told: Told<'_>, now: i64) -> Result<(), Failure> {
            let mut read = Read::new(told.kind, now);
            read.by = told.by.cloned();
            read.on = told.on.cloned();
            read.asked = told.asked;
            if let (Some(known_at), Some(asked)) = (self.known_at, read.asked.as_object_mut()) {
                asked.insert("known_at".to_owned(), json!(instant::show(known_at)));
            }
            read.purpose.clone_from(&self.purpose);
            (read.told, read.count, read.is_denied) = (told.told, told.count, told.is_denied);
            self.store.audit(read).map(drop).map_err(failed)
        }
    }
}
