//! What the sandbox does, seen from outside.

#[cfg(test)]
mod api;
#[cfg(test)]
mod control;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod grants;
#[cfg(test)]
#[cfg(feature = "cli")]
mod program;
#[cfg(test)]
mod refresh;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod socket;
#[cfg(test)]
mod stated;
#[cfg(test)]
mod support;
#[cfg(test)]
#[cfg(feature = "tls")]
mod tls;
#[cfg(test)]
mod wire;
