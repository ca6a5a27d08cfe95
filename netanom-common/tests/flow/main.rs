//! The accounting: a packet at a time by values computed by hand, and generations that add up.

mod account;
mod generations;
mod key;
mod packets;
