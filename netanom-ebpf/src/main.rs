//! The XDP and TCX programs.
#![no_std]
#![no_main]
