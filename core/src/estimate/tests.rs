//! Stories and laws of the estimate.

use alloc::vec::Vec;

use quickcheck::quickcheck;

use super::*;
use crate::rng::{Rng, Seed};
use crate::rtt::RoundTrip;

fn at(micros: u64) -> Instant {
    Instant::since_origin(Duration::from_micros(micros))
}

/// Teaches an estimate a round trip after so many losses.
fn teach(estimate: &mut NetworkEstimate, took: Duration, lost: u8) {
    estimate.answered(RttSample::Exactly(took), Some(f64::from(lost)));
}

/// The estimate after so many answers that took so long.
fn after_answers(count: u32, took: Duration) -> NetworkEstimate {
    let mut estimate = NetworkEstimate::ASSUMED;
    for _ in 0..count {
        teach(&mut estimate, took, 0);
    }
    estimate
}

/// What is expected of a contact that is there as likely as others.
fn outlook(estimate: &NetworkEstimate, silence: &Silence, now: Instant) -> Outlook {
    estimate.outlook(estimate.there(), silence, now)
}

/// A silent contact that is sent to as the estimate has it: when, and when it is given up.
fn sent_until_given_up(estimate: &NetworkEstimate) -> (Vec<Instant>, Instant) {
    let mut silence = Silence::new(Instant::ORIGIN, None);
    let mut sent = Vec::from([Instant::ORIGIN]);
    let mut now = Instant::ORIGIN;
    while let Some(resend) = estimate.resend_at(&silence, now) {
        now = resend;
        silence.sent_again(now);
        sent.push(now);
    }
    let given_up = estimate.give_up_at(&silence, now);
    (sent, given_up.expect("it is sent again no more"))
}

#[test]
fn after_eight_answers_at_once_two_silent_contacts_are_waited_for_less_than_100_ms() {
    let estimate = after_answers(8, Duration::from_micros(200));
    let answers = |now: Instant| {
        let mut silence = Silence::new(Instant::ORIGIN, None);
        while let Some(again) = estimate.resend_at(&silence, silence.last_sent())
            && again <= now
        {
            silence.sent_again(again);
        }
        let turnout = estimate.turnout([&silence; 2].into_iter(), now);
        let there = estimate.there_beside(&turnout, &silence, now);
        estimate.outlook(there, &silence, now)
    };
    assert!(!answers(at(20_000)).is_hopeless());
    assert!(answers(at(99_000)).is_hopeless());
}

#[test]
fn after_answers_of_300_ms_a_contact_is_not_given_up_before_400_ms() {
    for count in [8, 64] {
        let estimate = after_answers(count, Duration::from_millis(300));
        let (sent, given_up) = sent_until_given_up(&estimate);
        assert!(given_up >= at(400_000), "{given_up} after {sent:?}");
        assert!(sent.get(1).is_none_or(|again| *again >= at(300_000)));
        let silence = Silence::new(Instant::ORIGIN, None);
        let once = estimate.give_up_once_at(&silence, Instant::ORIGIN);
        assert!(once >= at(400_000), "{once}");
    }
}

#[test]
fn a_contact_that_is_late_counts_for_little_of_one_that_will_answer_soon() {
    let estimate = after_answers(20, Duration::from_millis(100));
    let silence = Silence::new(Instant::ORIGIN, None);
    let soon = |millis: u64| outlook(&estimate, &silence, at(millis * 1000)).soon;
    assert!(soon(30) > 0.9 && soon(80) > 0.9);
    assert!(soon(200) < 0.2 && soon(3000) < 0.01);
    let slow = Silence::new(
        Instant::ORIGIN,
        Some(RoundTrip::first(Duration::from_secs(1))),
    );
    let slow = outlook(&estimate, &slow, Instant::ORIGIN).soon;
    assert!(slow < 0.1, "its answer takes longer than most: {slow}");
}

