//! `caseward mutate`: do the cases notice small changes of the policies?

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use caseward::author::{Drawing, Fate, Kind, Mutation, Mutations};
use caseward::{Sources, Ward};
use similar::TextDiff;

use crate::cases::CaseArgs;
use crate::check::Format;
use crate::exit::Exit;
use crate::failure::{Failure, printable};
use crate::proofs::{Proofs, Question};
use crate::terminal::{Palette, Terminal};
use crate::{missing, output, progress};

/// Change each policy in every small way, and show the changes that no case notices.
///
/// Operators, constants, conditions, guards, clauses, effects, heads and attributes are changed one at a time;
/// what makes no valid policy is left out. A survivor that a solver proves to decide as the original does is
/// none; what it cannot tell is one. Exit code 4 says that a mutant survived.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    cases: CaseArgs,
    /// Draw at most so many mutants, evenly from all.
    #[arg(long, value_name = "N")]
    bounded: Option<usize>,
    /// Which mutants --bounded draws.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Only mutants of policies whose id contains this.
    #[arg(long, value_name = "ID")]
    only: Option<String>,
    /// Ask no solver whether a survivor decides as its original does.
    #[arg(long)]
    no_proof: bool,
    /// Write to this new file, for each survivor that a solver tells apart, a case that notices it.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// How to answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    args.cases.policies.own()?;
    args.save.as_deref().map(missing::is_free).transpose()?;
    let suite = args.cases.load()?;
    let spinner = progress::spinner(terminal, "changing policies");
    let drawing =
        Drawing { bounded: args.bounded, seed: args.seed, policy: args.only.clone(), ..Drawing::default() };
    let mutations = suite.ward.mutate(suite.cases(), &drawing);
    spinner.finish_and_clear();
    let mut mutations = mutations?;
    if !args.no_proof {
        excuse(&mut mutations, &suite.ward, &args.cases.policies.sources()?, terminal);
    }
    if mutations.all.is_empty() {
        return Err(Failure::other("no policy can be changed: nothing was tried"));
    }
    if let Some(path) = &args.save {
        let sources = args.cases.policies.sources()?;
        output::besides(missing::of_mutants(path, &mutations, &suite.ward, &sources, terminal), terminal);
    }
    match args.format {
        Format::Text => output::print(&text(&suite.ward, &mutations, terminal.palette()))?,
        Format::Json => output::print_json(&mutations)?,
    }
    Ok(if mutations.survivors().next().is_none() { Exit::Success } else { Exit::Unmet })
}

/// Lets a solver excuse the survivors that change no decision; where there is none, they stay what they are.
pub(crate) fn excuse(mutations: &mut Mutations, ward: &Ward, sources: &Sources, terminal: &Terminal) {
    let asked = mutations.survivors().filter_map(|mutation| {
        Some((ward.source(&mutation.mutant.policy)?.clone(), mutation.mutant.changed.clone()))
    });
    let asked: Vec<Question> = asked.collect();
    if asked.is_empty() {
        return;
    }
    match Proofs::seek(sources, &asked, terminal) {
        Ok(proofs) => mutations.prove(ward, |_, changed| proofs.of(changed)),
        Err(why) => terminal.note(&format!("no survivor was proved equivalent: {}", printable(&why))),
    }
}

/// The survivors as patches, and the numbers.
pub(crate) fn text(ward: &Ward, mutations: &Mutations, palette: Palette) -> String {
    let Palette { good, bad, reset, .. } = palette;
    let mut out = String::new();
    for mutation in mutations.survivors() {
        let Mutation { mutant, fate } = mutation;
        let _ = writeln!(out, "{bad}survived{reset}: {} of {}", mutant.kind, printable(&mutant.policy));
        if let Fate::Survived { said: Some(said) } = fate {
            let _ = writeln!(out, "{}", printable(said));
        }
        out.push_str(&printable(&patch(ward, mutation)));
        out.push('\n');
    }
    let mut kinds: BTreeMap<Kind, (usize, usize)> = BTreeMap::new();
    for mutation in &mutations.all {
        let counts = kinds.entry(mutation.mutant.kind).or_default();
        counts.0 += 1;
        counts.1 += usize::from(matches!(mutation.fate, Fate::Survived { .. }));
    }
    for (kind, (made, survived)) in kinds {
        let _ = writeln!(out, "{kind:<10} {made:>6} mutants, {survived} survived");
    }
    let (survived, equivalent) = (mutations.survivors().count(), mutations.equivalent());
    let colour = if survived == 0 { good } else { bad };
    let _ = writeln!(
        out,
        "{colour}{survived} of {} mutants survived{reset}, {} killed ({} of them by which policies decide \
         alone), {equivalent} proved equivalent; {} changes made no other valid policy, {} were not drawn",
        mutations.all.len(),
        mutations.killed(),
        mutations.killed_by_reasons(),
        mutations.left_out,
        mutations.not_drawn
    );
    out
}

/// The change as a patch.
pub(crate) fn patch(ward: &Ward, mutation: &Mutation) -> String {
    let mutant = &mutation.mutant;
    let original = ward.source(&mutant.policy).map(|source| source.text.clone()).unwrap_or_default();
    let (from, to) = (format!("a/{}", mutant.changed.name), format!("b/{}", mutant.changed.name));
    let diff = TextDiff::from_lines(original.as_ref(), mutant.changed.text.as_ref());
    diff.unified_diff().context_radius(1).header(&from, &to).to_string()
}
