//! Replays what the original really sent, and holds our node against it byte for byte.

mod golden;
mod written;

use golden::Generation::{Early, Late};
use golden::{codec, differences, requests, retransmission, sessions};

#[test]
fn every_request_to_the_earlier_generation_is_answered_as_it_was() {
    requests::replay(Early);
}

#[test]
fn every_request_to_the_later_generation_is_answered_as_it_was() {
    requests::replay(Late);
}

#[test]
fn our_node_takes_the_place_of_one_in_a_session_of_the_earlier_generation() {
    sessions::replay(Early);
}

#[test]
fn our_node_takes_the_place_of_one_in_a_session_of_the_later_generation() {
    sessions::replay(Late);
}

#[test]
fn every_datagram_of_a_session_is_read_and_written_back_to_the_same_bytes() {
    codec::round_trip(Early);
    codec::round_trip(Late);
}

#[test]
fn a_ping_that_nobody_answers_is_sent_and_given_up_as_by_the_earlier_generation() {
    retransmission::replay(Early);
}

#[test]
fn a_ping_that_nobody_answers_is_sent_and_given_up_as_by_the_later_generation() {
    retransmission::replay(Late);
}

#[test]
fn every_listed_difference_names_one_recorded_case_and_says_why() {
    differences::check(Early);
    differences::check(Late);
}