#[test]
fn losses_are_learnt_from_answers_to_what_was_sent_again() {
    let learnt = |lost| {
        let mut estimate = NetworkEstimate::ASSUMED;
        for millis in 80..120 {
            teach(&mut estimate, Duration::from_millis(millis), lost);
        }
        sent_until_given_up(&estimate).0
    };
    let (never, often) = (learnt(0), learnt(1));
    assert!(often.len() > never.len(), "{often:?} {never:?}");
    assert!(often[1] < never[1], "a loss is the likelier cause sooner");
}

#[test]
fn a_contact_that_one_source_vouches_for_gets_fewer_datagrams() {
    let estimate = {
        let mut lossy = NetworkEstimate::ASSUMED;
        for _ in 0..40 {
            teach(&mut lossy, Duration::from_millis(100), 1);
        }
        lossy
    };
    let sends = |vouched| {
        let mut silence = Silence::new(Instant::ORIGIN, None).vouched(vouched);
        while let Some(again) = estimate.resend_at(&silence, silence.last_sent()) {
            silence.sent_again(again);
        }
        silence.sends
    };
    assert_eq!((sends(Vouched::Well), sends(Vouched::Hardly)), (5, 3));
}

#[test]
fn an_answer_tells_of_a_loss_if_it_fits_the_last_send() {
    let estimate = after_answers(20, Duration::from_millis(100));
    let exactly = |millis| RttSample::Exactly(Duration::from_millis(millis));
    let mut known = None;
    for _ in 0..20 {
        exactly(100).add_to(&mut known);
    }
    for round_trip in [None, known] {
        let mut silence = Silence::new(Instant::ORIGIN, round_trip);
        silence.sent_again(at(200_000));
        let answered = |millis: u64| estimate.sample(&silence, at(millis * 1000));
        let (sample, lost) = answered(205);
        assert!(sample == exactly(205) && lost.is_some_and(|lost| lost < 0.1));
        let (sample, lost) = answered(305);
        assert!(sample == exactly(105) && lost.is_some_and(|lost| lost > 0.9));
        let mut unclear = (200..300).map(answered);
        let unclear = unclear.find(|(sample, _)| matches!(sample, RttSample::AtMost(_)));
        let (_, lost) = unclear.expect("in between nobody can tell");
        assert_eq!(lost.is_some(), round_trip.is_some());
    }
}

#[test]
fn slow_answers_are_no_losses() {
    // Half of the contacts are five times as slow as the others, and are sent to again before they answer.
    let mut estimate = NetworkEstimate::ASSUMED;
    for round in 0..400 {
        let took = Duration::from_millis(if round % 2 == 0 { 60 } else { 300 });
        let mut silence = Silence::new(Instant::ORIGIN, None);
        while let Some(again) = estimate.resend_at(&silence, silence.last_sent())
            && again < Instant::ORIGIN + took
        {
            silence.sent_again(again);
        }
        let (sample, lost) = estimate.sample(&silence, Instant::ORIGIN + took);
        estimate.answered(sample, lost);
    }
    assert!(estimate.lost.mean() < 0.06, "{:?}", estimate.lost);
}

#[test]
fn a_contact_is_judged_by_the_others() {
    let estimate = after_answers(8, Duration::from_millis(100));
    let now = at(1_000_000);
    let silent = Silence::new(Instant::ORIGIN, None);
    let just_asked = Silence::new(now, None);
    let beside = |own: &Silence, others: &[Silence]| {
        let turnout = estimate.turnout(others.iter().chain([own]), now);
        estimate.there_beside(&turnout, own, now)
    };
    for own in [&silent, &just_asked] {
        let alone = beside(own, &[]);
        assert!((alone - estimate.there()).abs() < 1e-9, "{alone}");
        let quiet = beside(own, &[just_asked; 8]);
        assert!((quiet - alone).abs() < 1e-9, "they say nothing: {quiet}");
        assert!(beside(own, &[silent]) < alone);
        assert!(beside(own, &[silent; 8]) < beside(own, &[silent]));
    }
}

