//! Laying compares out as instructions, from the end to the beginning.
//!
//! Every jump goes forward, so the end is written first and each instruction knows where its targets are. A compare is up to
//! three instructions, `ld`, `and`, jump, and is entered at the first one that isn't already done: a compare of the same
//! variable jumps to the jump. Conditional jumps reach 255 instructions; a target further away gets a stub in reach, a copy of
//! its `RET` or a `ja`.

use super::GenerateError;
use super::compares::{Compares, Step, StepId, Test};
use crate::bpf::{Instruction, MAX_INSTRUCTIONS, op};
use crate::graph::Variable;

/// The instructions, and which step each one belongs to.
pub(super) struct Layout {
    pub(super) instructions: Vec<Instruction>,
    pub(super) steps: Vec<StepId>,
}

/// Where a step can be entered, by how much of its work is done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Entry {
    /// The accumulator holds something else.
    Load = 0,
    /// It holds the whole word, or at least all bits of the variable.
    Mask = 1,
    /// It holds the variable.
    Jump = 2,
}

/// Lays out everything reachable from `start`.
///
/// # Errors
/// [`GenerateError::TooLong`] past the kernel's limit.
pub(super) fn emit(compares: &Compares, start: StepId) -> Result<Layout, GenerateError> {
    let reachable = compares.reachable(start);
    let fewest = reachable.len();
    if fewest > MAX_INSTRUCTIONS {
        return Err(GenerateError::TooLong { instructions: fewest });
    }
    let mut writer = Writer::new(compares, start, &reachable);
    for id in order(compares, start, &reachable) {
        writer.write(id);
    }
    let Writer { mut instructions, mut steps, .. } = writer;
    if instructions.len() > MAX_INSTRUCTIONS {
        return Err(GenerateError::TooLong { instructions: instructions.len() });
    }
    instructions.reverse();
    steps.reverse();
    Ok(Layout { instructions, steps })
}

/// The order in which steps are written, the last of the program first: returns, then each compare after its branches.
///
/// The branch written last stands right after its compare and needs no jump. That is the smaller one, to keep jumps short;
/// where it makes no difference, the false one, because a true branch that is next costs JSET one more converted instruction.
fn order(compares: &Compares, start: StepId, reachable: &[StepId]) -> Vec<StepId> {
    let mut order: Vec<StepId> = Vec::with_capacity(reachable.len());
    let mut written = vec![false; start.index() + 1];
    let sizes = sizes(compares, start, reachable);
    for &id in reachable {
        if matches!(compares.step(id), Step::Return(_)) {
            written[id.index()] = true;
            order.push(id);
        }
    }
    // Depth first with its own stack: programs are up to 4096 compares deep.
    let mut stack = vec![(start, false)];
    while let Some((id, branches_done)) = stack.pop() {
        if written[id.index()] {
            continue;
        }
        let Step::Compare { yes, no, test, .. } = compares.step(id) else { continue };
        if branches_done {
            written[id.index()] = true;
            order.push(id);
            continue;
        }
        stack.push((id, true));
        let yes_is_next = test != Test::AnyBit && sizes[yes.index()] < sizes[no.index()] && !written[yes.index()];
        let (next, far) = if yes_is_next { (yes, no) } else { (no, yes) };
        stack.push((next, false));
        stack.push((far, false));
    }
    order
}

/// How many compares hang below each step, shared ones counted again.
fn sizes(compares: &Compares, start: StepId, reachable: &[StepId]) -> Vec<u32> {
    let mut sizes = vec![0_u32; start.index() + 1];
    for &id in reachable {
        if let Step::Compare { yes, no, .. } = compares.step(id) {
            sizes[id.index()] = sizes[yes.index()].saturating_add(sizes[no.index()]).saturating_add(1);
        }
    }
    sizes
}

struct Writer<'a> {
    compares: &'a Compares,
    /// Backwards: the last instruction of the program first.
    instructions: Vec<Instruction>,
    steps: Vec<StepId>,
    /// For each step and entry, the index in `instructions` of the nearest place to jump to.
    places: Vec<[Option<usize>; 3]>,
    /// For each step, the entries that compares before it use.
    used: Vec<[bool; 3]>,
}

impl<'a> Writer<'a> {
    fn new(compares: &'a Compares, start: StepId, reachable: &[StepId]) -> Self {
        let mut used = vec![[false; 3]; start.index() + 1];
        used[start.index()][Entry::Load as usize] = true;
        for &id in reachable {
            if let Step::Compare { variable, test, k, yes, no } = compares.step(id) {
                for (target, entry) in entries(compares, variable, test, k, [yes, no]) {
                    used[target.index()][entry as usize] = true;
                }
            }
        }
        let places = vec![[None; 3]; start.index() + 1];
        Self { compares, instructions: Vec::new(), steps: Vec::new(), places, used }
    }

