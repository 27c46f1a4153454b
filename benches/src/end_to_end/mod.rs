//! Whole calls over loopback, with our layer and with a ready header in its place.

mod client;
mod load;
mod server;

pub use self::{
    client::{CLIENTS, Client},
    load::{Cost, measure},
};
