//! Whoever has a protected table, and knows how it was made, tries to find out what it does not tell.
//!
//! Two attackers. One reads the totals as equations and solves them for the largest and the smallest number that
//! each count can be, by linear programming: their matrix is totally unimodular, so that whole numbers are found.
//! The other knows the method itself: it protects every table that there is, and keeps those that come out as the
//! one that was published. Both must find what is left out where only small counts are, or they prove nothing.

use std::collections::{BTreeMap, BTreeSet};

use caseward::testing::{Choices, bytes, table};
use caseward::{Count, Key, Protected, Protection, RoundingKey, Table, Value};

const BELOW: u64 = 6;

/// Names of rows and columns.
const NAMES: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];

/// Counts with their totals, by row and column; the last of each are the totals. What is not told is `None`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Told(Vec<Vec<Option<u64>>>);

/// The counts of a table, with totals.
fn with_totals(cells: &[Vec<u64>]) -> Vec<Vec<u64>> {
    let mut all: Vec<Vec<u64>> =
        cells.iter().map(|row| row.iter().copied().chain([row.iter().sum()]).collect()).collect();
    all.push((0..all[0].len()).map(|at| all.iter().map(|row| row[at]).sum()).collect());
    all
}

fn key(at: usize, len: usize) -> Key {
    if at == len { Key::All } else { Key::Value(Value::from(NAMES[at])) }
}

fn table_of(cells: &[Vec<u64>]) -> Table {
    let counts = cells.iter().enumerate().flat_map(|(row, counts)| {
        counts.iter().enumerate().map(move |(column, count)| (vec![NAMES[row], NAMES[column]], *count))
    });
    table(&["row", "column"], &counts.collect::<Vec<_>>())
}

/// What a table of two groups tells.
fn told(table: &Table, rows: usize, columns: usize) -> Told {
    let count = |row, column| table.count(&[key(row, rows), key(column, columns)]).number();
    Told((0..=rows).map(|row| (0..=columns).map(|column| count(row, column)).collect()).collect())
}

fn suppressed(cells: &[Vec<u64>], below: u64) -> Told {
    let table = table_of(cells).protect(&Protection::Suppress { below }).unwrap();
    told(&table, cells.len(), cells[0].len())
}

/// What is told where only small counts are left out.
fn naive(cells: &[Vec<u64>], below: u64) -> Told {
    let hide = |count: u64| (count == 0 || count >= below).then_some(count);
    Told(with_totals(cells).into_iter().map(|row| row.into_iter().map(hide).collect()).collect())
}

impl Told {
    fn hidden(&self) -> Vec<(usize, usize)> {
        let rows = self.0.iter().enumerate();
        let places =
            rows.flat_map(|(row, counts)| counts.iter().enumerate().map(move |(at, c)| (row, at, c)));
        places.filter(|(_, _, count)| count.is_none()).map(|(row, column, _)| (row, column)).collect()
    }

    /// The equations that the hidden counts satisfy, each less what it is at least, which the attacker knows: one, and
    /// nought where it is nought. Signs by hidden count, and what they come to.
    fn equations(&self, truth: &[Vec<u64>]) -> Vec<(Vec<i64>, i64)> {
        let (rows, columns) = (self.0.len(), self.0[0].len());
        let hidden = self.hidden();
        let mut equations = Vec::new();
        let mut add = |places: Vec<(usize, usize)>| {
            let (mut signs, mut sum) = (vec![0; hidden.len()], 0);
            let last = places.len() - 1;
            for (nth, (row, column)) in places.into_iter().enumerate() {
                let sign = if nth == last { -1 } else { 1 };
                match self.0[row][column] {
                    Some(count) => sum -= sign * count as i64,
                    None => {
                        let at = hidden.iter().position(|place| *place == (row, column)).unwrap();
                        signs[at] = sign;
                        sum -= sign * truth[row][column].min(1) as i64;
                    }
                }
            }
            equations.push((signs, sum));
        };
        (0..rows).for_each(|row| add((0..columns).map(|column| (row, column)).collect()));
        (0..columns).for_each(|column| add((0..rows).map(|row| (row, column)).collect()));
        equations
    }

