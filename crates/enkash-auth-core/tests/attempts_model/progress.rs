//! Progress: when the faults end, and a process has the right credentials, the account is served, or the history
//! explains why not.

use enkash_auth_core::account::AttemptOutcome;

use crate::{
    model::Attempts,
    operator::Operator,
    protocol::Write,
    server::{Reply, handle},
    world::{Content, LONG, OpKind, SHORT, Stage, World},
};

/// Runs the fault-free continuation from `w`: from a store that is split, one from each of its sides.
pub(crate) fn check(model: &Attempts, w: &World) -> Result<(), String> {
    if w.registers.len() == 1 {
        return check_healed(model, w.clone());
    }
    (0..w.registers.len()).try_for_each(|side| {
        let mut w = w.clone();
        w.heal(side);
        check_healed(model, w)
    })
}

fn check_healed(model: &Attempts, mut w: World) -> Result<(), String> {
    (w.store_up, w.wire_up) = (true, true);
    if let Content::Newer(facts) = w.registers[0].content.clone() {
        w.registers[0].content = Content::Record(facts);
    }
    for pause in [0, SHORT, SHORT, LONG] {
        w.now += pause;
        for p in 0..w.processes.len() {
            complete(model, &mut w, p);
        }
        Operator::poll(model, &mut w);
    }
    let right = w.server.right;
    if w.processes
        .iter()
        .all(|process| process.credentials != right)
    {
        w.processes[0].credentials = right;
    }
    for p in 0..w.processes.len() {
        if w.processes[p].credentials != right {
            continue;
        }
        w.processes[p].fetches = 2;
        let is_served = (0..2).any(|_| {
            let left = w.processes[p].fetches;
            model.process(&mut w, p).read(OpKind::Acquire);
            model.process(&mut w, p).write(Write::Fine);
            let granted = left > w.processes[p].fetches;
            complete(model, &mut w, p);
            granted && w.history.last_success == Some(right)
        });
        if is_served || w.server.failures >= 3 {
            continue;
        }
        let is_explained = w.history.explains_closed(right, w.registers[0].known);
        if !is_explained || !model.process(&mut w, p).is_closed() {
            return Err(format!("{p} is not served: {:#?}", w.history));
        }
    }
    Ok(())
}

/// Lets `p` end its attempt.
fn complete(model: &Attempts, w: &mut World, p: usize) {
    model.process(w, p).write(Write::Fine);
    if stage(w, p) == Some(Stage::Granted) {
        model.process(w, p).check();
    }
    if stage(w, p) == Some(Stage::Checked) {
        model.process(w, p).send();
    }
    let id = w.processes[p].attempt.as_ref().map(|own| own.permit.id());
    if let Some(id) = id.filter(|id| w.waits(*id)) {
        if w.requests.iter().any(|request| request.id == id) {
            handle(model.off, w, id, Reply::Arrives);
        } else if let Some(own) = &mut w.processes[p].attempt {
            own.stage = Stage::Ended(AttemptOutcome::Unresolved { complete: false });
        }
    }
    if w.processes[p].attempt.is_some() {
        model.process(w, p).read(OpKind::Report);
        model.process(w, p).write(Write::Fine);
    }
    if !w.processes[p].witness.is_quiet() {
        model.process(w, p).read(OpKind::Look);
        model.process(w, p).write(Write::Fine);
    }
}

fn stage(w: &World, p: usize) -> Option<Stage> {
    w.processes[p].attempt.as_ref().map(|own| own.stage)
}
