//! The example programs, and the pages of the repository.

#[cfg(test)]
mod guide;
#[cfg(test)]
mod links;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod stacks;
#[cfg(test)]
mod versions;
