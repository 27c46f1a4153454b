#![doc = include_str!("../README.md")]

mod account_files;
mod activity;
mod address;
mod args;
mod caller_key;
mod calls;
mod check;
mod config;
mod failure;
mod guard;
mod listener;
mod log;
mod probe;
mod program;
mod report;
mod reset;
mod serve;
mod server;
mod slots;
mod stop;
mod store;
mod stream;
mod timeouts;
mod tokens;

pub use self::program::run;