    /// The least and the most that each hidden count can be; `None` where there is no end.
    fn bounds(&self, truth: &[Vec<u64>]) -> Vec<(u64, Option<u64>)> {
        let equations = self.equations(truth);
        let hidden = self.hidden();
        let all = hidden.len();
        let least = |at: usize| truth[hidden[at].0][hidden[at].1].min(1) as i64;
        let bound = |at: usize, sign: i64| {
            let mut wanted = vec![0; all];
            wanted[at] = sign;
            largest(&equations, &wanted).map(|found| (least(at) + sign * found) as u64)
        };
        (0..all).map(|at| (bound(at, -1).unwrap(), bound(at, 1))).collect()
    }
}

/// The largest value of a sum under equations over numbers from nought up, by the simplex method in whole numbers;
/// `None` where there is no largest. The equations must have a solution.
fn largest(equations: &[(Vec<i64>, i64)], wanted: &[i64]) -> Option<i64> {
    let (all, rows) = (wanted.len(), equations.len());
    // A helper for each equation makes a first solution; then they must all become nought.
    let mut tableau: Vec<Vec<i64>> = Vec::new();
    for (row, (signs, sum)) in equations.iter().enumerate() {
        let turn = if *sum < 0 { -1 } else { 1 };
        let mut line: Vec<i64> = signs.iter().map(|sign| sign * turn).collect();
        line.extend((0..rows).map(|helper| i64::from(helper == row)));
        line.push(sum * turn);
        tableau.push(line);
    }
    let mut basis: Vec<usize> = (all..all + rows).collect();
    let helpers: Vec<i64> = (0..all + rows).map(|at| if at < all { 0 } else { -1 }).collect();
    let left = climb(&mut tableau, &mut basis, &helpers, all + rows).unwrap();
    assert_eq!(left, 0, "the equations have no solution");
    // Helpers that are still in the basis are nought; they leave it, or their equation says nothing new.
    for row in 0..rows {
        if basis[row] >= all
            && let Some(column) = (0..all).find(|at| tableau[row][*at] != 0)
        {
            pivot(&mut tableau, &mut basis, row, column);
        }
    }
    let costs: Vec<i64> = wanted.iter().copied().chain(vec![0; rows]).collect();
    climb(&mut tableau, &mut basis, &costs, all)
}

/// Goes up to the largest value of a sum, entering the first `usable` columns only; by the smallest number of those
/// that gain, so that it comes to an end.
fn climb(tableau: &mut [Vec<i64>], basis: &mut [usize], costs: &[i64], usable: usize) -> Option<i64> {
    loop {
        let gain = |column: usize| {
            let lost: i64 = tableau.iter().zip(&*basis).map(|(row, at)| costs[*at] * row[column]).sum();
            costs[column] - lost
        };
        let Some(column) = (0..usable).find(|column| !basis.contains(column) && gain(*column) > 0) else {
            let value = tableau.iter().zip(&*basis).map(|(row, at)| costs[*at] * row[row.len() - 1]).sum();
            return Some(value);
        };
        let rising = (0..tableau.len()).filter(|row| tableau[*row][column] > 0);
        let leaving = rising.min_by_key(|row| (*tableau[*row].last().unwrap(), basis[*row]))?;
        pivot(tableau, basis, leaving, column);
    }
}

fn pivot(tableau: &mut [Vec<i64>], basis: &mut [usize], at: usize, column: usize) {
    let by = tableau[at][column];
    assert_eq!(by.abs(), 1, "a totally unimodular matrix has no other");
    tableau[at].iter_mut().for_each(|value| *value *= by);
    let line = tableau[at].clone();
    for (row, values) in tableau.iter_mut().enumerate() {
        let times = values[column];
        if row != at && times != 0 {
            values.iter_mut().zip(&line).for_each(|(value, other)| *value -= times * other);
        }
    }
    basis[at] = column;
}

/// Sparse and dense tables, with large and small counts, some of them nested: each column in one row alone.
fn random(choices: &mut Choices<'_>) -> Vec<Vec<u64>> {
    let (rows, columns) = (1 + choices.below(6), 1 + choices.below(7));
    let kind = choices.below(4);
    let count = |choices: &mut Choices<'_>| match choices.below(6) {
        0 => 0,
        1 | 2 => choices.below(8) as u64,
        3 | 4 => choices.below(30) as u64,
        _ => choices.below(250) as u64 * 7,
    };
    let mut cells: Vec<Vec<u64>> =
        (0..rows).map(|_| (0..columns).map(|_| count(choices)).collect()).collect();
    for (row, counts) in cells.iter_mut().enumerate() {
        for (column, count) in counts.iter_mut().enumerate() {
            match kind {
                0 if column % rows != row => *count = 0,
                1 => *count %= 4,
                _ => {}
            }
        }
    }
    cells
}