    fn write(&mut self, id: StepId) {
        match self.compares.step(id) {
            Step::Return(value) => {
                let at = self.push(id, Instruction::ret(value));
                self.places[id.index()] = [Some(at); 3];
            }
            Step::Compare { variable, test, k, yes, no } => {
                let operation = match test {
                    Test::Equal => op::JEQ,
                    Test::AtLeast => op::JGE,
                    Test::AnyBit => op::JSET,
                };
                let [yes, no] = entries(self.compares, variable, test, k, [yes, no]);
                let (jt, jf) = self.distances(yes, no);
                let jump = self.push(id, Instruction { code: op::JMP | operation | op::K, jt, jf, k });
                self.places[id.index()][Entry::Jump as usize] = Some(jump);
                let masked = variable.mask != u32::MAX;
                let [load, mask, _] = self.used[id.index()];
                if masked && (load || mask) {
                    let and = self.push(id, Instruction::statement(op::ALU | op::AND | op::K, variable.mask));
                    self.places[id.index()][Entry::Mask as usize] = Some(and);
                }
                if load {
                    let load = self.push(id, Instruction::load(variable.word.offset.into()));
                    self.places[id.index()][Entry::Load as usize] = Some(load);
                }
            }
        }
    }

    fn push(&mut self, id: StepId, instruction: Instruction) -> usize {
        self.instructions.push(instruction);
        self.steps.push(id);
        self.instructions.len() - 1
    }

    /// How far the branches of the next instruction are, after putting what is out of reach in reach.
    fn distances(&mut self, yes: (StepId, Entry), no: (StepId, Entry)) -> (u8, u8) {
        // A stub for one branch moves the other one further away by one, and is itself at distance 0 or 1: after two stubs both
        // branches are in reach.
        loop {
            match (self.distance(yes), self.distance(no)) {
                (Some(jt), Some(jf)) => return (jt, jf),
                (None, _) => self.stub(yes),
                (_, None) => self.stub(no),
            }
        }
    }

    fn distance(&self, (target, entry): (StepId, Entry)) -> Option<u8> {
        let place = self.places[target.index()][entry as usize]?;
        u8::try_from(self.instructions.len() - 1 - place).ok()
    }

    fn stub(&mut self, (target, entry): (StepId, Entry)) {
        let stub = match (self.compares.step(target), self.places[target.index()][entry as usize]) {
            (Step::Return(value), _) => Instruction::ret(value),
            (Step::Compare { .. }, place) => {
                // Branches are written before the compares that use them.
                let skip = self.instructions.len() - 1 - place.unwrap_or_default();
                Instruction::statement(op::JMP | op::JA, u32::try_from(skip).unwrap_or(u32::MAX))
            }
        };
        let at = self.push(target, stub);
        self.places[target.index()][entry as usize] = Some(at);
    }
}

/// Where the branches of a compare enter the steps they lead to.
fn entries(
    compares: &Compares,
    variable: Variable,
    test: Test,
    k: u32,
    [yes, no]: [StepId; 2],
) -> [(StepId, Entry); 2] {
    [(yes, entry(compares, variable, None, yes)), (no, entry(compares, variable, bound(test, k), no))]
}

/// What the value is known to be below on the false branch of a test.
fn bound(test: Test, k: u32) -> Option<u32> {
    (test == Test::AtLeast).then_some(k)
}

/// Where a compare of `variable` enters a step that follows it, on a branch where the value is below `below`.
fn entry(compares: &Compares, variable: Variable, below: Option<u32>, target: StepId) -> Entry {
    let Step::Compare { variable: own, .. } = compares.step(target) else { return Entry::Load };
    if own == variable {
        Entry::Jump
    } else if own.word != variable.word || variable.mask & own.mask != own.mask {
        // Of the bits in a mask another AND can take some away: `x & m & n = x & n` when m has all of n.
        Entry::Load
    } else if below.is_some_and(|below| is_its_own_low_bits(below, own.mask)) {
        Entry::Jump
    } else {
        Entry::Mask
    }
}

