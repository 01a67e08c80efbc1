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
    let of_x86 = &[Abi::X86_64, Abi::X86, Abi::X32];
    let measured: Vec<_> = [&of_x86[..1], of_x86, &[of_x86, &[Abi::Aarch64][..]].concat(), Abi::ALL]
        .into_iter()
        .map(|abis| measure(&docker_like(abis), Abi::X86_64.token()))
        .collect();
    let most = [(67, 9.23, 16, 97), (139, 10.09, 17, 191), (142, 10.09, 17, 196), (179, 11.52, 16, 255)];
    for (got, most) in measured.iter().zip(most) {
        assert!(
            got.0 <= most.0 && got.1 <= most.1 && got.2 <= most.2 && got.3 <= most.3,
            "length, mean, worst, converted: {measured:?}"
        );
    }
}
