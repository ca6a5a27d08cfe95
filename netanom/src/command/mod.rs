//! What the program can be told to do, one file a subcommand. Here, at the top, clocks are read and lines are printed.

pub mod simulate;