/// A value below `2^p` is its own low p bits: `x < below` implies `x & mask = x` when the mask has every bit that a value below
/// `below` can have.
fn is_its_own_low_bits(below: u32, mask: u32) -> bool {
    let highest = below.saturating_sub(1);
    let possible = highest.checked_ilog2().map_or(0, |bit| u32::MAX >> (31 - bit));
    possible & !mask == 0
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use callgate_grammar::tree::Version;
    use callgate_grammar::{SourceId, parse};

    use super::*;
    use crate::abi::Abi;
    use crate::generate::{Objective, Optimize, lower};
    use crate::graph;
    use crate::lower::{Groups, Target, Unit};
    use crate::tables;

    /// How many instructions the steps are without a stub, and the fewest stubs that any way of placing them needs.
    ///
    /// Law: stubs only move instructions apart. So jumps to one place need as many stubs as they would need if nothing else
    /// moved, and those are the fewest when each stands right before the first jump that needs it: there it is in reach of as many
    /// jumps to come as anywhere. A stub serves the jumps to one place only, so the sum over places is a lower bound.
    fn fewest(compares: &Compares, start: StepId) -> (usize, usize) {
        let reachable = compares.reachable(start);
        let used = Writer::new(compares, start, &reachable).used;
        let mut places = BTreeMap::new();
        let (mut length, mut stubs) = (0, 0);
        for id in order(compares, start, &reachable) {
            if let Step::Compare { variable, test, k, yes, no } = compares.step(id) {
                for (target, entry) in entries(compares, variable, test, k, [yes, no]) {
                    let place: &mut usize = places.get_mut(&(target, entry as usize)).expect("branches come first");
                    if length - 1 - *place > usize::from(u8::MAX) {
                        stubs += 1;
                        *place = length - 1;
                    }
                }
                let [load, mask, _] = used[id.index()];
                places.insert((id, Entry::Jump as usize), length);
                length += 1;
                if variable.mask != u32::MAX && (load || mask) {
                    places.insert((id, Entry::Mask as usize), length);
                    length += 1;
                }
                if load {
                    places.insert((id, Entry::Load as usize), length);
                    length += 1;
                }
            } else {
                places.extend((0..3).map(|entry| ((id, entry), length)));
                length += 1;
            }
        }
        (length, stubs)
    }

    #[test]
    fn no_other_places_need_fewer_stubs() {
        // As many numbers in a row as in Docker's default, and as few conditions.
        let names = tables::calls(Abi::X86_64).enumerate().filter(|(at, _)| at % 16 > 2).map(|(_, (_, name))| name);
        let named =
            names.filter(|name| !["socket", "personality", "clone", "clone3"].contains(name)).collect::<Vec<_>>();
        let text = format!(
            "deny: all\nallow: {}\nallow: socket(family != 40), personality(persona in {{0, 8, 0x20000}})\n\
             allow: clone(flags lacks 0x7e020000)\nerrno(ENOSYS): clone3\n",
            named.join(", ")
        );
        let (file, _) = parse(SourceId(0), &text);
        let units = [Unit { source: SourceId(0), file, layer: 1, scope: 1 }];
        let mut needed = 0;
        for abis in [&[Abi::X86_64][..], &[Abi::X86_64, Abi::X86, Abi::X32], &Abi::ALL[..9], Abi::ALL] {
            let mut target = Target::new(Vec::new(), Version { major: 6, minor: 18 });
            target.abis = Some(abis.to_vec());
            let lowered = crate::lower::lower(&units, &Groups::new(), &target);
            let policy = lowered.policy.unwrap_or_else(|| panic!("{:#?}", lowered.diagnostics));
            for optimize in [Optimize::Size, Optimize::Balanced, Optimize::Speed] {
                let objective = Objective { optimize, ..Objective::default() };
                let (graph, root) = graph::of_policy(&policy, graph::Prefer::Short);
                let (compares, start) = lower::lower(&graph, root, &policy, &objective);
                let (length, stubs) = fewest(&compares, start);
                let layout = emit(&compares, start).expect("it fits");
                let ours = layout.instructions.len() - length;
                // What is moved by other stubs isn't in the bound: programs of many ABIs come near it.
                let most = if abis.len() > 3 { stubs + stubs.div_ceil(10) } else { stubs };
                assert!(ours <= most, "{abis:?}, {optimize:?}: {ours} stubs, at least {stubs}");
                println!("{} ABIs, {optimize:?}: {length} instructions, {ours} stubs, at least {stubs}", abis.len());
                needed += stubs;
            }
        }
        assert!(needed > 0, "some of them need stubs");
    }

    #[test]
    fn low_bits() {
        for below in 1..40_u32 {
            for mask in 0..64_u32 {
                let same = (0..below).all(|x| x & mask == x);
                assert_eq!(is_its_own_low_bits(below, mask), same, "{below} {mask:#b}");
            }
        }
        assert!(is_its_own_low_bits(0x4000_0000, 0x3fff_ffff));
        assert!(!is_its_own_low_bits(0x4000_0001, 0x3fff_ffff));
    }
}
