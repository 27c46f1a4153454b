//! Instructions of 1,000 calls that add a cached token to a request, counted by callgrind. Needs
//! `valgrind` and `gungraun-runner`.
//!
//! ```sh
//! cargo bench -p enkash-auth-benches --bench instructions
//! ```

#![expect(missing_docs, reason = "what gungraun's macros expand to has none")]
#![expect(clippy::unwrap_used, reason = "a way that is not measured is a defect")]

use enkash_auth_benches::{
    hot::{Runner, WAYS},
    instructions::CALLS,
    request::request,
};
use gungraun::{library_benchmark, library_benchmark_group, main};
use tokio::runtime::{Builder, EnterGuard};

/// A way to add a token, and the runtime around it.
struct Way {
    run: Runner,
    _inside: EnterGuard<'static>,
}

impl Way {
    /// Makes the first calls, which are not counted.
    fn warm(name: &str) -> Self {
        let runtime = Builder::new_current_thread().enable_time().build();
        let inside = Box::leak(Box::new(runtime.unwrap())).enter();
        let way = WAYS.iter().find(|way| way.name == name).unwrap();
        let mut way = Self {
            run: (way.factory)()(),
            _inside: inside,
        };
        way.call();
        way
    }

    fn call(&mut self) {
        for _ in 0..CALLS {
            (self.run)(vec![request()]);
        }
    }
}

#[library_benchmark(setup = Way::warm)]
#[bench::bare("bare")]
#[bench::insert("insert")]
#[bench::leaked("leaked")]
#[bench::set_request_header("set_request_header")]
#[bench::hand_written("hand_written")]
#[bench::kept("kept")]
#[bench::cloned("cloned")]
#[bench::replay("replay")]
#[bench::only_boxed("only_boxed")]
#[bench::boxed("boxed")]
#[bench::stack("stack")]
#[bench::composed("composed")]
fn calls(mut way: Way) -> Way {
    way.call();
    way
}

library_benchmark_group!(name = hot_path, benchmarks = calls);
main!(library_benchmark_groups = hot_path);
