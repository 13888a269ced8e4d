//! What the signer remembers of the log, and the clock that it can't be fooled with.

use crate::log::{head, leaf};
use crate::refusals::name;
use crate::world::{NOW, World};
use keepwhole_verify::Digest;

#[test]
fn a_head_must_be_witnessed_of_late() {
    let world = World::new();
    let mut number = 0;
    let mut sign = |world: &World| {
        number += 1;
        name(world.sign(&world.case(&format!("w-{number}"), number, 1)))
    };
    for (times, expected) in [
        ([None, None, None], "head_unwitnessed"),
        ([Some(NOW), None, None], "head_unwitnessed"),
        ([Some(NOW), Some(NOW - 600), None], "head_unwitnessed"),
        // A witness ahead of everybody does not make it last longer.
        ([Some(NOW), Some(NOW + 6), None], "head_unwitnessed"),
        ([Some(NOW), Some(NOW - 599), None], "permitted"),
    ] {
        world.log.serve(10, 0, 10, &times);
        assert_eq!(sign(&world), expected, "{times:?}");
    }
    // Now the log is gone: what was witnessed 599 s ago is over in a second.
    world.log.set_down(true);
    assert_eq!(sign(&world), "permitted");
    world
        .clock
        .0
        .fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(sign(&world), "head_unavailable");
}

#[test]
fn a_head_must_grow_from_the_last_one() {
    let mut world = World::new();
    world.log.grow(300, NOW);
    let sign =
        |world: &World, number| name(world.sign(&world.case(&format!("w-{number}"), number, 1)));
    assert_eq!(sign(&world, 1), "permitted");
    let both = [Some(NOW + 40), Some(NOW + 40), None];
    let tick = |world: &World, seconds| {
        world
            .clock
            .0
            .fetch_add(seconds, std::sync::atomic::Ordering::SeqCst);
    };
    tick(&world, 40);
    world.log.serve(299, 0, 299, &both);
    assert_eq!(sign(&world, 2), "head_older");
    // Another history, even if witnesses were fooled.
    world.log.serve(400, 1, 250, &both);
    assert_eq!(sign(&world, 2), "head_inconsistent");
    // A note that is not the log's.
    world.log.0.lock().unwrap().note = "x\n1\nAA==\n\n\u{2014} x AAAA\n".to_owned();
    assert_eq!(sign(&world, 2), "head_unsigned");
    world.log.serve(420, 0, 420, &both);
    assert_eq!(sign(&world, 2), "permitted");
    // Two heads of one size: proof, remembered over a new start until people settle it.
    tick(&world, 40);
    let both = [Some(NOW + 80), Some(NOW + 80), None];
    world.log.serve(420, 2, 100, &both);
    assert_eq!(sign(&world, 3), "log_forked");
    world.log.serve(421, 0, 421, &both);
    assert_eq!(sign(&world, 3), "log_forked");
    world.start();
    assert_eq!(sign(&world, 3), "log_forked");
    assert!(world.signer().status().unwrap().forked);
    let leaves: Vec<Digest> = (0..421).map(|number| leaf(number, 0)).collect();
    let unseen = head(&leaves, &[None, None, None]);
    assert_eq!(
        world.signer().settle_fork(&unseen).unwrap_err().name(),
        "head_unsigned"
    );
    world.signer().settle_fork(&world.log.note()).unwrap();
    assert_eq!(sign(&world, 3), "permitted");
}

#[test]
fn an_own_clock_that_was_moved_gains_nothing() {
    let world = World::new();
    assert_eq!(name(world.sign(&world.case("w-1", 1, 1))), "permitted");
    // An hour ahead: the witnesses' word is then an hour old.
    world
        .clock
        .0
        .fetch_add(3_601, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(
        name(world.sign(&world.case("w-2", 2, 1))),
        "head_unwitnessed"
    );
    // Behind what was seen.
    world
        .clock
        .0
        .store(NOW - 6, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(name(world.sign(&world.case("w-3", 3, 1))), "clock_behind");
}
