//! Figures of compilers that no run here can repeat: measured once, on the same policies by the same rule, with kafel,
//! minijail's compiler (its exact search) and an emission like Chromium's `bpf_dsl`, and with a prototype of callgate's own
//! optimiser. kafel, minijail and `bpf_dsl` have no guard against x32 numbers, which costs two instructions.

/// Length, mean and worst executed instructions.
pub(crate) struct Figures {
    pub(crate) length: usize,
    pub(crate) mean: f64,
    pub(crate) worst: usize,
}

const fn f(length: usize, mean: f64, worst: usize) -> Figures {
    Figures { length, mean, worst }
}

/// The figures of one policy.
pub(crate) struct Earlier {
    pub(crate) policy: &'static str,
    pub(crate) kafel: Figures,
    pub(crate) minijail: Figures,
    pub(crate) bpf_dsl: Figures,
    pub(crate) prototype_smallest: Figures,
    pub(crate) prototype_fastest: Figures,
}

const fn row(policy: &'static str, figures: [Figures; 5]) -> Earlier {
    let [kafel, minijail, bpf_dsl, prototype_smallest, prototype_fastest] = figures;
    Earlier { policy, kafel, minijail, bpf_dsl, prototype_smallest, prototype_fastest }
}

/// Those of the policies that the corpus has.
#[rustfmt::skip]
pub(crate) const EARLIER: &[Earlier] = &[
    row("docker", [f(106, 10.6, 31), f(104, 10.2, 31), f(107, 11.1, 31), f(69, 9.5, 17), f(79, 8.9, 18)]),
    row("podman", [f(111, 10.1, 30), f(118, 9.9, 32), f(112, 11.1, 31), f(66, 9.2, 16), f(76, 8.6, 18)]),
    row("spo-runc-base", [f(67, 10.0, 10), f(47, 10.9, 12), f(68, 11.0, 11), f(48, 10.5, 15), f(62, 8.9, 12)]),
    row("spo-crun-base", [f(77, 10.9, 11), f(57, 11.0, 12), f(78, 11.2, 12), f(58, 9.5, 13), f(66, 8.9, 13)]),
    row("spo-operator", [f(95, 10.8, 11), f(70, 11.0, 12), f(96, 11.7, 12), f(72, 10.0, 13), f(83, 9.4, 13)]),
    row("spo-bpfrec", [f(93, 10.8, 11), f(69, 11.4, 13), f(94, 11.6, 12), f(68, 10.2, 12), f(81, 9.4, 13)]),
    row("fc-vmm", [f(167, 10.1, 41), f(260, 10.9, 66), f(168, 11.0, 43), f(132, 9.8, 21), f(140, 8.5, 22)]),
    row("fc-api", [f(89, 10.0, 20), f(120, 10.5, 27), f(90, 10.8, 21), f(68, 10.3, 17), f(77, 8.2, 18)]),
    row("fc-vcpu", [f(111, 10.1, 48), f(171, 10.1, 85), f(112, 10.6, 48), f(87, 9.7, 18), f(94, 8.3, 20)]),
    row("crosvm-fs_device", [f(232, 12.1, 48), f(210, 11.7, 47), f(229, 12.2, 48), f(150, 10.1, 20), f(158, 9.9, 20)]),
    row("crosvm-block_device", [f(175, 11.0, 43), f(157, 11.4, 44), f(172, 11.9, 44), f(113, 10.3, 18), f(127, 9.5, 18)]),
    row("crosvm-jail_warden", [f(209, 11.1, 62), f(178, 11.3, 63), f(203, 12.0, 64), f(121, 10.1, 20), f(133, 9.7, 21)]),
    row("crosvm-net_device", [f(162, 10.9, 42), f(147, 11.4, 42), f(159, 11.7, 43), f(102, 10.3, 18), f(116, 9.4, 18)]),
    row("sd-system-service", [f(59, 9.7, 10), f(53, 9.7, 14), f(60, 10.8, 11), f(47, 9.4, 12), f(55, 8.5, 13)]),
    row("sd-sysservice-nopriv", [f(83, 10.4, 11), f(74, 10.3, 14), f(84, 11.4, 12), f(63, 9.7, 13), f(75, 9.0, 14)]),
];
