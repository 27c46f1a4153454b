//! The sandbox through its public API.

#[cfg(test)]
mod api;
#[cfg(test)]
mod control;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod grants;
#[cfg(test)]
mod products;
#[cfg(test)]
#[cfg(feature = "cli")]
mod program;
#[cfg(test)]
mod refresh;
#[cfg(test)]
mod rejections;
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
