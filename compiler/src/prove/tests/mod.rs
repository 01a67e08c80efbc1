mod admission;
mod conditions;
mod cubes;
mod inputs;
mod interpreter;
mod listing;
mod policies;
mod programs;
