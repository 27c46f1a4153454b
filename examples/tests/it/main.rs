//! The example programs and their shared code, from outside.

#[cfg(test)]
mod attempts;
#[cfg(test)]
mod fleet;
#[cfg(test)]
mod guide;
#[cfg(test)]
mod issuer;
#[cfg(test)]
mod links;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod sidecar;
#[cfg(test)]
mod stacks;
#[cfg(test)]
mod versions;