#[test]
fn a_contact_that_was_given_up_counts_once() {
    let mut estimate = after_answers(8, Duration::from_millis(100));
    let mut silence = Silence::new(Instant::ORIGIN, None);
    let now = at(5_000_000);
    estimate.silent();
    silence.given_up();
    let turnout = estimate.turnout([&silence].into_iter(), now);
    assert!((turnout.share() - estimate.there()).abs() < 1e-9);
    let own = estimate.there_beside(&turnout, &silence, now);
    let before = after_answers(8, Duration::from_millis(100)).there();
    assert!((own - before).abs() < 1e-9, "{own}, not {before}");
}

#[test]
fn a_contact_that_was_given_up_is_waited_for_no_longer_whoever_vouches_for_it_then() {
    let mut lossy = NetworkEstimate::ASSUMED;
    for _ in 0..40 {
        teach(&mut lossy, Duration::from_millis(100), 1);
    }
    let mut silence = Silence::new(Instant::ORIGIN, None).vouched(Vouched::Hardly);
    for _ in 0..2 {
        silence.sent_again(Instant::ORIGIN);
    }
    let now = at(3_000_000);
    let is_hopeless = |silence: &Silence| outlook(&lossy, silence, now).is_hopeless();
    assert!(!is_hopeless(&silence.vouched(Vouched::Well)));
    silence.given_up();
    assert!(is_hopeless(&silence.vouched(Vouched::Well)));
}

#[test]
fn however_well_others_do_meanwhile_a_contact_that_was_given_up_is_no_surer_than_sure() {
    let mut estimate = after_answers(100, Duration::from_millis(100));
    let mut silence = Silence::new(Instant::ORIGIN, None);
    estimate.silent();
    silence.given_up();
    for _ in 0..100 {
        estimate.answered(RttSample::Unknown, None);
        let now = at(5_000_000);
        let turnout = estimate.turnout([&silence].into_iter(), now);
        let there = estimate.there_beside(&turnout, &silence, now);
        assert!((0.0..1.0).contains(&there), "{there}");
        assert_sane(&estimate, there, &silence, now);
    }
}

/// Whether all that an estimate says of a silence are chances, and moments that are not over.
fn assert_sane(estimate: &NetworkEstimate, there: f64, silence: &Silence, now: Instant) {
    let outlook = estimate.outlook(there, silence, now);
    for chance in [outlook.there, outlook.answers, outlook.soon] {
        let says = "of a contact that is there with a chance of";
        assert!(
            (0.0..=1.0).contains(&chance),
            "{outlook:?} {says} {there}, {silence:?} at {now}, {estimate:?}"
        );
    }
    let moments = [
        estimate.next_review(there, silence, now),
        estimate.resend_at(silence, now),
        estimate.give_up_at(silence, now),
        Some(estimate.give_up_once_at(silence, now)),
    ];
    assert!(moments.iter().flatten().all(|moment| *moment >= now));
    let again = estimate.resend_at(silence, now).is_some();
    assert_ne!(again, estimate.give_up_at(silence, now).is_some());
    let elapsed = now.since(Instant::ORIGIN);
    let (sample, lost) = estimate.sample(silence, now);
    if let RttSample::Exactly(took) = sample {
        assert!(took <= elapsed);
    }
    assert!(lost.is_none_or(|lost| (0.0..f64::from(silence.sends)).contains(&lost)));
}

/// Estimates that were taught the same without end.
fn extreme_estimates() -> Vec<NetworkEstimate> {
    let times = [0, 250, 100_000, 3_600_000_000];
    let mut estimates = Vec::from([NetworkEstimate::ASSUMED]);
    for lost in [0, 1, u8::MAX] {
        for micros in times {
            let mut estimate = NetworkEstimate::ASSUMED;
            let count = if lost == 0 { 100_000 } else { 500 };
            for _ in 0..count {
                teach(&mut estimate, Duration::from_micros(micros), lost);
            }
            estimates.push(estimate.clone());
            for _ in 0..25_000 {
                estimate.silent();
            }
            estimates.push(estimate);
        }
    }
    estimates
}

