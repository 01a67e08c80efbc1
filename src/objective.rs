//! What a filter is to be good at: from options and files of counts to the compiler's [`Objective`].

use std::collections::BTreeMap;
use std::path::Path;

use callgate_compiler::abi::Abi;
use callgate_compiler::compile::{Compiled, compile_for};
use callgate_compiler::generate::{Objective, Weights};
use callgate_compiler::measure::BITMAP_SINCE;
use callgate_compiler::policy::Policy;
use callgate_compiler::tables;
use callgate_grammar::did_you_mean;
use callgate_grammar::tree::Version;
use callgate_profiles::recording::Recording;
use serde::Deserialize;

use crate::cli::ObjectiveArgs;
use crate::failure::Failure;
use crate::input;

/// The proven program of a policy that is good at what was asked for. `kernel` is the one it is for, as far as known.
pub(crate) fn program(policy: &Policy, args: &ObjectiveArgs, kernel: Option<Version>) -> Result<Compiled, Failure> {
    let weights = args.weights.as_deref().map(|path| weights(path, policy)).transpose()?;
    let objective = Objective {
        optimize: args.optimize,
        exhaustive: args.exhaustive,
        weights,
        bitmap: kernel.is_none_or(|kernel| kernel >= BITMAP_SINCE),
    };
    compile_for(policy, &objective).map_err(Failure::from)
}

/// How often each call is made, by name. Shares of a whole will do: `strace -c` of several loads is often given as those.
type Mix = BTreeMap<String, f64>;

/// The shapes a file of counts has.
#[derive(Deserialize)]
#[serde(untagged)]
enum Counts {
    One(Mix),
    Several(BTreeMap<String, Mix>),
}

/// The first word of a recording, which no file of counts has.
#[derive(Deserialize)]
struct Schema {
    #[serde(rename = "schema")]
    _schema: u64,
    #[serde(rename = "runs")]
    _runs: serde::de::IgnoredAny,
}

fn weights(path: &Path, policy: &Policy) -> Result<Weights, Failure> {
    let (file, mix) = input::select(path);
    let text = input::read(&file)?;
    if serde_json::from_str::<Schema>(&text).is_ok() {
        let recording = Recording::from_json(&text).map_err(|error| Failure::from(error).in_file(&file))?;
        let rows = recording.totals().into_iter().map(|row| ((row.abi, row.nr), row.calls));
        return Ok(Weights::of(rows));
    }
    let counts: Counts = serde_json::from_str(&text).map_err(|_| {
        Failure::new("this is neither a recording nor a count of calls")
            .help("write a recording with `callgate record`, or JSON like `{\"read\": 120, \"write\": 30}`")
            .in_file(&file)
    })?;
    let mix = pick(counts, mix.as_deref()).map_err(|failure| failure.in_file(&file))?;
    of_mix(&mix, policy).map_err(|failure| failure.in_file(&file))
}

/// The mix that was asked for; the file's only one without a name.
fn pick(counts: Counts, name: Option<&str>) -> Result<Mix, Failure> {
    let mut several = match (counts, name) {
        (Counts::One(mix), None) => return Ok(mix),
        (Counts::One(_), Some(name)) => {
            return Err(Failure::new(format!("there is no mix `{name}` in it: it is a single one"))
                .help("leave out what follows the `#`"));
        }
        (Counts::Several(several), _) => several,
    };
    let names: Vec<_> = several.keys().map(String::as_str).collect();
    let known = names.join(", ");
    match name.and_then(|name| several.remove(name)) {
        Some(mix) => Ok(mix),
        None if name.is_none() => {
            Err(Failure::new("there are several mixes in it").help(format!("name one, `FILE#MIX`: {known}")))
        }
        None => Err(Failure::new(format!("there is no mix `{}` in it", name.unwrap_or_default()))
            .help(format!("it has {known}"))),
    }
}

/// A name's count is for the native ABIs of the policy that have the call, or, where it lists none, for all of them.
fn of_mix(mix: &Mix, policy: &Policy) -> Result<Weights, Failure> {
    let listed: Vec<Abi> = policy.abis.keys().copied().collect();
    let native: Vec<Abi> = listed.iter().copied().filter(|abi| abi.native() == *abi).collect();
    let abis = if native.is_empty() { &listed } else { &native };
    let whole: f64 = mix.values().sum();
    let mut counts = Vec::new();
    for (name, &count) in mix {
        if !count.is_finite() || count < 0.0 {
            return Err(Failure::new(format!("`{name}` is called {count} times")).help("write how often, 0 or more"));
        }
        if Abi::ALL.iter().all(|&abi| tables::number(abi, name).is_none()) {
            return Err(unknown(name));
        }
        let numbers = abis.iter().filter_map(|&abi| Some((abi, tables::number(abi, name)?)));
        counts.extend(numbers.map(|call| (call, share(count, whole))));
    }
    Ok(Weights::of(counts))
}

fn unknown(name: &str) -> Failure {
    Failure::new(format!("no call is named `{name}`")).help(match did_you_mean(name, tables::names().iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "counts are by the names of calls, as `strace -c` prints them".to_owned(),
    })
}

/// The count as parts of a whole of 2^40.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Between 0 and 2^40.
fn share(count: f64, whole: f64) -> u64 {
    if whole > 0.0 { (count / whole * (1_u64 << 40) as f64) as u64 } else { 0 }
}
