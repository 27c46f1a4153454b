//! The pages of the guide, whose Rust code is compiled and run as documentation tests.

#[doc = include_str!("../../docs/errors.md")]
#[derive(Debug)]
pub struct Errors;

#[doc = include_str!("../../docs/getting-started.md")]
#[derive(Debug)]
pub struct GettingStarted;

#[doc = include_str!("../../docs/testing.md")]
#[derive(Debug)]
pub struct Testing;

#[doc = include_str!("../../docs/fleet.md")]
#[derive(Debug)]
pub struct Fleet;

#[doc = include_str!("../../docs/production.md")]
#[derive(Debug)]
pub struct Production;

#[doc = include_str!("../../docs/many-merchants.md")]
#[derive(Debug)]
pub struct ManyMerchants;

#[doc = include_str!("../../docs/migrating.md")]
#[derive(Debug)]
pub struct Migrating;

#[doc = include_str!("../../docs/tls.md")]
#[derive(Debug)]
pub struct Tls;

#[doc = include_str!("../../docs/questions.md")]
#[derive(Debug)]
pub struct Questions;