#[test]
fn at_the_extremes_every_chance_is_one_and_no_moment_is_over() {
    let round_trips = [
        None,
        Some(RoundTrip::first(Duration::ZERO)),
        Some(RoundTrip::first(Duration::MAX)),
        Some(RoundTrip::bounded(Duration::MAX)),
    ];
    let ages = [
        0,
        1,
        250,
        20_000,
        20_250,
        120_000,
        9_000_000,
        36_000_000_000,
    ]
    .map(at)
    .into_iter()
    .chain([Instant::from_nanos(1), Instant::MAX]);
    let ages: Vec<_> = ages.collect();
    for estimate in extreme_estimates() {
        for round_trip in round_trips {
            let mut silence = Silence::new(Instant::ORIGIN, round_trip);
            for sends in 1..=u8::MAX {
                if sends < 8 || sends == u8::MAX {
                    for now in &ages {
                        assert_sane(&estimate, estimate.there(), &silence, *now);
                        let turnout = estimate.turnout([&silence; 40].into_iter(), *now);
                        let there = estimate.there_beside(&turnout, &silence, *now);
                        assert_sane(&estimate, there, &silence, *now);
                    }
                }
                silence.sent_again(Instant::ORIGIN);
            }
        }
    }
}

/// Whether this becomes so at a moment: it is so then, and was not one part in fifty before.
fn crosses(moment: Instant, is_so: impl Fn(Instant) -> bool) -> bool {
    let waited = moment.since(Instant::ORIGIN);
    let before = waited.saturating_sub(waited / 50 + Duration::from_millis(2));
    waited >= NetworkEstimate::LONGEST
        || is_so(moment) && (before.is_zero() || !is_so(Instant::ORIGIN + before))
}

/// An estimate of a network made up at random, whose contacts are heard of in any order.
fn random_estimate(rng: &mut Rng) -> NetworkEstimate {
    let mut estimate = NetworkEstimate::ASSUMED;
    let slowest = 1 << rng.below(24);
    let [dead, lossy] = [rng.below(10), rng.below(10)];
    for _ in 0..rng.below(200) {
        let took = Duration::from_micros(rng.below(slowest));
        if rng.below(10) < dead {
            estimate.silent();
        } else if rng.below(4) == 0 {
            estimate.answered(RttSample::AtMost(took), Some(0.3));
        } else {
            let lost = u8::from(rng.below(10) < lossy);
            teach(&mut estimate, took, lost);
        }
    }
    estimate
}

/// A call that was sent up to five times.
fn random_silence(rng: &mut Rng) -> Silence {
    let slowest = 1 << rng.below(25);
    let known = Duration::from_micros(rng.below(slowest));
    let round_trip = (rng.below(3) == 0).then(|| RoundTrip::first(known));
    let mut silence = Silence::new(Instant::ORIGIN, round_trip);
    for _ in 0..rng.below(5) {
        silence.sent_again(Instant::ORIGIN);
    }
    silence
}