#[test]
fn no_hidden_count_can_be_worked_out_by_linear_programming() {
    let (mut hidden_counts, mut broken, mut kept) = (0, 0, 0);
    let many = 400 * u64::from(crate::support::number("CASEWARD_CASES").unwrap_or(1));
    for seed in 0..many {
        let drawn = bytes(seed, 400);
        let cells = random(&mut Choices::new(&drawn));
        let counts = with_totals(&cells);
        let told = suppressed(&cells, BELOW);
        for ((row, column), (least, most)) in told.hidden().into_iter().zip(told.bounds(&counts)) {
            let count = counts[row][column];
            assert!(
                least <= count && most.is_none_or(|most| count <= most),
                "{cells:?}: the attack is wrong"
            );
            let wide = most.is_none_or(|most| most - least >= 3 * BELOW);
            assert!(wide, "{cells:?} tells {told:?}: {row},{column} is {least} to {most:?}");
            hidden_counts += 1;
        }
        for (told, truth) in told.0.iter().flatten().zip(counts.iter().flatten()) {
            assert!(
                told.is_none_or(|told| told == *truth && (told == 0 || told >= BELOW)),
                "{cells:?}: {told:?}"
            );
            kept += usize::from(told.is_some_and(|told| told > 0));
        }
        // The same attack on what leaves out the small counts alone.
        let naive = naive(&cells, BELOW);
        broken += naive.bounds(&counts).iter().filter(|(least, most)| *most == Some(*least)).count();
    }
    assert!(hidden_counts > 1_000 && kept > 1_000, "{hidden_counts} hidden, {kept} told");
    assert!(broken > 300, "only {broken} counts were found where small ones alone are left out");
}

/// Every table of a shape with a total of up to `most`.
fn every(rows: usize, columns: usize, most: u64) -> Vec<Vec<Vec<u64>>> {
    fn fill(cells: &mut Vec<u64>, left: usize, most: u64, found: &mut Vec<Vec<u64>>) {
        if left == 0 {
            found.push(cells.clone());
            return;
        }
        for count in 0..=most {
            cells.push(count);
            fill(cells, left - 1, most - count, found);
            cells.pop();
        }
    }
    let mut found = Vec::new();
    fill(&mut Vec::new(), rows * columns, most, &mut found);
    found.into_iter().map(|cells| cells.chunks(columns).map(<[u64]>::to_vec).collect()).collect()
}

/// A table, and the row and column of a count in it.
type Found = (Vec<Vec<u64>>, usize, usize);

/// Over all tables of a shape: hidden counts of which all that is told, and the method, leave one value only; and
/// how many hidden counts there are.
fn found_by_the_method(
    shape: (usize, usize, u64),
    method: impl Fn(&[Vec<u64>]) -> Told,
) -> (Vec<Found>, usize) {
    let (rows, columns, most) = shape;
    let mut alike: BTreeMap<Told, Vec<Vec<Vec<u64>>>> = BTreeMap::new();
    for cells in every(rows, columns, most) {
        alike.entry(method(&cells)).or_default().push(cells);
    }
    let (mut found, mut all) = (Vec::new(), 0);
    for (told, tables) in alike {
        // Where the total is left out, tables that are larger than all of these come out alike too.
        if told.0[rows][columns].is_none() {
            continue;
        }
        let counts: Vec<Vec<Vec<u64>>> = tables.iter().map(|cells| with_totals(cells)).collect();
        for (row, column) in told.hidden() {
            let values: BTreeSet<u64> = counts.iter().map(|counts| counts[row][column]).collect();
            all += 1;
            if values.len() == 1 {
                found.push((tables[0].clone(), row, column));
            }
        }
    }
    (found, all)
}

