//! How good the programs are: figures that may only get better.

use super::*;

/// Length, mean and worst executed instructions over numbers 0..470 with one argument vector, converted length.
fn measure(policy: &Policy, token: u32) -> (usize, f64, usize, usize) {
    let program = compile(policy);
    let executed: Vec<usize> = (0..470)
        .map(|nr| {
            let args = if nr == 135 { [0xffff_ffff; 6] } else { [1; 6] };
            simulate(&program, Endian::Little, &SyscallData::new(token, nr, args)).unwrap().executed
        })
        .collect();
    let mean = executed.iter().sum::<usize>() as f64 / executed.len() as f64;
    (program.instructions.len(), mean, executed.into_iter().max().unwrap_or(0), converted_length(&program))
}

#[test]
fn docker_like_policies() {
    for (abis, length, mean, worst, converted) in [
        (&[Abi::X86_64][..], 100, 12.0, 20, 200),
        (&[Abi::X86_64, Abi::X86, Abi::X32][..], 300, 14.0, 24, 500),
        (Abi::ALL, 300, 14.0, 24, 500),
    ] {
        let got = measure(&docker_like(abis), Abi::X86_64.token());
        eprintln!("{abis:?}: {got:?}");
        assert!(got.0 <= length && got.1 <= mean && got.2 <= worst && got.3 <= converted, "{abis:?}: {got:?}");
    }
}
