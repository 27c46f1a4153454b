#![doc = include_str!("../README.md")]

mod app;
mod args;
mod check;
mod config;
mod connection;
mod failure;
mod guard;
mod log;
mod program;
mod reset;
mod serve;
mod stop;
mod store;

pub use self::program::run;