#[test]
fn whoever_knows_the_method_finds_no_hidden_count() {
    let mut hidden = 0;
    for (shape, below) in
        [((1, 3, 36), 4), ((1, 3, 36), 6), ((1, 4, 20), 4), ((2, 2, 22), 4), ((2, 2, 22), 6), ((2, 3, 14), 4)]
    {
        let (found, all) = found_by_the_method(shape, |cells| suppressed(cells, below));
        assert!(found.is_empty(), "{shape:?} below {below}: {} of {all}, as in {:?}", found.len(), found[0]);
        hidden += all;
        let (found, all) = found_by_the_method(shape, |cells| naive(cells, below));
        assert!(found.len() * 10 > all, "{shape:?} below {below}: small counts alone hide {all}");
    }
    assert!(hidden > 1_000, "{hidden} hidden counts in tables whose total is told");
}

/// Rows whose records are all in one column, and columns whose records are all in one row, as far as is told: where
/// there are two columns, or rows, with anything in them.
fn all_alike(told: &Told, truth: &[Vec<u64>]) -> Vec<String> {
    let (rows, columns) = (truth.len() - 1, truth[0].len() - 1);
    let listed = |line: &[u64]| line.iter().filter(|count| **count > 0).count();
    let mut found = Vec::new();
    for row in 0..rows {
        let zeros = (0..columns).filter(|at| truth[rows][*at] > 0 && told.0[row][*at] == Some(0)).count();
        let others = listed(&truth[rows][..columns]);
        if others > 1 && truth[row][columns] > 0 && zeros + 1 == others {
            found.push(format!("row {row}"));
        }
    }
    for column in 0..columns {
        let zeros = (0..rows).filter(|at| truth[*at][columns] > 0 && told.0[*at][column] == Some(0)).count();
        let others = truth[..rows].iter().filter(|row| row[columns] > 0).count();
        if others > 1 && truth[rows][column] > 0 && zeros + 1 == others {
            found.push(format!("column {column}"));
        }
    }
    found
}

/// A zero beside a total tells of everybody in the group.
#[test]
fn no_zero_tells_of_everybody_in_a_group() {
    let (mut alike, mut kept) = (0, 0);
    for seed in 0..400 * u64::from(crate::support::number("CASEWARD_CASES").unwrap_or(1)) {
        let drawn = bytes(seed, 400);
        let cells = random(&mut Choices::new(&drawn));
        let counts = with_totals(&cells);
        let told = suppressed(&cells, BELOW);
        assert_eq!(all_alike(&told, &counts), Vec::<String>::new(), "{cells:?}: {told:?}");
        alike += all_alike(&naive(&cells, BELOW), &counts).len();
        kept += told.0.iter().flatten().filter(|told| **told == Some(0)).count();
    }
    assert!(alike > 100 && kept > 500, "{alike} groups alike, {kept} zeros told");
}

#[test]
fn zeros_that_cannot_be_otherwise_are_told() {
    let counts = [(vec!["p1", "asp"], 40), (vec!["p2", "isp"], 30), (vec!["p3", "asp"], 20)];
    let protect = |by: [&str; 2]| table(&by, &counts).protect(&Protection::default()).unwrap();
    let key = |text: &str| Key::Value(Value::from(text));
    for by in [["provider", "provider.kind"], ["month of openedAt", "year of openedAt"]] {
        let told = protect(by);
        assert_eq!(told.count(&[key("p1"), key("isp")]), Count::Exact(0), "{by:?}");
        assert!(told.cells().iter().all(|line| line.count.number().is_some()), "{by:?}");
    }
    // By what does not follow from each other, all of p1 being `asp` is not told.
    let told = protect(["provider", "status"]);
    assert_eq!(told.count(&[key("p1"), key("isp")]), Count::Suppressed);
    assert_eq!(told.count(&[key("p1"), key("asp")]), Count::Suppressed);
    let shown = told.to_string();
    assert!(!shown.lines().any(|line| line.starts_with("p1") && line.contains(" 0 ")), "{shown}");
}