quickcheck! {
    /// The longer a contact is silent, the less likely it is to answer and to be there. Once no slow
    /// answer explains the silence any more, another send may be worth it: what that adds comes in at
    /// a chance that is given up otherwise.
    fn a_longer_silence_raises_no_chance(seed: u64) -> bool {
        let mut rng = Rng::new(Seed::from_number(seed));
        let (estimate, silence) = (random_estimate(&mut rng), random_silence(&mut rng));
        let mut ages: Vec<_> = (0..20).map(|_| at(rng.below(1 << 24))).collect();
        ages.sort();
        let there = |now: &Instant| {
            estimate.weights(estimate.there(), &silence, *now).there()
        };
        let answers = |now: &Instant| outlook(&estimate, &silence, *now).answers;
        ages.is_sorted_by(|now, later| {
            there(later) <= there(now) + 1e-12
                && answers(later) <= answers(now) + NetworkEstimate::MISSED + 1e-12
        })
    }

    /// Of two contacts that were sent to at the same time the last time, the one that was sent to more
    /// often is less likely to be there.
    fn another_send_without_an_answer_raises_no_chance(seed: u64) -> bool {
        let mut rng = Rng::new(Seed::from_number(seed));
        let (estimate, silence) = (random_estimate(&mut rng), random_silence(&mut rng));
        let now = at(rng.below(1 << 24));
        let mut more = silence;
        more.sent_again(Instant::ORIGIN);
        let there = |silence| estimate.weights(estimate.there(), silence, now).there();
        there(&more) <= there(&silence) + 1e-12
    }

    /// Whatever was measured: what an estimate says are chances and moments to come; a moment that was
    /// named comes no earlier for having waited; and a review leads to a later one.
    fn moments_come_in_order(seed: u64) -> bool {
        let mut rng = Rng::new(Seed::from_number(seed));
        let (estimate, silence) = (random_estimate(&mut rng), random_silence(&mut rng));
        let there = estimate.there();
        let mut now = Instant::ORIGIN;
        let mut due = Instant::ORIGIN;
        for _ in 0..200 {
            assert_sane(&estimate, there, &silence, now);
            let resend = estimate.resend_at(&silence, now);
            let next = resend.unwrap_or_else(|| estimate.give_up_once_at(&silence, now));
            assert!(next >= due, "{next} comes before {due}, {silence:?}, {estimate:?}");
            due = next;
            let Some(review) = estimate.next_review(there, &silence, now) else {
                return true;
            };
            // Beyond, every call has failed.
            if now.since(Instant::ORIGIN) >= NetworkEstimate::LONGEST {
                return true;
            }
            assert!(review > now, "{review} again, {silence:?}, {estimate:?}");
            now = review;
        }
        false
    }

    /// A call is sent again when a loss becomes as likely as a late answer, or few are as late; it is given
    /// up when an answer becomes less likely than what may be missed; not before, and not much later.
    fn moments_are_where_the_chances_cross(seed: u64) -> bool {
        let mut rng = Rng::new(Seed::from_number(seed));
        let (estimate, silence) = (random_estimate(&mut rng), random_silence(&mut rng));
        let weights = |now| estimate.weights(estimate.there(), &silence, now);
        let is_hopeless =
            |now| weights(now).answers(false) <= NetworkEstimate::MISSED * (1.0 + 1e-9);
        let resend = estimate.resend_at(&silence, Instant::ORIGIN);
        let given_up = estimate.give_up_once_at(&silence, Instant::ORIGIN);
        let lost = estimate.lost.after_hits(silence.sends - 1);
        let resends = |now: Instant| {
            let later = estimate.longer_than(&silence, now.since(silence.last_sent()));
            let loss_is_likelier = later * (1.0 - lost) <= lost * (1.0 + 1e-9);
            // However many are lost, half of the answers have their time.
            let is_late = later <= NetworkEstimate::MOST_RESEND_LEVEL;
            later <= NetworkEstimate::SENT_TWICE || loss_is_likelier && is_late
        };
        resend.is_none_or(|at| crosses(at, resends)) && crosses(given_up, is_hopeless)
    }

    /// However wrong it has been, an estimate learns what the network has become.
    fn an_estimate_forgets(seed: u64, micros: u32) -> bool {
        let mut rng = Rng::new(Seed::from_number(seed));
        let mut estimate = random_estimate(&mut rng);
        let took = Duration::from_micros(u64::from(micros % 2_000_000));
        for _ in 0..1000 {
            teach(&mut estimate, took, 0);
        }
        let silence = Silence::new(Instant::ORIGIN, None);
        let once = estimate.give_up_once_at(&silence, Instant::ORIGIN);
        let most = took + NetworkEstimate::BUSY;
        estimate.there() > 0.99 && (at(0) + took..=at(0) + most * 3).contains(&once)
    }
}
