use super::*;
use crate::journal::{Commit, Journal};

fn group(n: u128) -> RunGroup {
    RunGroup(Uuid::from_u128(n))
}

fn seat(n: u128, at: i64, run: u128) -> Seat {
    Seat { group: group(n), at: Timestamp::from_millis(at), run: RunId(Uuid::from_u128(run)) }
}

fn waiter(above: AboveLimit) -> Waiter {
    Waiter { tenant: TenantId::parse("acme").unwrap(), bytes: 7, limit: 2, above }
}

fn commit(journal: &Journal, seats: Vec<SeatOp>) -> Snapshot {
    journal.commit(&Commit { seats, ..Commit::default() }).unwrap();
    journal.read().unwrap()
}

#[test]
fn what_is_written_twice_counts_once_and_what_leaves_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    let (one, two) = (seat(1, 5, 1), seat(1, 6, 2));
    let waits = || SeatOp::Wait(two, waiter(AboveLimit::CancelOldest));
    let read = commit(&journal, vec![SeatOp::Sit(one), SeatOp::Sit(one), waits(), waits()]);
    assert_eq!((read.seats_taken(group(1)).unwrap(), read.seats_taken(group(2)).unwrap()), (1, 0));
    assert_eq!(read.standing(one.run).unwrap(), Some(Standing { seat: one, waits: None }));
    let waiting = Standing { seat: two, waits: Some(waiter(AboveLimit::CancelOldest)) };
    assert_eq!(read.standing(two.run).unwrap(), Some(waiting));
    let read = commit(&journal, vec![SeatOp::Leave(one), SeatOp::Sit(two), SeatOp::Leave(one)]);
    assert_eq!(read.seats_taken(group(1)).unwrap(), 1);
    assert_eq!((read.standing(one.run).unwrap(), read.first_waiting(group(1), None).unwrap()), (None, None));
    let read = commit(&journal, vec![SeatOp::Leave(two), SeatOp::Leave(two)]);
    assert_eq!((read.seats_taken(group(1)).unwrap(), read.first_sitting(group(1), None).unwrap()), (0, None));
    assert_eq!(read.waiting_for_a_seat().unwrap().count(), 0);
}

#[test]
fn a_group_is_in_the_order_of_acceptance_and_ends_where_the_next_one_begins() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    let all = [seat(1, 5, 9), seat(1, 5, 10), seat(1, 7, 1), seat(2, 1, 4)];
    let waits = all.map(|seat| SeatOp::Wait(seat, waiter(AboveLimit::Queue)));
    let read = commit(&journal, waits.to_vec());
    let (mut found, mut after) = (Vec::new(), None);
    while let Some((seat, _)) = read.first_waiting(group(1), after).unwrap() {
        found.push(seat);
        after = Some(seat);
    }
    assert_eq!(found, all[..3]);
    let groups = read.groups_with_waiting().unwrap();
    assert_eq!(groups.iter().map(|(_, group)| *group).collect::<Vec<_>>(), [group(1), group(2)]);
    assert_eq!(read.waiting_for_a_seat().unwrap().count(), 4);
    let read = commit(&journal, all.map(SeatOp::Sit).to_vec());
    assert_eq!(read.first_sitting(group(1), Some(all[0])).unwrap(), Some(all[1]));
    assert_eq!((read.seats_taken(group(1)).unwrap(), read.groups_with_waiting().unwrap().len()), (3, 0));
}
