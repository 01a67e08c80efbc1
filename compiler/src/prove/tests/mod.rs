mod admission;
mod conditions;
mod cubes;
mod inputs;
mod interpreter;
mod policies;
mod programs;