#[test]
fn one_group_alone_is_protected_too() {
    let protect = |counts: &[u64]| {
        let counts: Vec<_> = counts.iter().enumerate().map(|(at, n)| (vec![NAMES[at]], *n)).collect();
        let table = table(&["row"], &counts).protect(&Protection::default()).unwrap();
        let number = |key: Key| table.count(&[key]).number();
        (0..counts.len())
            .map(|at| number(key(at, counts.len())))
            .chain([number(Key::All)])
            .collect::<Vec<_>>()
    };
    // Nothing is small; one small count takes the next with it; two that are too few together a third.
    assert_eq!(protect(&[8, 9, 0]), [Some(8), Some(9), Some(0), Some(17)]);
    assert_eq!(protect(&[20, 3, 100]), [None, None, Some(100), Some(123)]);
    assert_eq!(protect(&[1, 2, 100, 30]), [None, None, None, Some(30), Some(133)]);
    // Who knows that both are small would know both.
    assert_eq!(protect(&[5, 5, 90, 80]), [None, None, None, Some(80), Some(180)]);
    // Where there is nothing else, the total.
    assert_eq!(protect(&[100, 3]), [None, None, Some(103)]);
    assert_eq!(protect(&[6, 1]), [None, None, None]);
    assert_eq!(protect(&[3]), [None, None]);
    assert_eq!(protect(&[4, 1]), [None, None, None]);
    assert_eq!(protect(&[]), [Some(0)]);
}

#[test]
fn a_table_without_groups_tells_no_small_number() {
    let protect = |count| table(&[], &[(vec![], count)]).protect(&Protection::default()).unwrap().total();
    assert_eq!([0, 5, 6].map(protect), [Count::Exact(0), Count::Suppressed, Count::Exact(6)]);
}

fn rounding(key: u8) -> Protection {
    Protection::Round(RoundingKey::new(std::array::from_fn::<u8, 32, _>(|n| key ^ n as u8)).unwrap())
}

#[test]
fn a_cell_is_rounded_alike_in_every_table() {
    let cells = [vec![7, 1, 40], vec![2, 2, 13]];
    let two = table_of(&cells).protect(&rounding(1)).unwrap();
    // The groups may come in any order.
    let turned: Vec<_> = (0..2)
        .flat_map(|row| (0..3).map(move |column| (row, column)))
        .map(|(row, column)| (vec![NAMES[column], NAMES[row]], cells[row][column]))
        .collect();
    let turned = table(&["column", "row"], &turned).protect(&rounding(1)).unwrap();
    for (row, column) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 3)] {
        let keys = [key(row, 2), key(column, 3)];
        assert_eq!(two.count(&keys), turned.count(&[keys[1].clone(), keys[0].clone()]));
    }
    assert_eq!(two.protected(), Some(Protected::Rounded { base: 3 }));
    assert!(
        two.cells().iter().all(|line| line.count != Count::Rounded(0)),
        "a zero that is told is one of many"
    );
    let all = two.total().number().unwrap() as f64;
    for line in two.cells() {
        let number = line.count.number().unwrap();
        assert_eq!(number % 3, 0);
        assert_eq!(two.percent(line.count), Some(number as f64 * 100.0 / all), "of what is told");
    }
}

#[test]
fn rounding_is_right_on_average_over_keys() {
    let cells = vec![vec![1, 2, 4], vec![5, 7, 11]];
    let mut sums = [0_u64; 6];
    let keys = 255;
    for key in 0..keys {
        let rounded = table_of(&cells).protect(&rounding(key)).unwrap();
        let told = told(&rounded, 2, 3);
        for (at, sum) in sums.iter_mut().enumerate() {
            *sum += told.0[at / 3][at % 3].unwrap();
        }
    }
    for (sum, count) in sums.iter().zip(cells.iter().flatten()) {
        // Within four standard deviations of the mean of 255 draws.
        let mean = *sum as f64 / f64::from(keys);
        assert!((mean - *count as f64).abs() < 0.36, "{count} is {mean} on average");
    }
}

#[test]
fn what_cannot_be_protected_is_refused() {
    let cells = table_of(&[vec![7, 1]]);
    for below in [0, 3, 1_001] {
        assert!(cells.protect(&Protection::Suppress { below }).unwrap_err().is_request());
    }
    let told = cells.protect(&Protection::default()).unwrap();
    let error = told.protect(&rounding(1)).unwrap_err();
    assert!(error.to_string().contains("protected already"), "{error}");
    let three = table(&["x", "y", "z"], &[(vec!["a", "b", "c"], 9)]);
    let error = three.protect(&Protection::default()).unwrap_err();
    assert!(error.is_request() && error.to_string().contains("more than two groups"), "{error}");
    assert!(three.protect(&rounding(1)).is_ok());
}
