mod conditions;
mod cubes;
mod inputs;
