//! End to end: the real programs with everything real behind them, spoken to only from outside.
//!
//! One program: it starts what most tests share once, runs the tests on it, stops it, and looks whether a process is
//! left. `E2E_SYSTEM` says what they share: `cluster` (Apache Kafka, `ClickHouse`, the function binaries, two workers
//! behind one address) or `dev` (`minireipaz dev`). The faults need the cluster.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "the modules of a test binary are its own")]

mod api;
mod bad_input;
mod cancel;
mod client;
mod cluster;
mod crash;
mod examples;
mod faults;
mod leftovers;
mod outage;
mod process;
mod replies;
mod stop;
mod system;
mod world;

use std::process::ExitCode;

use libtest_mimic::Arguments;
use world::World;

/// Tests by their names: `shared` get a client of a tenant of their own, `fault` the cluster, `alone` start what they
/// need.
macro_rules! tests {
    ($world:ident, shared: $($module:ident::$name:ident),* $(,)?) => {
        vec![$($world.shared(concat!(stringify!($module), "::", stringify!($name)), $module::$name)),*]
    };
    ($world:ident, fault: $($module:ident::$name:ident),* $(,)?) => {
        vec![$($world.fault(concat!("faults::", stringify!($module), "::", stringify!($name)), faults::$module::$name)),*]
    };
    ($world:ident, alone: $($module:ident::$name:ident),* $(,)?) => {
        vec![$($world.alone(concat!(stringify!($module), "::", stringify!($name)), $module::$name)),*]
    };
}

fn main() -> ExitCode {
    if let Some(file) = setting(leftovers::HOLD) {
        World::new().hold(&file);
    }
    let arguments = Arguments::from_args();
    let world = World::new();
    let mut together = tests![world, shared:
        api::a_saved_version_is_the_one_that_runs_next,
        api::a_run_is_streamed_revision_by_revision_until_its_end,
        api::many_runs_at_once_all_finish,
        bad_input::a_workflow_that_is_wrong_is_refused_with_all_its_violations_and_not_saved,
        bad_input::a_request_that_is_wrong_has_a_problem_of_its_own,
        bad_input::what_belongs_to_another_tenant_is_as_if_it_did_not_exist,
        bad_input::a_wrong_version_and_a_reused_key_change_nothing,
        cancel::a_run_in_the_middle_of_a_call_ends_at_once_and_the_calls_connection_is_closed,
        cancel::the_runs_that_a_run_has_called_end_with_it_and_those_that_these_have_called,
        replies::a_run_can_be_read_where_its_reply_says_as_soon_as_it_is_accepted,
        replies::a_long_poll_is_answered_when_something_changes_and_not_before,
        replies::a_long_poll_without_a_change_ends_with_what_is_known,
        replies::a_reader_never_sees_a_run_go_backwards,
        examples::every_example_gives_its_expected_result,
        examples::the_command_line_runs_an_example_and_compares_its_output,
    ];
    together.extend(tests![world, alone:
        crash::a_run_goes_on_after_kill_9_and_steps_that_were_done_are_not_repeated,
        crash::runs_that_were_accepted_just_before_kill_9_all_finish,
        crash::no_process_outlives_kill_9,
        outage::all_runs_are_recorded_once_although_clickhouse_was_killed_meanwhile,
        outage::dev_starts_its_own_clickhouse_again_when_somebody_kills_it,
        stop::ctrl_c_stops_everything_and_the_next_start_goes_on,
        stop::a_second_one_is_told_what_is_in_its_way,
        stop::without_a_server_a_command_says_how_to_start_one,
    ]);
    let mut failed = libtest_mimic::run(&arguments, together).has_failed();
    if world.has_cluster() {
        let alone = tests![world, alone:
            leftovers::no_process_of_a_cluster_outlives_its_killed_test_program,
        ];
        // One after the other.
        let arguments = Arguments { test_threads: Some(1), ..arguments.clone() };
        let faults = tests![world, fault:
            broker::the_broker_is_stopped_and_started,
            broker::the_broker_is_killed_and_started,
            database::the_database_is_stopped_and_started,
            database::the_database_is_killed_and_started,
            programs::a_worker_is_killed_and_started,
            programs::a_worker_is_stopped_in_order_and_started,
            programs::a_worker_is_away_and_the_other_goes_on,
            programs::both_workers_are_killed_and_started,
            programs::the_bridge_is_killed_and_started,
            programs::a_second_bridge_joins_and_the_first_is_killed,
            programs::the_functions_are_killed_and_started,
            network::replies_of_workers_are_cut,
            network::the_scheduler_function_times_out,
            network::the_workers_are_too_busy,
            duplicates::events_come_again_in_another_order,
            duplicates::both_topics_come_again_from_the_beginning_under_load,
            duplicates::records_that_nobody_can_read_lie_between_good_ones,
            disk::the_disk_of_a_worker_is_full,
        ];
        failed |= libtest_mimic::run(&arguments, alone.into_iter().chain(faults).collect()).has_failed();
    }
    if !arguments.list {
        failed |= world.end().is_err();
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// A setting of the suite, from `.e2e.env` or the environment.
fn setting(name: &str) -> Option<String> {
    std::env::vars()
        .find(|(found, _)| found == name)
        .map(|(_, value)| value)
        .filter(|value| !value.is_empty())
}
